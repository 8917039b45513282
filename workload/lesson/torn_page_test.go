package lesson

import (
	"fmt"
	"testing"

	"flushbench/metrics/result"
)

// Without doublewrite a torn page stays torn, and its database does not open; with it
// all are mended and nothing that was acknowledged is lost.
func TestTornPages(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string { return wrongTorn(t, crashes(10), uint64(stretch)) })
}

// wrongTorn crashes n times with each setting and returns what it has not met: what is
// being written at the moment of a crash is up to the scheduler. That something is
// damaged which is protected fails at once.
func wrongTorn(t *testing.T, n int, seed uint64) string {
	t.Helper()
	off, err := tearPages(t.Context(), true, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	on, err := tearPages(t.Context(), false, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	if on.damaged != 0 || on.unopened() != 0 || on.lost != 0 {
		t.Errorf("with doublewrite: %+v; want no damage, nothing lost", on)
	}
	if off.crashes != n || off.torn == 0 || off.rows == 0 || off.damaged == 0 || off.unopened() == 0 || off.first == nil || off.stopped == nil {
		return fmt.Sprintf("without doublewrite: %+v; want damaged pages and databases that do not open", off)
	}
	if on.torn == 0 || on.mended == 0 || on.acked == 0 {
		return fmt.Sprintf("with doublewrite: %+v; want torn pages, all of them mended", on)
	}
	return ""
}

func TestTornPageLesson(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string {
		out := tell(t, tornPage(), testEnv(t, 0.1*float64(stretch)))
		if out.Outcome != result.LessonHolds {
			return fmt.Sprintf("it %s: %s", out.Outcome, out.Measured)
		}
		if _, ok := out.Figure("doublewrite_bytes_ratio"); !ok {
			return "it does not say what doublewrite costs"
		}
		return ""
	})
}

// Which rows stand on a page.
func TestRowsOn(t *testing.T) {
	m, err := newMemory(tornSubject(false))
	if err != nil {
		t.Fatal(err)
	}
	total, next := 0, uint64(0)
	for page := range uint32(200) {
		first, last, n := m.rowsOn(page)
		if n == 0 {
			continue
		}
		if first != next || last != first+uint64(n)-1 {
			t.Errorf("page %d: rows %d to %d, %d of them; want them from %d on", page, first, last, n, next)
		}
		total, next = total+n, last+1
	}
	if uint64(total) != m.txns.TableRows() {
		t.Errorf("%d rows on all pages; want %d", total, m.txns.TableRows())
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{9, 1, 2, 4}, spread{3, 1, 9}},
	} {
		if got := spreadOf(c.in); got != c.want {
			t.Errorf("spreadOf(%v) = %v; want %v", c.in, got, c.want)
		}
	}
	cost := doublewriteCost{off: []doublewriteRound{{tps: 100}, {tps: 200}, {}}, on: []doublewriteRound{{tps: 50}, {tps: 180}, {tps: 1}}}
	if got, want := cost.ratio(roundTPS), (spread{0.7, 0.5, 0.9}); got != want {
		t.Errorf("ratio = %v; want %v, round by round", got, want)
	}
}
