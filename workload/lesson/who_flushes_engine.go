package lesson

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// heldEngine is our own engine under policy 2 on a place's disk, with one client: what
// the files stand for.
type heldEngine struct {
	opts   engine.Options
	e      *engine.Engine
	acked  []int64 // when each commit was acknowledged
	lost   int
	oldest time.Duration // how long before the crash the oldest lost one was acknowledged
}

// engineRoom is what the engine's log takes. It is never gone round, and no checkpoint
// comes: each would flush.
const engineRoom = 16 << 20

// newHeldEngine makes and opens an engine below dir; timer 0: without one.
func newHeldEngine(dir string, timer time.Duration) (*heldEngine, error) {
	h := &heldEngine{opts: engine.Options{
		FS: vfs.NewOS(), Dir: filepath.Join(dir, "engine"), Capacity: engineRoom, BufferSize: 1 << 20, Clients: 1,
		Method: vfs.Fdatasync, Commit: groupcommit.Config{Policy: groupcommit.Policy2, Interval: timer, NoTimer: timer == 0},
	}}
	err := os.Mkdir(h.opts.Dir, 0o755)
	if err == nil {
		err = engine.Create(h.opts)
	}
	return h, err
}

// run commits until ctx ends, a transaction as often as the files get a record.
func (h *heldEngine) run(ctx context.Context) error {
	var err error
	if h.e, err = engine.Open(h.opts); err != nil {
		return err
	}
	s, err := h.e.Session(0)
	if err != nil {
		return err
	}
	body := make([]byte, 256)
	for next := clock.Now(); ctx.Err() == nil; next += int64(heldEvery) {
		clock.SleepUntil(next)
		if err := s.Commit(body); err != nil {
			return err
		}
		h.acked = append(h.acked, clock.Now())
	}
	return nil
}

// close closes the engine without draining it. The error of an engine whose disk has
// crashed is expected.
func (h *heldEngine) close() {
	if h.e != nil {
		_ = h.e.Close()
		h.e = nil
	}
}

// judge reads what of the log is there after a crash that began then.
func (h *heldEngine) judge(began int64) error {
	rec, err := engine.Recover(h.opts.FS, h.opts.Dir, nil)
	if err != nil {
		return err
	}
	kept := int(rec.LastSeq(0))
	switch h.lost = len(h.acked) - min(kept, len(h.acked)); {
	case kept > len(h.acked)+1: // one may have been written and not acknowledged
		return errors.New("the engine's log has commits that nobody made")
	case h.lost > 0:
		h.oldest = time.Duration(began - h.acked[kept])
	}
	return nil
}
