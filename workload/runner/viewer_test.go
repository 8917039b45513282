package runner

import (
	"strings"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// A view that is held keeps the history of every commit, and what was kept is gone
// before the next cell begins; a session that opens new views lets purge go on.
func TestLongView(t *testing.T) {
	t.Parallel()
	none := bankSpec(groupcommit.Policy2, 0)
	hold, short := none, none
	hold.Name, hold.LongView = "hold", workload.HoldView
	short.Name, short.LongView = "short", workload.LongView(5*time.Millisecond)
	cfg := config(t, Plan{Specs: []Spec{none, hold, short}, Rounds: 2, Seed: 7})
	cfg.catchUp = 5 * time.Minute // a purge that gets no turn is no purge that has given up
	res, _ := mustRun(t, cfg)
	for i := range res.Cells {
		c := &res.Cells[i]
		for k := range c.Rounds {
			r := &c.Rounds[k]
			d, v := r.Database, r.Database.LongView
			if d.HistoryLengthMax < d.HistoryLength[len(d.HistoryLength)-1] || d.HistoryLengthMean > float64(d.HistoryLengthMax) {
				t.Errorf("%s: history of %d at most, %f in the mean", c.Name, d.HistoryLengthMax, d.HistoryLengthMean)
			}
			if !r.Verify.OK {
				t.Errorf("%s: %s", c.Name, r.Verify.Error)
			}
			if c.Name == none.Name {
				if v != nil || c.Params.LongView != "" {
					t.Errorf("%s: %q, %+v; want no view", c.Name, c.Params.LongView, v)
				}
				continue
			}
			if v == nil || !disturbed(r) && (v.Rows == 0 || v.RowsPS <= 0) || v.Left != 0 || v.CatchUpNS < 0 || c.Params.LongView == "" {
				t.Fatalf("%s: %q, %+v", c.Name, c.Params.LongView, v)
			}
			if c.Name == "hold" && (v.Views != 1 || d.HistoryLengthMax < r.Commits+r.WarmupCommits) {
				t.Errorf("hold: %d views, history of %d for %d commits", v.Views, d.HistoryLengthMax, r.Commits+r.WarmupCommits)
			}
			if c.Name == "short" && v.Views < 2 && !disturbed(r) {
				t.Errorf("short: %d views in %v", v.Views, short.Duration)
			}
		}
	}
}

// A session with a long view needs a place of its own, which every cell that shares
// the database leaves.
func TestLongViewHasASession(t *testing.T) {
	s := bankSpec(groupcommit.Policy1, 1)
	with := s
	with.LongView = workload.HoldView
	r := &run{plan: &Plan{Specs: []Spec{s, with}}}
	if got := r.sharers(&s); got != s.Clients+1 {
		t.Errorf("%d sessions for %d clients and a view; want one more", got, s.Clients)
	}
	with.Clients, with.Engine.Clients = 1<<20, 1<<20
	if err := with.checkDatabase(); err == nil {
		t.Error("more sessions than a database has were accepted")
	}
}

// What a view shows must not change while it is open.
func TestViewerJudges(t *testing.T) {
	sees := func(rows ...table.Row) (s sight) {
		for i := range rows {
			s.add(&rows[i])
		}
		return s
	}
	a, b := table.Row{K: 10, C: []byte("one")}, table.Row{K: -3, C: []byte("two")}
	other := table.Row{K: 10, C: []byte("One")}
	v := &viewer{total: 7, known: true}
	if err := v.judge(sees(a, b), sees(a, b)); err != nil {
		t.Errorf("the same rows: %v", err)
	}
	for _, c := range []struct {
		name        string
		first, then sight
		want        string
	}{
		{"a row more", sees(a), sees(a, b), "two tables"},
		{"other bytes", sees(a, b), sees(other, b), "two tables"},
		{"another total", sees(a), sees(a), "add up to 10; want 7"},
	} {
		if err := v.judge(c.first, c.then); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}
