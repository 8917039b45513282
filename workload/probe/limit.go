package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics"
)

// MaxRecord is the largest record of a loop, in bytes.
const MaxRecord = 64 << 20

// LimitConfig says what a bare loop writes where.
type LimitConfig struct {
	// Files are open, prepared (zero-filled, flushed) files of one method.
	// When empty, Paths are opened on FS with Method, and closed at the end.
	Files  []vfs.File
	FS     vfs.FS
	Paths  []string
	Method vfs.Method

	From, To    int64 // the range of each file that may be overwritten; To 0: its size
	RecordBytes int   // of each write; direct files rewrite the whole blocks that a record touches
	Duration    time.Duration
	SamePlace   bool  // always write at From, as pg_test_fsync does
	MaxBytes    int64 // stop before more than this is written; 0: no limit
}

// LimitResult is what a bare loop did.
type LimitResult struct {
	Method   vfs.Method
	Count    int64         // records written (and flushed, by Limit)
	Elapsed  time.Duration // of the whole loop
	Rate     float64       // Count / Elapsed, a second
	Mean     time.Duration // Elapsed / Count
	Bytes    int64         // written, whole blocks of direct files included
	Partial  bool          // ended before Duration: cancelled, or MaxBytes reached
	FlushP50 *int64        // ns; nil: fewer than 10 samples stand above it, or nothing is flushed
	// FlushShare is the share of Elapsed inside the call that makes durable:
	// the flush, or the write itself for methods that write through.
	FlushShare float64
	Flush      *metrics.Histogram // ns, of that call; empty for none and o_direct+none
}

// Limit writes one record and flushes it the method's way, over and over, by
// one thread: the most that one flush after the other can do. A commit by one
// client cannot beat it. It returns what it has when ctx ends.
func Limit(ctx context.Context, cfg LimitConfig) (LimitResult, error) {
	c, method, done, err := cfg.open()
	if err != nil {
		return LimitResult{}, err
	}
	l := loop{circle: c, method: method, writes: 1, duration: cfg.Duration, maxBytes: cfg.MaxBytes, flush: metrics.NewHistogram()}
	err = l.run(ctx)
	return l.result(), errors.Join(err, done())
}

// WriteLoop writes the same bytes with one write call a record and no flush:
// the ceiling of policy 2 at one client.
// REQUIRES: the files' method does not write through.
func WriteLoop(ctx context.Context, cfg LimitConfig) (LimitResult, error) {
	c, method, done, err := cfg.open()
	if err != nil {
		return LimitResult{}, err
	}
	r, err := writeLoop(ctx, cfg, c, method)
	return r, errors.Join(err, done())
}

// clockEvery is how many writes share one look at the clock, which costs a tenth
// of a small write.
const clockEvery = 16

// writeLoop is WriteLoop on files that are open.
func writeLoop(ctx context.Context, cfg LimitConfig, c *circle, m vfs.Method) (LimitResult, error) {
	if m.WriteThrough() {
		return LimitResult{}, fmt.Errorf("probe: loop without flushes: %s flushes with every write", m)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop, release := stopFlag(ctx)
	defer release()
	r := LimitResult{Method: m, Flush: metrics.NewHistogram()}
	start := clock.Now()
	deadline := start + int64(cfg.Duration)
	now := start
	for now < deadline && !r.Partial {
		for range clockEvery {
			if r.Partial = stop.Load() || cfg.MaxBytes > 0 && c.bytes+int64(len(c.buf)) > cfg.MaxBytes; r.Partial {
				break
			}
			if _, err := c.write(); err != nil {
				return r, fmt.Errorf("probe: %w", err)
			}
			r.Count++
		}
		now = clock.Now()
	}
	r.Bytes = c.bytes
	r.finish(time.Duration(now-start), 0)
	return r, ctx.Err()
}

// open opens what must be opened; done closes it again.
func (cfg *LimitConfig) open() (c *circle, m vfs.Method, done func() error, err error) {
	files := cfg.Files
	done = func() error { return nil }
	if len(files) == 0 {
		opened := make([]vfs.File, 0, len(cfg.Paths))
		done = func() (err error) {
			for _, f := range opened {
				err = errors.Join(err, f.Close())
			}
			return err
		}
		for _, path := range cfg.Paths {
			f, err := cfg.FS.Open(path, cfg.Method)
			if err != nil {
				return nil, 0, nil, errors.Join(fmt.Errorf("probe: %w", err), done())
			}
			opened = append(opened, f)
		}
		files = opened
	}
	c, err = newCircle(files, cfg.From, cfg.To, int64(cfg.RecordBytes), cfg.SamePlace)
	if err == nil && cfg.Duration <= 0 {
		err = fmt.Errorf("probe: duration %v: must be above 0", cfg.Duration)
	}
	if err != nil {
		return nil, 0, nil, errors.Join(err, done())
	}
	return c, files[0].Method(), done, nil
}

// finish computes what follows from count and time.
func (r *LimitResult) finish(elapsed time.Duration, inFlush int64) {
	r.Elapsed = elapsed
	if elapsed > 0 {
		r.Rate = float64(r.Count) / elapsed.Seconds()
		r.FlushShare = float64(inFlush) / float64(elapsed)
	}
	if r.Count > 0 {
		r.Mean = elapsed / time.Duration(r.Count)
	}
	r.FlushP50 = r.Flush.Percentile(0.5).Pointer()
}

// stopFlag returns a flag that is set when ctx ends: cheaper to look at than
// ctx itself. release must be called.
func stopFlag(ctx context.Context) (stop *atomic.Bool, release func()) {
	stop = &atomic.Bool{}
	after := context.AfterFunc(ctx, func() { stop.Store(true) })
	return stop, func() { after() }
}
