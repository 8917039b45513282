package plug

import (
	"fmt"

	"flushbench/workload/crash/ledger"
)

// MaxClients bounds the clients of a load, so that a report fits a frame.
const MaxClients = 512

// Lane is one client in a report.
type Lane struct {
	Base  uint64 // its last sequence before the load
	Acked uint64 // its last sequence that was acknowledged; Base: none
	At    int64  // when that was, in nanoseconds of the load's clock; 0: none
	End   uint64 // where it ended in the log; 0: unknown
}

// Report is what a load says at one moment. It stands alone: later reports add
// nothing to it.
type Report struct {
	Number  uint64 // 1 and up, without a gap
	Began   int64  // of the load; this and all times are the load's clock, in ns, and above 0
	At      int64  // when Lanes were read; what was acknowledged before is in them
	Lanes   []Lane // by client
	Sample  *ledger.Sample
	Failure string // the first failure of the engine; "": none
	// FailedAt is when that was; 0: none, or unknown.
	FailedAt int64
}

// Acked is how many commits all clients have had acknowledged.
func (r *Report) Acked() (n uint64) {
	for _, l := range r.Lanes {
		n += l.Acked - l.Base
	}
	return n
}

func (r *Report) encode() []byte {
	var e encoder
	e.u64(r.Number)
	e.i64(r.Began)
	e.i64(r.At)
	e.i64(r.FailedAt)
	e.text(r.Failure, maxText)
	e.u32(uint32(len(r.Lanes)))
	for _, l := range r.Lanes {
		e.u64(l.Base)
		e.u64(l.Acked)
		e.i64(l.At)
		e.u64(l.End)
	}
	if r.Sample == nil {
		e.u16(0)
		return e
	}
	e.u16(1)
	s := r.Sample
	e.i64(s.At)
	for _, v := range []uint64{s.Acked, s.Written, s.Flushed, s.BinlogWritten, s.BinlogFlushed, s.Last, s.Overflow} {
		e.u64(v)
	}
	for _, k := range s.Risk {
		e.i64(k.Commits)
		e.i64(k.Bytes)
		e.i64(k.AgeNs)
		e.u64(k.Xid)
		e.u64(k.Prepare)
		e.u64(k.Commit)
	}
	return e
}

// decodeReport reads a report and holds it against what every report is.
func decodeReport(b []byte) (*Report, error) {
	d := decoder{b: b}
	r := &Report{Number: d.u64(), Began: d.i64(), At: d.i64(), FailedAt: d.i64(), Failure: d.text(maxText)}
	n := d.u32()
	if n > MaxClients {
		return nil, fmt.Errorf("%w: a report of %d clients: must be at most %d", errFrame, n, MaxClients)
	}
	for range n {
		r.Lanes = append(r.Lanes, Lane{Base: d.u64(), Acked: d.u64(), At: d.i64(), End: d.u64()})
	}
	switch d.u16() {
	case 0:
	case 1:
		r.Sample = decodeSample(&d)
	default:
		d.bad = true
	}
	if err := d.done("report"); err != nil {
		return nil, err
	}
	return r, r.check()
}

func decodeSample(d *decoder) *ledger.Sample {
	s := &ledger.Sample{At: d.i64()}
	for _, v := range []*uint64{&s.Acked, &s.Written, &s.Flushed, &s.BinlogWritten, &s.BinlogFlushed, &s.Last, &s.Overflow} {
		*v = d.u64()
	}
	for k := range s.Risk {
		s.Risk[k] = ledger.Risk{Commits: d.i64(), Bytes: d.i64(), AgeNs: d.i64(), Xid: d.u64(), Prepare: d.u64(), Commit: d.u64()}
	}
	return s
}

// check says what no load can have sent.
func (r *Report) check() error {
	switch {
	case r.Number == 0 || r.Began <= 0 || r.At < r.Began:
		return fmt.Errorf("%w: report %d of the time %d, its load began at %d", errFrame, r.Number, r.At, r.Began)
	case len(r.Lanes) == 0:
		return fmt.Errorf("%w: a report without clients", errFrame)
	}
	for i, l := range r.Lanes {
		if l.Acked < l.Base || l.At < 0 || l.At > r.At {
			return fmt.Errorf("%w: client %d: sequences %d to %d at %d in a report of the time %d", errFrame, i, l.Base, l.Acked, l.At, r.At)
		}
	}
	return nil
}

// after says whether r may follow the report before it, nil: none.
func (r *Report) after(last *Report) error {
	if last == nil {
		if r.Number != 1 {
			return fmt.Errorf("plug: the first report has number %d: must be 1", r.Number)
		}
		return nil
	}
	if r.Number != last.Number+1 || r.At < last.At || len(r.Lanes) != len(last.Lanes) || r.Began != last.Began {
		return fmt.Errorf("plug: report %d of %d clients does not follow report %d of %d", r.Number, len(r.Lanes), last.Number, len(last.Lanes))
	}
	for i, l := range r.Lanes {
		if p := last.Lanes[i]; l.Base != p.Base || l.Acked < p.Acked {
			return fmt.Errorf("plug: report %d: client %d goes from sequence %d back to %d", r.Number, i, p.Acked, l.Acked)
		}
	}
	return nil
}
