// Package report makes a page of saved results: HTML that stands alone, and the
// same as Markdown with its pictures beside it.
//
// It arranges and escapes. What it says comes from metrics/verdict, word for word
// as on the terminal, its figures from the tables that it is handed, its pictures
// from plots. It measures nothing and claims nothing of its own.
//
// INVARIANT: the same results give the same bytes: no clock, no path of the machine
// that makes the page.
// INVARIANT: every text of a result is escaped: a host name, a file name or an error
// is never markup, whoever wrote the file.
// INVARIANT: the HTML asks for nothing: its policy (Content-Security-Policy) forbids
// every request, and names the hash of its one script and its one style sheet.
// Without the script all of it can be read.
//
// All functions may be called by several goroutines at once, as long as nobody
// changes the results meanwhile.
package report
