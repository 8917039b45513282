package probe

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics"
)

// loop is the one timed loop behind Limit and the probe: turns of some writes
// and one flush. It may run more than once and then goes on where it stopped.
type loop struct {
	circle   *circle
	double   *circle // each turn first writes here, and flushes that; nil: no
	method   vfs.Method
	writes   int                // in a turn, before its flush; above 1 only with one file
	duration time.Duration      // of one run
	maxBytes int64              // of one run; 0: no limit
	every    time.Duration      // least time between the starts of two turns; 0: none
	turn     *metrics.Histogram // ns of a turn; nil: not wanted
	write    *metrics.Histogram // ns of a turn's writes, where a flush is a call of its own; nil: not wanted
	flush    *metrics.Histogram // ns of what makes durable; nil: not wanted

	// What the runs so far did.
	count   int64
	elapsed int64 // ns
	inFlush int64 // ns
	partial bool  // the last run ended before its time
}

// flushes reports whether the method has a flush call of its own.
func flushes(m vfs.Method) bool {
	return m.Durable() && !m.WriteThrough() && m != vfs.RWFDsync
}

// run turns until the time is over, ctx ends (its error is returned), or the
// next turn would pass maxBytes. It makes at least one turn unless those end it.
func (l *loop) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop, release := stopFlag(ctx)
	defer release()

	limit := l.bytes() + l.maxBytes - l.turnBytes()
	flushes, durable := flushes(l.method), l.method.Durable()
	start := clock.Now()
	deadline := start + int64(l.duration)
	now, due := start, start
	for l.partial = false; now < deadline; {
		if l.partial = stop.Load() || l.maxBytes > 0 && l.bytes() > limit; l.partial {
			break
		}
		if l.every > 0 {
			due += int64(l.every)
		}
		flushed, err := l.once(now, flushes)
		if err != nil {
			l.elapsed += clock.Now() - start
			return fmt.Errorf("probe: %w", err)
		}
		end := clock.Now()
		if !durable {
			flushed = end
		}
		l.count++
		l.inFlush += end - flushed
		if l.flush != nil && durable {
			l.flush.Record(end - flushed)
		}
		if l.write != nil && flushes {
			l.write.Record(flushed - now)
		}
		if l.turn != nil {
			l.turn.Record(end - now)
		}
		now = end
		if l.every > 0 && now < due && now < deadline {
			clock.SleepUntil(min(due, deadline))
			now = clock.Now()
		}
	}
	l.elapsed += now - start
	return ctx.Err()
}

// bytes is what all runs so far wrote.
func (l *loop) bytes() int64 {
	if l.double != nil {
		return l.circle.bytes + l.double.bytes
	}
	return l.circle.bytes
}

// turnBytes is what one turn writes at most.
func (l *loop) turnBytes() int64 {
	n := int64(l.writes * len(l.circle.buf))
	if l.double != nil {
		n *= 2
	}
	return n
}

// once is one turn that begins now. It returns when the call that makes
// durable began, the last one if there are several.
func (l *loop) once(now int64, flushes bool) (began int64, err error) {
	if l.double != nil {
		if began, err = l.durable(l.double, now, flushes); err != nil {
			return began, err
		}
	}
	return l.durable(l.circle, now, flushes)
}

// durable writes a turn's records to c and makes them durable.
func (l *loop) durable(c *circle, now int64, flushes bool) (began int64, err error) {
	began = now
	if !flushes {
		for range l.writes {
			if err := c.writeDurable(); err != nil {
				return began, err
			}
		}
		return began, nil
	}
	var f vfs.File
	for range l.writes {
		if f, err = c.write(); err != nil {
			return began, err
		}
	}
	began = clock.Now()
	return began, f.Flush()
}

// result is what all runs so far did.
func (l *loop) result() LimitResult {
	r := LimitResult{Method: l.method, Count: l.count, Bytes: l.bytes(), Partial: l.partial, Flush: l.flush}
	r.finish(time.Duration(l.elapsed), l.inFlush)
	return r
}
