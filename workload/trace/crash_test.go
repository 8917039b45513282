package trace

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
)

// kinds are the crash kinds of the disk in memory.
var kinds = map[durability.Kind]vfs.CrashKind{durability.Process: vfs.CrashProcess, durability.OS: vfs.CrashOS, durability.Power: vfs.CrashPower}

// At each step, for every pair of policies, the disk is crashed as each kind does it,
// in several ways, and recovered: the transaction becomes what the trace said, and
// where it said that it may become one thing or another, it becomes each of them.
func TestCrashAtEachStep(t *testing.T) {
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			crashEverywhere(t, p.config)
		})
	}
}

// crashEverywhere crashes traces of one configuration at each step.
func crashEverywhere(t *testing.T, config func(*vfs.Mem) Config) {
	t.Helper()
	base := made(t, config)
	whole := mustRun(t, base(t))
	missing := map[string]bool{}
	last := 0
	for i := range whole.Steps {
		missing[title(&whole.Steps[i])] = true
		last = max(last, whole.Steps[i].Event)
	}
	at := func(event int) {
		crashAt(t, base, event, func(s *result.TraceStep) bool { delete(missing, title(s)); return true })
	}
	for i := range whole.Steps {
		if s := &whole.Steps[i]; missing[title(s)] { // statements after the first are alike
			at(s.Event)
		}
	}
	// Purge, checkpoints and the log writer, which come when they like, may have shifted
	// the numbers: then each event is tried, and in each run they may be shifted anew.
	for range 4 {
		for event := 0; event <= last+8 && len(missing) > 0; event++ {
			at(event)
		}
		maps.DeleteFunc(missing, func(name string, _ bool) bool { return strings.HasSuffix(name, ": redo written") })
	}
	for name := range missing {
		t.Errorf("no crash was made at step %q", name)
	}
}

// crashAt crashes traces that were stopped at an event, if the step that ended with it is
// one that is wanted. A write of the background that has ended and was not told of yet is
// on the disk already, which the trace cannot know: then the next one is stopped.
func crashAt(t *testing.T, base func(testing.TB) Config, event int, wanted func(*result.TraceStep) bool) {
	t.Helper()
	var wrong error
	testenv.Attempts(t, 5, func(int) error {
		cfg := base(t)
		tr, step := stopAt(t, cfg, event)
		if step == nil || !wanted(step) {
			return wrong
		}
		wrong = nil
		for _, k := range durability.Kinds.All() {
			wrong = errors.Join(wrong, checkStep(t, cfg, tr, step, k))
		}
		return wrong
	})
}

// title names a step within a trace.
func title(s *result.TraceStep) string { return s.Phase + ": " + s.Name }

// checkStep crashes a stopped disk as the kind does it and says where the step is wrong.
func checkStep(t *testing.T, cfg Config, tr *result.Trace, step *result.TraceStep, k durability.Kind) (wrong error) {
	t.Helper()
	said := step.Crashes[k]
	if said.Kind != k.String() {
		t.Fatalf("crash %d of step %q is %q; want %v", k, step.Name, said.Kind, k)
	}
	const few, many = 4, 48 // ways to crash
	limit := few
	if len(said.Outcomes) > 1 {
		limit = many
	}
	seen := map[string]bool{}
	for disk := range cfg.FS.(*vfs.Mem).Crashes(kinds[k], false, limit, 1) {
		got, err := fateAfter(t, cfg, disk, tr, step.Acked)
		if err != nil {
			t.Fatalf("event %d, after %q, %v crash: %v", step.Event, step.Name, k, err)
		}
		if !slices.Contains(said.Outcomes, got) {
			wrong = errors.Join(wrong, fmt.Errorf("event %d, after %q, %v crash: %s; the trace said %v", step.Event, step.Name, k, got, said.Outcomes))
		}
		seen[got] = true
		if len(seen) == len(said.Outcomes) && limit == many {
			return wrong
		}
	}
	for _, o := range said.Outcomes {
		if !seen[o] {
			wrong = errors.Join(wrong, fmt.Errorf("event %d, after %q, %v crash: never %s, of %s", step.Event, step.Name, k, o, fmt.Sprint(said.Outcomes)))
		}
	}
	return wrong
}
