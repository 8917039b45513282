// Package serve shows a folder of results in a browser: a list, the report of each,
// comparisons of chosen ones, and a run that goes on, as it happens. It is read only:
// no request starts, changes or removes anything.
//
// It makes no figures and no sentences of its own. Reports and comparisons are made by
// functions that it is handed (Config), answers come from metrics/verdict, and what a
// run does from the run itself: it announces itself on a unix socket in its result's
// folder (Announce), or is in this process (Server.Attach). A run is asked only while
// somebody looks, and never waits for anybody.
//
// INVARIANT: nothing outside the folder is read, whatever a path says or a link points
// to (os.Root), and in it only files of known names.
// INVARIANT: a request is answered only if it is a GET or HEAD without a body and names
// a host that the server is (Host header): another site's script that has its own name
// resolve to this machine gets nothing.
// INVARIANT: every text of a result, of a folder's name or of a socket is escaped, and
// no page asks anything of another host or runs a script of data
// (Content-Security-Policy).
// INVARIANT: memory, connections, streams and times have limits, at which a request
// gets an error and the others go on.
package serve
