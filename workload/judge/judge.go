package judge

import (
	"errors"
	"fmt"
	"math"

	"flushbench/engine/bufpool"
	"flushbench/engine/vfs"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
)

// Case is a crash to be judged.
type Case struct {
	Subject subject.Subject
	FS      vfs.FS // where Subject.Dir is; nil: the operating system's
	Kind    durability.Kind
	// State is the ledger, read after the victim had died.
	State *ledger.State
	// Frozen: the victim stood still when the crash struck, so the ledger says
	// exactly what was acknowledged.
	Frozen bool
	// Began and Ended are the crash (clock.Now): the call that shuts the file
	// system down, or that kills the process.
	Began, Ended int64
	// Before is what the last judge left in the folder (Outcome.Books); nil: it
	// was made for this trial.
	Before *Books
	// Promise is what must be kept; nil: what Subject promises for Kind.
	Promise *subject.Promise
}

// Books are what a judge remembers of a folder until its next crash.
type Books struct {
	Seqs []uint64   // by client: its last transaction in the engine
	rows []rowState // by row; nil where the workload's rows need none
}

// Outcome is what became of a trial. Counts are transactions that change
// something.
type Outcome struct {
	Acked       int64 // acknowledged in this trial, as far as it counts (see Case.cut)
	Recovered   int64 // of these, in the engine
	Lost        int64 // acknowledged, in neither log; earlier trials' too
	EngineAhead int64 // acknowledged or not
	BinlogAhead int64 // acknowledged or not
	// Missing were acknowledged, and one log at least lacks them: lost, or in the
	// other log alone. SafeGone counts those of them that the last sample before
	// the crash had called safe from it, by log.
	Missing, SafeGone int64
	// Differences are the transactions behind EngineAhead and BinlogAhead, by client
	// and in order, and Rows the keys, ascending, under which the recovered engine
	// and a table that is made of the binlog hold different rows: those that they
	// change, their clients' notes too, where the changes do not cancel out.
	Differences []Difference
	Rows        []uint64
	// UnackedPresent are in a log though nobody was told so: allowed.
	UnackedPresent int64
	LostAgeNs      int64 // from the acknowledgement of the oldest lost one to the crash
	QuietNs        int64 // from the last acknowledgement of Acked to the crash
	// AckedAfter counts acknowledgements that came after the first failure of
	// the engine and cannot have been under way then.
	AckedAfter int64
	// Struck is when a flush was made to fail (clock.Now), in time for the engine
	// to notice before the crash; 0: none was, or too late. Noticed is when the
	// engine gave its first error, Failure that error; 0 and "": not before the
	// crash.
	Struck, Noticed int64
	Failure         string

	// What is never allowed.
	Phantom     int64 // sequences that nobody has begun
	HalfPresent int64 // rows or records that are not what whole transactions leave
	Gaps        int64 // sequences missing below one that is there
	Reordered   int64 // transactions out of order, or kept where an older one is not
	TotalOff    int64 // bank: by how much the total is wrong

	Promise   subject.Promise
	Predicted *Prediction // never nil: zero where nothing may be lost
	Verdict   string      // one of Kept to Violation
	// Violations are one line each, naming the client, its sequences and
	// positions, in the order in which they were found.
	Violations []string
	// Unreadable: the recovery itself failed. The folder is of no use any more.
	Unreadable bool
	// Damage is why, if it is a page that was not protected from torn writes: the
	// setting allows that, and promises nothing of what stood there. "": it is not.
	Damage string
	// Report is what recovery said; "" for workload log.
	Report string
	// Books are for the next Case in this folder; nil after a violation.
	Books *Books
}

// The verdicts, the mildest first.
const (
	Kept = "kept"
	// Diverged: nothing that was acknowledged is gone from either log, but one of
	// them has what the other lacks, as the setting allows.
	Diverged   = "diverged"
	LostWithin = "lost within the window"
	// NotPredicted: the setting allows the loss, but nobody had looked closely
	// enough to say how much was at risk: it proves nothing. See Prediction.Doubt.
	NotPredicted = "lost, not predicted"
	// LostMore: more than Prediction, or something that had been called safe.
	LostMore  = "lost more than predicted"
	Violation = "violation"
)

// violate notes a violation.
func (o *Outcome) violate(format string, args ...any) {
	o.Violations = append(o.Violations, fmt.Sprintf(format, args...))
}

