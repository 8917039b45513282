// Package probe measures what a disk can do without an engine: bare loops by
// one thread that write and flush.
//
// Limit is the yardstick that a run holds its cells against, WriteLoop that of
// policy 2 with one client; Run is `flushbench probe`: every flush method at several
// sizes, overwriting and appending, with the checks that tell whether this
// storage stack looks honest; and log records against pages at random places,
// what a database without a log would have to write.
//
// All files go through engine/vfs, so that a wrapper with added latency or
// injected errors applies to the loops as it does to the engine. The loops
// allocate nothing, lock their thread, and stop at the first error: a write or
// flush that failed is never tried again.
//
// INVARIANT: a loop writes only inside the ranges and files that it is given.
package probe
