package groupcommit

import (
	"testing"
	"time"
)

// Where flushes overlap, half of those who are active make a group, if the two
// flushes take about as long; those who are active are all who had a turn since
// the waiting had theirs.
func TestExpectsHalfWhereFlushesOverlap(t *testing.T) {
	const turn = 1 + 100 // a hundred had left the queue when these left it last
	for _, c := range []struct {
		name        string
		serial      bool
		passed      uint64
		turns       []uint64
		flush, sync int64
		want        int
	}{
		{"eight active", false, 108, []uint64{turn}, 100, 100, 4},
		{"seven active", false, 107, []uint64{turn}, 100, 100, 4},
		{"one", false, 101, []uint64{turn}, 100, 100, 1},
		{"one that thinks among busy ones", false, 108, []uint64{turn - 90, turn}, 100, 100, 4},
		{"first turn", false, 8, []uint64{0}, 100, 100, 0},
		{"a long redo flush gathers by itself", false, 108, []uint64{turn}, 201, 100, 0},
		{"a long binlog flush gathers by itself", false, 108, []uint64{turn}, 100, 201, 0},
		{"serial: all", true, 108, []uint64{turn}, 100, 100, 8},
	} {
		g := &OrderedCommit{cfg: StageConfig{Serial: c.serial, Delay: Delay{Adaptive: true}}}
		g.gather.passed, g.gather.want = c.passed, 8
		g.gather.flushed(c.flush)
		g.gather.synced(c.sync)
		for _, at := range c.turns {
			s := NewStaged(nil)
			s.turn = at
			g.flush.enroll(s, s, 1)
		}
		if got := g.gather.expected(g); got != c.want {
			t.Errorf("%s: a group of %d is expected; want %d", c.name, got, c.want)
		}
	}
}

// Without PREPARE and the binlog first, the flush that overlaps the binlog's is that
// of the COMMITs.
func TestGathersByTheFlushOfCommits(t *testing.T) {
	for _, protocol := range Protocols.All() {
		log := newFakeLog()
		c, err := New(log, Config{Policy: Policy1})
		if err != nil {
			t.Fatal(err)
		}
		log.committer = c
		log.beforeWork = func(kind string) {
			if kind == "flush" {
				time.Sleep(2 * time.Millisecond)
			}
		}
		stages, err := NewOrderedCommit(c, &fakeBinlog{log: log, policy: Policy1, protocol: protocol}, StageConfig{SyncBinlog: 1, Protocol: protocol})
		if err != nil {
			t.Fatal(err)
		}
		o := &staging{}
		o.place = NewStaged(o)
		if protocol == TwoPhase {
			o.place.Prepared = log.append(1)
		}
		if err := stages.Commit(o.place); err != nil {
			t.Fatal(err)
		}
		if took := stages.gather.flushNs.Load(); took < int64(2*time.Millisecond) {
			t.Errorf("%v: a flush of the log of 2 ms counts as one of %v", protocol, time.Duration(took))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each of a group is told where the queue stood when it left.
func TestDetachedTellsTheTurn(t *testing.T) {
	var h stageGatherer
	a, b := NewStaged(nil), NewStaged(nil)
	a.next = b
	h.detached(a, 2)
	h.detached(b, 1)
	if h.passed != 3 || a.turn != 1 || b.turn != 3 {
		t.Errorf("passed %d, turns %d and %d; want 3, 1 and 3", h.passed, a.turn, b.turn)
	}
}
