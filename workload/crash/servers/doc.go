// Package servers crashes real database servers: MariaDB, MySQL or PostgreSQL
// takes the place of the engine in a matrix of package crash. The disks, the
// moments and the order of a trial are that package's.
//
// A trial: the files of a server that was shut down cleanly are copied onto the
// disk, the server is started on them and set, by SET GLOBAL or its like, to the
// policy that is tried. Clients in this process, which the crash spares, run
// transactions that keep notes and write down when each commit was acknowledged.
// After the crash the server is started again and recovers by itself. Then its
// tables are read: the note of each client says which of its commits are there,
// and every row must be what these make it.
//
// It is not the lab of package lab, and it knows no server from inside: it asks
// by SQL, through package target. What a binlog holds is not compared with the
// tables.
//
// INVARIANT: each trial begins with the same files, so that how much of the redo
// log was ever written is the same too.
package servers
