package groupcommit

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A group waits until those ahead of it are released, and then for those who come
// back: all are in one group whether flushes may overlap or not.
func TestGathersThoseAhead(t *testing.T) {
	for _, serial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := idleStages(t, StageConfig{Serial: serial, Delay: Delay{Adaptive: true}})
			g.gather.detached(2)
			waits(g)
			var closed atomic.Bool
			go func() {
				g.gather.before(g)
				closed.Store(true)
			}()
			synctest.Wait()
			if closed.Load() {
				t.Fatalf("serial %t: a group is closed while two are ahead", serial)
			}
			g.gather.released(1, 1)
			synctest.Wait()
			if closed.Load() {
				t.Fatalf("serial %t: a group is closed while one is ahead", serial)
			}
			// Time stands still while it polls, so its patience does not end.
			g.gather.released(1, 1)
			for range 100 {
				runtime.Gosched()
			}
			if closed.Load() {
				t.Fatalf("serial %t: a group of one is closed; one is on its way back", serial)
			}
			waits(g)
			synctest.Wait()
			if !closed.Load() {
				t.Fatalf("serial %t: a group of all is not closed", serial)
			}
		})
	}
}

// Nobody waits who has nobody to wait for: alone, with the count full, while the
// gatherer holds off, and without the adaptive delay.
func TestGathersForNobody(t *testing.T) {
	adaptive := StageConfig{Delay: Delay{Adaptive: true}}
	for _, c := range []struct {
		name        string
		cfg         StageConfig
		ahead, skip int
	}{
		{"alone", adaptive, 0, 0},
		{"the count is full", StageConfig{Delay: Delay{Adaptive: true}, Count: 1}, 1, 0},
		{"holding off", adaptive, 1, 1},
		{"not adaptive", StageConfig{}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := idleStages(t, c.cfg)
			g.gather.off.skip = c.skip
			g.gather.detached(c.ahead)
			waits(g)
			g.gather.before(g) // else all goroutines are blocked, and the test fails
			if n := g.Stats().Gathers; n > 0 {
				t.Errorf("%s: %d groups were gathered", c.name, n)
			}
		})
	}
}

// waits puts a client into the FLUSH stage.
func waits(g *OrderedCommit) {
	s := NewStaged(nil)
	g.flush.enroll(s, s, 1)
}

func idleStages(t *testing.T, cfg StageConfig) *OrderedCommit {
	t.Helper()
	g, err := NewOrderedCommit(&Committer{}, idleBinlog{}, cfg) // which has not failed
	if err != nil {
		t.Fatal(err)
	}
	return g
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
