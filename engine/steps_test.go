package engine

import (
	"slices"
	"sync"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
)

// stepSpy notes what it is told.
type stepSpy struct {
	mu    sync.Mutex
	seen  []string
	locks []uint64
	ends  []lsn.LSN
	pages map[uint8]bool
	wrong error
}

func (s *stepSpy) Locked(_ uint32, key uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.locks = append(s.seen, "lock"), append(s.locks, key)
}

func (s *stepSpy) Appending(id trx.ID) {
	if id == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, "appending")
}

func (s *stepSpy) Appended(id trx.ID, start, end lsn.LSN, changes []byte) {
	if id == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.ends = append(s.seen, "appended"), append(s.ends, end)
	if err := bufpool.Changes(changes, func(c bufpool.Change) error { s.pages[c.ID.Space] = true; return nil }); err != nil || start >= end {
		s.wrong = err
	}
}

// An observer is told of each step in its order: the lock before the change, the record
// before anything depends on it.
func TestStepObserver(t *testing.T) {
	spy := &stepSpy{pages: map[uint8]bool{}}
	o := bankOptions(newDisk(t))
	o.Steps = spy
	b := newBank(t, o)
	db := opened(t, b.opts)
	c := conn(t, db, 0)
	spy.mu.Lock()
	spy.seen, spy.locks, spy.ends = nil, nil, nil
	spy.mu.Unlock()
	must(t, set(c, 3, 7))
	spy.mu.Lock()
	defer spy.mu.Unlock()
	if want := []string{"lock", "appending", "appended", "appending", "appended", "appending", "appended"}; !slices.Equal(spy.seen, want) {
		t.Errorf("told of %q; want %q", spy.seen, want)
	}
	if !slices.Equal(spy.locks, []uint64{3}) || !spy.pages[bufpool.SpaceTable] || !spy.pages[bufpool.SpaceUndo] || spy.wrong != nil {
		t.Errorf("locks %v, pages of %v, %v", spy.locks, spy.pages, spy.wrong)
	}
	if want := []lsn.LSN{c.Prepared(), c.End()}; len(spy.ends) != 3 || !slices.Equal(spy.ends[1:], want) {
		t.Errorf("records end at %v; want the last two at %v", spy.ends, want)
	}
}

// What Stand says of one transaction is what Keeps says of all.
func TestStandAgreesWithKeeps(t *testing.T) {
	b := newBank(t, bankOptions(newDisk(t)))
	db := opened(t, b.opts)
	c := conn(t, db, 0)
	type one struct {
		seq   uint64
		stand Stand
	}
	var all []one
	var redo []lsn.LSN
	var bin []binlog.Pos
	for i := range uint64(6) {
		must(t, b.transfer(c, noteBase+i, transfer{from: 1, to: 2, amount: 3}))
		s := Stand{Prepared: c.Prepared(), Binlog: c.BinlogEnd(), Committed: c.End()}
		all = append(all, one{c.BinlogSeq(), s})
		redo = append(redo, s.Prepared-1, s.Prepared, s.Committed-1, s.Committed)
		bin = append(bin, s.Binlog-1, s.Binlog)
	}
	for _, r := range redo {
		for _, p := range bin {
			keeps := db.Keeps(r, p)
			for _, x := range all {
				xid, prepare, commit := x.stand.Keeps(r, p)
				if xid != (x.seq <= keeps.Xid) || prepare != (x.seq <= keeps.Prepare) || commit != (x.seq <= keeps.Commit) {
					t.Fatalf("transaction %d at redo %v, binlog %v: %v, %v, %v; all keep %+v", x.seq, r, p, xid, prepare, commit, keeps)
				}
			}
		}
	}
	if xid, prepare, commit := (Stand{}).Keeps(lsn.Max, ^binlog.Pos(0)); xid || prepare || commit {
		t.Error("what stands nowhere is kept")
	}
}
