// Package simdisk simulates group commit on disks whose knee follows on paper, in
// virtual time: a second of it takes a millisecond or so. It exists to test what
// searches for knees, models them or looks for change points, and for nothing else:
// no figure of a real disk comes from here.
//
// It is a discrete-event simulation of one queue with one server. Commits arrive by
// a schedule, or each client brings its next one as soon as the last is acknowledged;
// the server takes what waits, up to a limit, and serves it in a time that the disk
// says. It knows nothing of the engine, so that the two cannot be wrong alike.
//
// INVARIANT: the same seed gives the same figures.
package simdisk
