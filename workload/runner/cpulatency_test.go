package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/scenario"
	"flushbench/workload/workdir"
)

// latencyHolds is who is asked to hold idle processors awake, and keeps count.
type latencyHolds struct {
	asked []time.Duration
	now   int // held at this moment
	err   error
}

func (h *latencyHolds) hold(d time.Duration) (func() error, error) {
	if h.err != nil {
		return nil, h.err
	}
	h.asked = append(h.asked, d)
	h.now++
	return func() error { h.now--; return nil }, nil
}

// latencyConfig is a run of smallPlan(1) that asks h for d; nil: for nothing.
func latencyConfig(t *testing.T, h *latencyHolds, d *time.Duration) Config {
	t.Helper()
	p := smallPlan(1)
	p.CPULatency = d
	cfg := config(t, p)
	cfg.holdLatency = h.hold
	return cfg
}

// of is a pointer to d.
func of(d time.Duration) *time.Duration { return &d }

// held is what the result says that the run held; -1: nothing.
func held(r *result.Result) time.Duration {
	if c := r.Environment.CPU.Idle; c != nil && c.HeldNS != nil {
		return time.Duration(*c.HeldNS)
	}
	return -1
}

// TestCPULatencyIsHeld: for everything that is measured, limit loops too, and no longer;
// the result says so, and a run that was not asked to holds nothing.
func TestCPULatencyIsHeld(t *testing.T) {
	t.Parallel()
	for _, d := range []*time.Duration{nil, of(0), of(20 * time.Microsecond)} {
		var h latencyHolds
		want, name := 0, "nothing"
		if d != nil {
			want, name = 1, d.String()
		}
		cfg := latencyConfig(t, &h, d)
		s := &steps{}
		s.on = func(i int) {
			if h.now != want {
				t.Errorf("%s asked, step %d (%s): held by %d; want %d", name, i, s.what[i-1], h.now, want)
			}
		}
		cfg.Progress = s
		res, folder := mustRun(t, cfg)
		if h.now != 0 || len(h.asked) != want || want == 1 && h.asked[0] != *d || len(s.what) != 4 {
			t.Errorf("%s asked: held for %v, %d of them not released, in %d steps", name, h.asked, h.now, len(s.what))
		}
		says := time.Duration(-1)
		if d != nil {
			says = *d
		}
		if a, b := held(res), held(saved(t, folder)); a != says || b != says {
			t.Errorf("%s asked: the results say %v and %v", name, a, b)
		}
	}
}

// TestCPULatencyIsReleased however a run ends.
func TestCPULatencyIsReleased(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config, context.CancelFunc){
		"no folder":      func(c *Config, _ context.CancelFunc) { c.Base = filepath.Join(c.Base, "missing") },
		"no result":      func(c *Config, _ context.CancelFunc) { c.Resume = c.ResultsDir },
		"no budget":      func(c *Config, _ context.CancelFunc) { c.MaxWriteBytes = 1 },
		"Ctrl-C":         func(c *Config, stop context.CancelFunc) { c.Progress = &steps{on: func(int) { stop() }} },
		"Ctrl-C at once": func(_ *Config, stop context.CancelFunc) { stop() },
	} {
		var h latencyHolds
		cfg := latencyConfig(t, &h, of(0))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		spoil(&cfg, stop)
		if _, _, err := Run(ctx, cfg); err == nil || len(h.asked) != 1 || h.now != 0 {
			t.Errorf("%s: error %v, held %d times, %d not released; want an error, 1 and 0", name, err, len(h.asked), h.now)
		}
	}
}

// TestCPULatencyRefused: what cannot be had is not measured without.
func TestCPULatencyRefused(t *testing.T) {
	t.Parallel()
	no := errors.New("not here")
	cfg := latencyConfig(t, &latencyHolds{err: no}, of(0))
	res, folder, err := Run(t.Context(), cfg)
	if !errors.Is(err, no) || res != nil || folder != "" {
		t.Errorf("Run = %v, %q, %v; want only the error", res != nil, folder, err)
	}
	empty(t, cfg.Base)
	if left, err := os.ReadDir(cfg.ResultsDir); err != nil || len(left) != 0 {
		t.Errorf("results %v, %v; want none", left, err)
	}
}

// TestLatencyRefusal: each reason is one line with what was asked, where, and what to do.
func TestLatencyRefusal(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("open: %w", fs.ErrPermission), "refused: --cpu-latency 5µs: /dev/cpu_dma_latency: permission denied; be root, or"},
		{fmt.Errorf("open: %w", fs.ErrNotExist), "refused: --cpu-latency 5µs: /dev/cpu_dma_latency does not exist: "},
		{errNoIdleDriver, "no cpuidle driver and heeds no limit; boot with idle=poll"},
		{fmt.Errorf("open: %w", errors.ErrUnsupported), "not supported on "},
		{errors.New("odd"), "refused: --cpu-latency 5µs: odd"},
	} {
		got := latencyRefusal(5*time.Microsecond, tc.err)
		if !strings.Contains(got, tc.want) || strings.Contains(got, "\n") {
			t.Errorf("%v: %q; want one line with %q", tc.err, got, tc.want)
		}
	}
	for _, tc := range []struct {
		idle *result.CPUIdle
		want bool
	}{
		{nil, false}, {&result.CPUIdle{Driver: "haltpoll"}, false},
		{&result.CPUIdle{Driver: result.NoIdleDriver}, true}, {&result.CPUIdle{Driver: result.NoIdleDriver, Poll: true}, false},
	} {
		if got := unheeded(tc.idle); got != tc.want {
			t.Errorf("unheeded(%+v) = %v; want %v", tc.idle, got, tc.want)
		}
	}
}

