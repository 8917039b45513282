// Package verdict turns a saved result into plain sentences: the answer of a
// run and the list of what was not tested. Its functions are pure: the same
// result gives the same words, on the terminal, in a page or years later.
//
// It claims no more than was measured. A difference is called one only when
// metrics/stats calls it significant and larger than the noise, which takes at
// least stats.MinRounds rounds; a loss window is what "may" be lost, never
// what was.
package verdict
