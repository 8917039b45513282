package plug

import (
	"fmt"
	"math/rand/v2"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
)

// SubjectOf returns what a scenario of a single cell asks for. A scenario without a
// seed gets a random one.
func SubjectOf(s *scenario.Scenario) (subject.Subject, error) {
	cells, _ := s.Cells()
	if len(cells) != 1 {
		return subject.Subject{}, fmt.Errorf("plug: %d combinations: a cut tries one: give one value for each setting", len(cells))
	}
	c := cells[0]
	x := subject.Subject{Clients: c.Clients, Seed: s.Seed, Engine: s.EngineOptions(c), Sizes: c.RecordBytes}
	for x.Seed == 0 {
		x.Seed = rand.Uint64() >> 11 // exact as a JSON number
	}
	switch {
	case s.Workload == workload.KindInsert || s.Workload == workload.KindReadWrite:
		return x, fmt.Errorf("plug: workload %v: legal are log, bank, update, write-only", s.Workload)
	case c.Mode == workload.Pipelined:
		return x, fmt.Errorf("plug: client mode %v: each client has its own reports; legal is %v", c.Mode, workload.Parked)
	case s.FlushFloor > 0:
		return x, fmt.Errorf("plug: flush-floor %v: a disk made slower is not the disk in question; leave it out", s.FlushFloor)
	}
	if !s.Workload.Transactional() {
		o := x.Engine
		if err := o.Validate(); err != nil {
			return x, err
		}
		if size, most := x.Sizes.Max(), o.MaxRecord(); size > most {
			return x, fmt.Errorf("plug: record of %d bytes: must be at most %d (half the log buffer, an eighth of the log capacity)", size, most)
		}
		return x, nil
	}
	if c.Durability == engine.DurabilityForcePages {
		return x, fmt.Errorf("plug: durability %v has no log to judge; legal is %v", c.Durability, engine.DurabilityRedo)
	}
	x.Load, x.Database = s.Txns(c), s.DatabaseOptions(c)
	x.Database.Options = x.Engine
	x.Database.Rows, x.Database.RowBytes = x.Load.Rows, table.MinRowBytes+x.Load.RowBytes
	return x, nil
}