// TestNoCPULatency: what is asked for, held and read ends at the same limit of none.
func TestNoCPULatency(t *testing.T) {
	if a, b, c := scenario.MaxCPULatency, driver.MaxCPULatency, result.NoCPULatency; a != b || b != c {
		t.Errorf("%v, %v and %v; want the same", a, b, c)
	}
}

// TestCPULatencyResumed: a run is completed under what it was begun with, whether the
// flag is given again or not, and never under something else.
func TestCPULatencyResumed(t *testing.T) {
	t.Parallel()
	interrupted := func(d *time.Duration) (folder string) {
		cfg := latencyConfig(t, &latencyHolds{}, d)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		cfg.Progress = &steps{on: func(i int) {
			if i == 3 {
				stop()
			}
		}}
		_, folder, err := Run(ctx, cfg)
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return folder
	}
	const us = time.Microsecond
	for _, tc := range []struct {
		name        string
		first, then *time.Duration
		held        *time.Duration // nil: nothing
		refused     string
	}{
		{"without the flag", of(20 * us), nil, of(20 * us), ""},
		{"with the flag", of(20 * us), of(20 * us), of(20 * us), ""},
		{"never asked", nil, nil, nil, ""},
		{"another limit", of(20 * us), of(0), nil, "was measured with --cpu-latency 20µs, not with --cpu-latency 0s"},
		{"a limit that was not", nil, of(0), nil, "was measured with the machine as it was, not with"},
	} {
		var h latencyHolds
		cfg := latencyConfig(t, &h, tc.then)
		cfg.Resume = interrupted(tc.first)
		s := &steps{on: func(int) {
			if held := h.now == 1; held != (tc.held != nil) {
				t.Errorf("%s: held %v while it measures", tc.name, held)
			}
		}}
		cfg.Progress = s
		res, _, err := Run(t.Context(), cfg)
		if h.now != 0 {
			t.Errorf("%s: not released", tc.name)
		}
		var refusal *workdir.Refusal
		switch {
		case tc.refused != "":
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tc.refused) || len(s.what) > 0 {
				t.Errorf("%s: %v after %d steps; want a refusal with %q", tc.name, err, len(s.what), tc.refused)
			}
		case err != nil || !res.Complete || tc.held != nil && (held(res) != *tc.held || h.asked[0] != *tc.held):
			t.Errorf("%s: %v, held %v, the result says %v", tc.name, err, h.asked, held(res))
		}
	}
}

// changedText are the warnings of r that the limit has changed.
func changedText(r *result.Result) (all []string) {
	for _, w := range r.Environment.Warnings {
		if w.Code == hostinfo.CodeLatencyChanged {
			all = append(all, w.Text)
		}
	}
	return all
}

// TestCPULatencyChanged: a limit that another process changes while rounds are measured
// is told, once, in what is saved, also where it has changed back at the end, where the
// run is interrupted, and where it is resumed.
func TestCPULatencyChanged(t *testing.T) {
	t.Parallel()
	const us = time.Microsecond
	for _, tc := range []struct {
		name   string
		limits map[int]time.Duration // from which step on
		stop   int                   // the step that is interrupted; 0: none
		resume time.Duration         // what is in force when it is resumed
		want   string                // in the text of the only warning; "": there is none
	}{
		{"stays", nil, 0, 0, ""},
		{"in the last cell", map[int]time.Duration{8: 0}, 0, 0, "20µs when the figures were begun, no time"},
		{"and back", map[int]time.Duration{2: 70 * us, 6: 20 * us}, 0, 0, "20µs when the figures were begun, 70µs later"},
		{"before it is interrupted", map[int]time.Duration{2: 70 * us}, 3, 20 * us, "20µs when the figures were begun, 70µs later"},
		{"before it is resumed", nil, 3, 0, "20µs when the figures were begun, no time"},
		{"not before it is resumed", nil, 3, 20 * us, ""},
	} {
		force := 20 * us
		cfg := latencyConfig(t, &latencyHolds{}, nil)
		cfg.Plan.Rounds = 2
		cfg.idle = func() *result.CPUIdle {
			ns := int64(force)
			return &result.CPUIdle{Driver: "haltpoll", LatencyLimitNS: &ns}
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		cfg.Progress = &steps{on: func(i int) {
			if d, ok := tc.limits[i]; ok {
				force = d
			}
			if i == tc.stop {
				stop()
			}
		}}
		res, folder, err := Run(ctx, cfg)
		if (err != nil) != (tc.stop > 0) {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if tc.stop > 0 {
			force = tc.resume
			cfg.Progress, cfg.Resume = nil, folder
			if res, _, err = Run(t.Context(), cfg); err != nil {
				t.Fatalf("%s: resumed: %v", tc.name, err)
			}
		}
		for _, r := range []*result.Result{res, saved(t, folder)} {
			got := changedText(r)
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)) {
				t.Errorf("%s: warnings %q; want one with %q", tc.name, got, tc.want)
			}
		}
	}
}
