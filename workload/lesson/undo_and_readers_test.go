package lesson

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// TestUndoAndReaders: a view that stays open keeps the rows (nothing changes under the
// reader's eyes), at the price of the history; one that ends with each statement does
// neither.
func TestUndoAndReaders(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string { return wrongReaders(t, 0.1*float64(stretch)) })
}

// wrongReaders tells the lesson and returns what it measured wrongly: in a short load on a
// busy machine hardly anybody may commit, or purge may get no turn. What one read view
// shows, and what a rollback leaves, is up to no machine.
func wrongReaders(t *testing.T, scale float64) string {
	t.Helper()
	out := tell(t, undoAndReaders(), testEnv(t, scale))
	figure := func(name string) float64 {
		v, ok := out.Figure(name)
		if !ok {
			t.Errorf("there is no figure %s", name)
		}
		return v
	}
	if n := figure("rows_changed_repeatable_read"); n != 0 {
		t.Errorf("%v rows changed within one read view", n)
	}
	for name, want := range map[string]float64{"rollback_kept": 0, "interrupted_kept": 0, "interrupted_rolled_back": 1} {
		if v := figure(name); v != want {
			t.Errorf("%s = %v; want %v", name, v, want)
		}
	}
	if n := figure("rows_changed_read_committed"); n < 1 {
		return fmt.Sprintf("%v rows changed between two statements under READ COMMITTED; want some", n)
	}
	if h, n := figure("history_repeatable_read"), figure("commits_repeatable_read"); h < n/2 || n < 10 {
		return fmt.Sprintf("history %v of %v transactions; want most of them", h, n)
	}
	if h, n := figure("history_read_committed"), figure("commits_read_committed"); h > 0.9*n {
		return fmt.Sprintf("history %v of %v transactions with a view for each statement; want that purge went on", h, n)
	}
	if out.Outcome != result.LessonDoesNotHold || !strings.Contains(out.Advice, "read-committed") {
		return fmt.Sprintf("outcome %q, advice %q: %s", out.Outcome, out.Advice, out.Measured)
	}
	return ""
}

// TestJudgeReaders: what decides the claim, on counts that were made up.
func TestJudgeReaders(t *testing.T) {
	closed := &openReader{commits: 1000, history: 3, changed: 50}
	for _, c := range []struct {
		open openReader
		want string
	}{
		{openReader{commits: 1000, history: 990}, result.LessonDoesNotHold},
		{openReader{commits: 1000, history: 501}, result.LessonDoesNotHold},
		{openReader{commits: 1000, history: 500}, result.LessonNotTestable},
		{openReader{commits: 1000, history: 100}, result.LessonNotTestable},
		{openReader{commits: 1000, history: 99}, result.LessonHolds},
		{openReader{commits: 9, history: 9}, result.LessonNotTestable},
		{openReader{commits: 1000, history: 1, changed: 1}, result.LessonDoesNotHold},
	} {
		if out := judgeReaders((&Env{}).Story(), &c.open, closed); out.Outcome != c.want {
			t.Errorf("%+v: %q; want %q", c.open, out.Outcome, c.want)
		}
	}
}
