package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// After the first failing write or flush, of the log or of the checkpointer's
// own file, nothing is acknowledged any more, nothing is tried again, and what
// had been acknowledged is there after a power cut that keeps as little as it
// may.
func TestFailuresAreFinal(t *testing.T) {
	faults := map[string]vfs.Fault{
		"flush of the log":         {Kind: vfs.FailFlush, Path: "redo.*", N: 9},
		"write of the log":         {Kind: vfs.FailWrite, Path: "redo.*", N: 9},
		"short write of the log":   {Kind: vfs.FailShort, Path: "redo.*", N: 9},
		"no space left":            {Kind: vfs.FailSpace, Path: "redo.*", N: 60_000},
		"flush of the checkpoints": {Kind: vfs.FailFlush, Path: sideName, N: 2},
		"write of the checkpoints": {Kind: vfs.FailWrite, Path: sideName, N: 2},
	}
	for name, fault := range faults {
		for _, strategy := range groupcommit.Strategies.All() {
			for _, policy := range logPolicies {
				for _, method := range []vfs.Method{vfs.Fdatasync, vfs.ODsync, vfs.RWFDsync, vfs.DirectFdatasync} {
					t.Run(fmt.Sprintf("%s/%v/%v/%v", name, strategy, policy, method), func(t *testing.T) {
						o := smallest(nil)
						o.CheckpointDistance = 1
						o.Commit.Policy, o.Commit.Strategy, o.Method = policy, strategy, method
						failOnce(t, o, fault)
					})
				}
			}
		}
	}
}

func failOnce(t *testing.T, o Options, fault vfs.Fault) {
	mem := created(t, o)
	faulty, err := vfs.NewFaulty(mem, vfs.Faults{fault})
	if err != nil {
		t.Fatal(err)
	}
	o.FS = faulty
	led, sizes := &ledger{}, []int{100, 3000}
	l, err := openLife(o, led, sizes)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "an engine that fails", func() {
		for range 200 {
			if err = l.parallel(1); err != nil {
				break
			}
			if err = l.batch(); err != nil {
				break
			}
			if !o.Commit.Policy.Flushes() {
				if err = l.e.Drain(); err != nil {
					break
				}
			}
		}
	})
	if !injected(err) {
		t.Fatalf("the commits end with %v; want the injected error", err)
	}
	// What was on its way when the failure became known may end; then nothing.
	if again := l.e.Drain(); !injected(again) {
		t.Errorf("Drain after the failure = %v", again)
	}
	events := mem.Events()
	for c := range uint32(clients) {
		if again := l.sessions[c].Commit(nil); !injected(again) {
			t.Errorf("a commit after the failure = %v", again)
		}
		if again := l.sessions[c].CommitAsync(nil, l.waiters[c]); !injected(again) {
			t.Errorf("an asynchronous commit after the failure = %v", again)
		}
	}
	if again := l.e.Drain(); !injected(again) {
		t.Errorf("Drain after the failure = %v", again)
	}
	if !injected(l.e.Err()) {
		t.Errorf("Err = %v", l.e.Err())
	}
	if err := l.e.Close(); !injected(err) {
		t.Errorf("Close = %v; want the error that stopped the engine", err)
	}
	if err := l.e.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if got := mem.Events(); got != events {
		t.Errorf("%d writes or flushes after the failure", got-events)
	}
	marks := l.e.Watermarks()
	j := judge{led: led, sizes: sizes, atLeast: marks.Flushed, acked: o.Commit.Policy.Flushes()}
	if _, wrong := j.check(mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })); wrong != "" {
		t.Errorf("after a power cut: %s", wrong)
	}
}

func injected(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite)
}

// ours reports whether a goroutine of an engine runs.
func ours() bool {
	s := stacks()
	return strings.Contains(s, "groupcommit.(*") || strings.Contains(s, "engine.(*checkpointer)")
}

// Close leaves no goroutine behind, whatever ran and whatever failed.
func TestCloseEndsGoroutines(t *testing.T) {
	for _, p := range logPolicies {
		for _, style := range groupcommit.Styles.All() {
			for _, s := range groupcommit.Strategies.All() {
				o := smallest(nil)
				o.Commit.Policy, o.Commit.Strategy, o.Commit.Style = p, s, style
				o.Commit.Interval = groupcommit.MinInterval
				o.FS = created(t, o)
				l, err := openLife(o, &ledger{}, []int{100})
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(l.parallel(3), l.batch(), l.e.Close()); err != nil {
					t.Error(err)
				}
				if err := l.sessions[0].Commit(nil); !errors.Is(err, groupcommit.ErrClosed) {
					t.Errorf("Commit after Close = %v", err)
				}
			}
		}
	}
	seeds.Until(t, "no goroutine runs after Close", func() bool { return !ours() })
}