// Judge recovers what Case.Subject has on its disk and compares. The folder is
// left as recovery leaves it; a database is closed cleanly.
func Judge(c Case) Outcome {
	if c.FS == nil {
		c.FS = vfs.NewOS()
	}
	t := trial{Case: &c}
	t.out.Promise = c.Subject.Promise(c.Kind)
	if c.Promise != nil {
		t.out.Promise = *c.Promise
	}
	if n := len(c.State.Clients); n != c.Subject.Clients {
		t.out.Unreadable = true
		t.out.violate("the ledger is of %d clients: must be %d", n, c.Subject.Clients)
	} else if err := t.read(); err != nil {
		t.unreadable(err)
	}
	t.claims()
	p := t.predict()
	t.out.Predicted = &p
	if !t.out.Unreadable {
		t.compare()
		t.diverge()
		t.hold()
	}
	t.failure()
	t.verdict()
	return t.out
}

// unreadable notes that the recovery failed. A damaged page is what a crash may leave
// without a doublewrite file.
func (t *trial) unreadable(err error) {
	t.out.Unreadable = true
	var damage *bufpool.DamageError
	if t.Subject.Transactional() && t.Subject.Database.NoDoublewrite && t.Kind != durability.Process && errors.As(err, &damage) {
		t.out.Damage = err.Error()
		return
	}
	t.out.violate("recovery failed: %v", err)
}

// trial is a case while it is judged.
type trial struct {
	*Case
	out   Outcome
	txns  *workload.Generator // nil: workload log
	whole *workload.Txn       // room for one, of changes
	found found
	claim []claim // by client
}

// found is what stands on the disk.
type found struct {
	engine []uint64 // by client: its last sequence
	binlog []uint64 // likewise; nil: no binlog
	order  []entry  // the transactions of the binlog
	end    uint64   // LSN where the redo log ends
	// What the recovery has reported.
	engineAhead, binlogAhead uint64
	rows                     []rowState
}

// claim is what is claimed of a client.
type claim struct {
	base  uint64
	acked uint64 // that counts
	last  uint64 // of acked, the last that changes something
	begun uint64
	exact bool
}

// claims fixes which acknowledgements count. What is dated after the crash began
// counts only if nothing may be lost: without a crash it would have become safe
// later.
func (t *trial) claims() {
	newest := int64(math.MinInt64)
	for i := range t.State.Clients {
		c := &t.State.Clients[i]
		k := claim{base: t.base(i), acked: c.Acked, begun: c.Begun, exact: true}
		if !c.Opened {
			k.acked, k.begun = k.base, k.base
		}
		if c.Opened && !t.Frozen && !t.out.Promise.All() {
			k.acked, k.exact = c.AckedBefore(t.Began)
		}
		k.last = t.noted(i, k.acked)
		if t.out.Acked += t.count(i, k.base, k.last); k.last > k.base {
			newest = max(newest, t.ackedAt(i, k.last))
		}
		t.claim = append(t.claim, k)
	}
	if t.out.Acked > 0 {
		t.out.QuietNs = max(0, t.Began-newest)
	}
}

// base is the sequence that a client began with. One that has not begun has what
// the last judge has seen.
func (t *trial) base(client int) uint64 {
	switch c := &t.State.Clients[client]; {
	case c.Opened:
		return c.Base
	case t.Before != nil:
		return t.Before.Seqs[client]
	}
	return 0
}

// noted is the last sequence up to seq that changes something.
func (t *trial) noted(client int, seq uint64) uint64 {
	if t.txns == nil {
		return seq
	}
	return t.txns.Noted(uint32(client), seq)
}

// count is how many of the sequences from+1 to to change something.
func (t *trial) count(client int, from, to uint64) (n int64) {
	if t.txns == nil {
		return int64(to - min(from, to))
	}
	for seq := from; seq < to; seq++ {
		if t.txns.Commits(uint32(client), seq) {
			n++
		}
	}
	return n
}

// verdict sums up.
func (t *trial) verdict() {
	o := &t.out
	gone := o.Lost + o.EngineAhead + o.BinlogAhead
	switch {
	case o.Damage != "":
		o.Verdict, o.Books = NotPredicted, nil
	case len(o.Violations) > 0:
		o.Verdict, o.Books = Violation, nil
	case gone == 0:
		o.Verdict = Kept
	case o.Missing == 0 && (o.Promise.EngineFirst || o.Promise.BinlogFirst) && o.Predicted.covers(o, int64(len(t.claim))):
		o.Verdict = Diverged
	case o.SafeGone > 0:
		o.Verdict = LostMore
	case o.Predicted.Truncated:
		o.Verdict = NotPredicted
	case !o.Predicted.covers(o, int64(len(t.claim))):
		o.Verdict = LostMore
	case o.Predicted.Doubt != "":
		o.Verdict = NotPredicted
	default:
		o.Verdict = LostWithin
	}
}
