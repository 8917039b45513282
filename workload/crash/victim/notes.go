package victim

import (
	"flushbench/engine/clock"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/driver"
)

// notes is what a client takes down in the ledger: first the ledger has an
// acknowledgement, then the client goes on. So the ledger never lacks one of which
// anything can be seen.
//
// INVARIANT: nothing here is between the client and its session. On the way back from
// a system call each function that is returned from takes some 25 ns, most likely
// because the kernel's own calls go deeper than a processor remembers return
// addresses; what is called before and after it returns at once.
type notes struct {
	_       [apart]byte
	lane    ledger.Lane
	session workload.Session
	ledger  *ledger.Ledger
	_       [apart - 8]byte // 384 bytes in all, so that a lane is on the begin of a line
}

// apart keeps what a commit reads here out of the lines of the cache, and of their
// neighbours, that others write.
const apart = 128

// notesIn returns a driver.Config.Notes that opens the lane of a client in l.
func notesIn(l *ledger.Ledger) func(client uint32, s workload.Session) driver.Notes {
	return func(client uint32, s workload.Session) driver.Notes {
		n := &notes{ledger: l, lane: *l.Lane(int(client)), session: s}
		n.lane.Open(s.Seq())
		return n
	}
}

// Asks implements driver.Notes.
func (n *notes) Asks(seq uint64) { n.lane.Begin(seq) }

// Acked implements driver.Notes.
func (n *notes) Acked(seq uint64, size int64) {
	n.lane.AckNow(seq, uint64(n.session.LastEnd()), size)
}

// stubborn is how often a client tries again after the engine has failed. It
// must not be acknowledged.
const stubborn = 3

// Refused implements driver.Notes: it tries again.
func (n *notes) Refused(t *workload.Txn, size int64, err error) {
	n.ledger.Fail(clock.Now(), err.Error())
	for range stubborn {
		seq := n.session.Seq() + 1
		n.Asks(seq)
		if n.session.Run(t) == nil { // the first error is the one that counts
			n.Acked(seq, size)
		}
	}
}
