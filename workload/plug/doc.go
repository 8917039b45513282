// Package plug pulls the plug of a whole machine and finds out whether its disk
// keeps what it says it flushed. Three programs: a witness on a second machine,
// which lives on (OpenWitness); a load on the machine that dies, an engine whose
// acknowledgements it reports to the witness (Load); and, after the power is back,
// a judge on the same disk that compares what is there with what the witness knows
// (Verify).
//
// What counts: an acknowledgement counts when the witness has written it to its own
// journal and flushed that. What the load acknowledged after its last confirmed
// report is unknown: its loss is not counted, its presence is allowed.
//
// The load has one report under way at a time, so the next one says everything that
// has happened since: a slow network makes fewer and larger steps, never a queue.
// A report stands alone (Report): it holds every client's last acknowledgement and
// the newest sample of what is at risk. Reports are numbered; one that was sent twice
// counts once. So a connection may break, and the witness may be started again, at
// any moment.
//
// INVARIANT: the witness confirms a report after it is flushed, never before; after a
// failed write or flush of its journal it confirms nothing any more.
//
// INVARIANT: whatever arrives at its port, the witness uses bounded memory
// (MaxConns, MaxRuns, MaxRunBytes, MaxFrame) and bounded time (deadlines), and
// changes nothing but for a well-formed report of a run that it knows.
//
// Nothing here is encrypted, and nobody has to give a password: who reaches the port
// and knows a run's random id can report for it. The default address is loopback.
package plug
