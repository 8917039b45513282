package writeback

import (
	"context"
	"errors"
	"time"

	"flushbench/engine/clock"
)

// Group is some logs on one disk that are written and sampled together. One goroutine
// at a time uses it.
type Group struct {
	Logs  []*Log
	Every time.Duration // each gets a record that often
	// SampleEvery is how often each is sampled: what its Falls are exact to.
	SampleEvery time.Duration
	// FlushEvery is the timer of a safeguard: how often all are flushed; 0: never.
	FlushEvery time.Duration
	// Spread is over how long the first records of the logs are spread, so that each
	// meets the kernel's looks at another phase: what all see at once is one trial.
	Spread time.Duration

	began int64
}

// Run writes and samples until ctx ends, which is no error, and samples once more
// then.
func (g *Group) Run(ctx context.Context) error {
	now := clock.Now()
	g.began = now
	write, sample, flush := now, now+int64(g.SampleEvery), now+int64(g.FlushEvery)
	for ctx.Err() == nil {
		now = clock.Now()
		if err := g.turn(now, &write, &sample, &flush); err != nil {
			return err
		}
		next := min(write, sample)
		if g.FlushEvery > 0 {
			next = min(next, flush)
		}
		clock.SleepUntil(next)
	}
	return g.each((*Log).Sample)
}

// turn does what is due. What a late turn has missed is not made up for.
func (g *Group) turn(now int64, write, sample, flush *int64) error {
	var err error
	if now >= *write {
		for _, l := range g.Logs[:g.started(now)] {
			err = errors.Join(err, l.Append())
		}
		*write = after(*write, now, g.Every)
	}
	// Just before a flush the oldest bytes are at their oldest.
	flushes := g.FlushEvery > 0 && now >= *flush
	if now >= *sample || flushes {
		err = errors.Join(err, g.each((*Log).Sample))
		*sample = after(*sample, now, g.SampleEvery)
	}
	if flushes {
		err = errors.Join(err, g.each((*Log).Flush), g.each((*Log).Sample))
		*flush = after(*flush, now, g.FlushEvery)
	}
	return err
}

// started is how many logs get records by now: all after Spread.
func (g *Group) started(now int64) int {
	n := int64(len(g.Logs))
	if g.Spread <= 0 || now-g.began >= int64(g.Spread) {
		return int(n)
	}
	return int(min(n, 1+(now-g.began)*n/int64(g.Spread)))
}

// after is the next moment of a schedule that lies in the future.
func after(was, now int64, every time.Duration) int64 {
	return max(was+int64(every), now+int64(every)/2)
}

func (g *Group) each(do func(*Log) error) error {
	for _, l := range g.Logs {
		if err := do(l); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the logs without flushing them.
func (g *Group) Close() error { return g.each((*Log).Close) }
