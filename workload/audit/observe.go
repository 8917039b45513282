package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/workload/target"
)

// The limits of the time over which a server is watched.
const (
	MinWatch     = 200 * time.Millisecond
	MaxWatch     = 24 * time.Hour
	DefaultWatch = 5 * time.Second
)

// samplePause is how often the sessions under way are counted.
const samplePause = 100 * time.Millisecond

// Sampler is a Server that can count the sessions that are running a statement at
// this moment, the asking one left out.
type Sampler interface {
	Active(ctx context.Context) (int, error)
}

// Accumulator is a Server that adds up how long its sessions have been running
// statements or have had a transaction open. It only grows.
type Accumulator interface {
	Busy(ctx context.Context) (time.Duration, error)
}

// Observe reads the settings and counters of s, waits for watch while it counts the
// sessions under way, reads both again, and looks at what is below the server where
// it runs on this machine. It changes nothing. The error is that of the server, or
// ctx's.
func Observe(ctx context.Context, s target.Server, a target.Address, watch time.Duration) (*Facts, error) {
	if watch < MinWatch || watch > MaxWatch {
		return nil, fmt.Errorf("audit: watch %v: must be %v to %v", watch, MinWatch, MaxWatch)
	}
	f := &Facts{Address: a.String(), Info: s.Info()}
	var err error
	if f.Settings, err = s.Settings(ctx); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := f.watch(ctx, s, watch); err != nil {
		return nil, err
	}
	after, err := s.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	f.changed(after)
	f.look(ctx)
	return f, nil
}

// watch fills in the load.
func (f *Facts) watch(ctx context.Context, s target.Server, watch time.Duration) error {
	before, err := s.Counters(ctx)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	begin := time.Now()
	active := watchSessions(ctx, s, watch)
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := s.Counters(ctx)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	f.Load = loadOf(after.Sub(before), time.Since(begin))
	f.Load.Active = active
	if active == nil {
		f.Unknown = append(f.Unknown, "how many sessions are at work at once (the server does not say so to this user)")
	}
	return nil
}

// watchSessions waits for watch and returns how many sessions were at work on
// average, nil where the server does not say.
func watchSessions(ctx context.Context, s target.Server, watch time.Duration) *float64 {
	end := time.Now().Add(watch)
	sum, ok := s.(Accumulator)
	if ok {
		begin := time.Now()
		before, err := sum.Busy(ctx)
		wait(ctx, time.Until(end))
		after, errAfter := sum.Busy(ctx)
		if err == nil && errAfter == nil {
			return figure((after - before).Seconds() / time.Since(begin).Seconds())
		}
		return nil
	}
	sampler, ok := s.(Sampler)
	samples, total := 0, 0
	for time.Now().Before(end) && ctx.Err() == nil {
		if ok {
			n, err := sampler.Active(ctx)
			ok = err == nil
			samples, total = samples+1, total+n
		}
		wait(ctx, min(samplePause, time.Until(end)))
	}
	if !ok || samples == 0 {
		return nil
	}
	return figure(float64(total) / float64(samples))
}

// wait returns after d or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// figure is v where a figure may be missing.
func figure(v float64) *float64 { return &v }

// loadOf turns what was counted in a time into figures.
func loadOf(c target.Counters, over time.Duration) Load {
	l := Load{Seconds: over.Seconds()}
	perSecond := func(n int64) *float64 {
		if n < 0 || over <= 0 {
			return nil
		}
		return figure(float64(n) / over.Seconds())
	}
	perCommit := func(n int64) *float64 {
		if n < 0 || c.Commits <= 0 {
			return nil
		}
		return figure(float64(n) / float64(c.Commits))
	}
	l.CommitsPS, l.RollbacksPS, l.DeadlocksPS = perSecond(c.Commits), perSecond(c.Rollbacks), perSecond(c.Deadlocks)
	l.FlushesPS, l.RedoFlushesPS, l.BinlogFlushesPS = perSecond(c.Flushes), perSecond(c.RedoFlushes), perSecond(c.BinlogFlushes)
	l.RedoBytes, l.BinlogBytes = perCommit(c.RedoBytes), perCommit(c.BinlogBytes)
	return l
}

// changed compares the settings with those at the end, which hold.
func (f *Facts) changed(after target.Settings) {
	var names []string
	for _, s := range after {
		if f.Settings.Get(s.Name) != s.Value {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	if len(names) > 0 {
		f.Unknown = append(f.Unknown, strings.Join(names, ", ")+" changed while the server was watched: the load is of both values")
	}
	f.Settings = after
}
