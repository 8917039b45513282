// Package server runs database servers of our own: MariaDB, MySQL or PostgreSQL
// from the installed programs, each on a data folder that flushbench was given,
// reached over a unix socket alone, ended and removed with all that belongs to it.
// It also looks, from outside, at how a server has its redo log open ([OpenRedo])
// and at how much of a file was ever written ([Extents]).
//
// It speaks to a server no further than to ask whether it answers: sessions,
// statements and settings are the business of the packages below workload/target.
// Private servers need Linux.
//
// A private server is safe from everyone else by the folder of its socket, which
// only its own user and root may enter; it asks nobody for a password, and none
// exists.
//
// INVARIANT: a signal goes to no process but one that this package started, or
// that such a one forked. A process is known by its number and the time of its
// start, so that a number which was given away again is nobody's.
//
// INVARIANT: a server does not outlive the flushbench that started it. The kernel
// kills it with us; see [CleanUp] for its files.
package server
