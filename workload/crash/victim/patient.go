package victim

import (
	"math"
	"sync/atomic"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/target/embedded"
)

// patient is the engine under load, or the database.
type patient struct {
	spec   *Spec
	ledger *ledger.Ledger
	fs     *vfs.Faulty
	target workload.Target
	txns   *workload.Generator // nil: workload log
	risk   *ledger.AtRisk
	stop   stopper
	look   func() look
}

// look is what the logs say at about one moment.
type look struct {
	safe  [ledger.NumKinds]uint64 // in units of Session.LastEnd
	kept  [metrics.NumKinds]engine.Kept
	marks engine.DatabaseMarks
	last  uint64
}

// admit makes the files on disk if asked for, and opens them. Who is stopped at a crash
// point goes on when over is closed.
func admit(s *Spec, l *ledger.Ledger, disk vfs.FS, over <-chan struct{}) (*patient, error) {
	if s.Full {
		disk = tellsFull(disk, func() { l.Strike(clock.Now()) })
	}
	fs, err := vfs.NewFaulty(disk, nil)
	if err != nil {
		return nil, err
	}
	p := &patient{spec: s, ledger: l, fs: fs, stop: stopper{over: over}}
	if s.Fresh {
		if err := s.Create(disk); err != nil {
			return nil, err
		}
	}
	marks := s.Setting().Watermarks()
	p.track(marks)
	if s.Transactional() {
		return p, p.openDatabase(marks)
	}
	return p, p.openLog(marks)
}

// track prepares for saying what is at risk.
func (p *patient) track(marks [metrics.NumKinds]durability.Watermark) {
	var never [ledger.NumKinds]bool
	for k, m := range marks {
		never[k] = m == durability.Never
	}
	if p.spec.Binlog() {
		for k, m := range p.spec.binlogMarks() {
			never[k] = never[k] || m == durability.Never
		}
	}
	p.risk = p.ledger.AtRisk(never)
}

// binlogMarks says which of the binlog's own positions makes a commit safe from
// each crash kind.
func (s *Spec) binlogMarks() [metrics.NumKinds]durability.Watermark {
	set := s.Setting()
	set.Method, set.Growth = s.Database.Binlog.Method, s.Database.Binlog.Growth
	if set.Method.Direct() { // the binlog never is
		set.Growth = vfs.GrowAppend
	}
	return set.Watermarks()
}

// openLog opens workload log.
func (p *patient) openLog(marks [metrics.NumKinds]durability.Watermark) error {
	e, err := engine.Open(p.spec.EngineOptions(p.fs))
	if err != nil {
		return err
	}
	p.target = embedded.New(e)
	p.look = func() (l look) {
		l.marks.Watermarks = e.Watermarks()
		for k, m := range marks {
			l.safe[k] = uint64(durability.Position(m, l.marks.Written, l.marks.Flushed))
		}
		return l
	}
	return nil
}

// openDatabase opens the database of every other workload, with a new binlog.
func (p *patient) openDatabase(marks [metrics.NumKinds]durability.Watermark) error {
	s := p.spec
	if s.Binlog() && !s.Fresh {
		g, err := s.Generator()
		if err != nil {
			return err
		}
		if err := engine.ResetBinlog(s.DatabaseOptions(p.fs, g)); err != nil {
			return err
		}
	}
	db, g, err := s.OpenDatabaseWith(p.fs, p.hook())
	if err != nil {
		return err
	}
	if err := s.Settle(p.fs); err != nil {
		return err
	}
	seqs, err := subject.Notes(db, g)
	if err != nil {
		return err
	}
	p.target, p.txns = embedded.NewDatabase(db, seqs), g
	binlog := s.binlogMarks()
	p.look = func() (l look) {
		l.marks = db.Marks()
		for k, m := range marks {
			redo := durability.Position(m, l.marks.Written, l.marks.Flushed)
			l.safe[k] = uint64(redo)
			if s.Binlog() {
				earlier := durability.Position(m, l.marks.Earlier.Written, l.marks.Earlier.Flushed)
				l.kept[k] = db.KeepsOf(redo, earlier, durability.Position(binlog[k], l.marks.BinlogWritten, l.marks.BinlogFlushed))
				l.safe[k] = l.kept[k].Safe()
			}
		}
		if s.Binlog() {
			l.last = db.Keeps(lsn.Max, math.MaxInt64).Commit
		}
		return l
	}
	return nil
}

// sample takes one sample of the ledger.
func (p *patient) sample(s *ledger.Sample) {
	s.At = clock.Now()
	p.ledger.Tick(s.At)
	// First: what was safe when it was acknowledged is then never called at risk.
	p.risk.Look()
	l := p.look()
	s.Acked = p.risk.Acked()
	s.Written, s.Flushed = uint64(l.marks.Written), uint64(l.marks.Flushed)
	s.BinlogWritten, s.BinlogFlushed = uint64(l.marks.BinlogWritten), uint64(l.marks.BinlogFlushed)
	s.Last, s.Overflow = l.last, p.risk.Missed()
	s.Risk = p.risk.At(s.At, l.safe)
	for k, kept := range l.kept {
		r := &s.Risk[k]
		r.Xid, r.Prepare, r.Commit = kept.Xid, kept.Prepare, kept.Commit
	}
	p.ledger.Record(s)
}

// watch samples until the load is over, and lets a flush fail when its time has
// come.
func (p *patient) watch(begin int64, over *atomic.Bool) {
	var s ledger.Sample
	fault := begin + int64(p.spec.FaultAfter)
	armed := p.spec.FaultAfter == 0
	point := begin + int64(p.spec.PointAfter)
	for next := begin; !over.Load(); next = max(next+int64(sampleEvery), clock.Now()) {
		if !armed && clock.Now() >= fault {
			armed = true
			_ = p.fs.FailNext(p.spec.aim(), p.struck) // that pattern is well-formed
		}
		if clock.Now() >= point && s.Acked >= beforePoint {
			p.stop.armed.Store(true)
		}
		p.sample(&s)
		// NB: not clock.Sleep. A goroutine that blocks its thread in nanosleep keeps
		// its processor, until the scheduler's monitor takes that away: once a
		// millisecond that is a fifth of what the clients can commit on two of them.
		time.Sleep(time.Duration(next + int64(sampleEvery) - clock.Now()))
	}
}

// aim is the pattern of the files of which a flush is made to fail: a log's, because
// commits wait for no other. Where they wait for both logs, the seed draws one.
func (s *Spec) aim() string {
	if s.Binlog() && s.Database.Stages.SyncBinlog == 1 && s.Seed%2 == 1 {
		return "binlog.0*"
	}
	return "redo.*"
}

// struck is called by whoever asked for the flush that is about to fail.
func (p *patient) struck() { p.ledger.Strike(clock.Now()) }

// drain is how long a victim that has failed stays, so that an acknowledgement
// that must not come has its chance.
const drain = 20 * time.Millisecond
