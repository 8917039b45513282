// Package servers has the real servers of a run: it starts or connects to them, sets
// what a cell asks for, gives each cell its clients, counts what they were told, reads
// the tables back, and gives every server back as it was.
//
// It does not decide what is measured or when, and knows no result but the parts that
// are about servers. Its caller says so: a Roster has all servers of a run, a Live is
// one of them, a Turn is one cell on it in one round.
//
// INVARIANT: nothing on a server that runs already is changed before its old state is
// on disk (Config.StateDir), and Close puts it back on every way out.
package servers
