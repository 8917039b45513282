package verdict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// claim returns the claim of that code.
func claim(t *testing.T, code string, results ...*result.Result) Claim {
	t.Helper()
	all := Claims(results...)
	if i := slices.IndexFunc(all, func(c Claim) bool { return c.Code == code }); i >= 0 {
		return all[i]
	}
	t.Fatalf("no claim %q in %+v", code, all)
	return Claim{}
}

// timed is usual with the timer of the claims and cells that last 3 intervals.
func timed(change func(*scene)) *result.Result {
	s := usual()
	if change != nil {
		change(&s)
	}
	r := s.result()
	for i := range r.Cells {
		r.Cells[i].Params.FlushIntervalNS = second
		for k := range r.Cells[i].Rounds {
			r.Cells[i].Rounds[k].DurationS = 3.3
		}
	}
	return r
}

// withLone adds the cell of one client to timed's 64, scaled.
func withLone(loneTPS float64) *result.Result {
	r := timed(nil)
	c := r.Cells[len(r.Cells)-1]
	c.Name, c.Params.Clients = "speed-1-1", 1
	c.Rounds = slices.Clone(c.Rounds)
	for i := range c.Rounds {
		c.Rounds[i].TPS = loneTPS + float64(i)
	}
	r.Cells = append(r.Cells, c)
	return r
}

// labLost is a lab whose policy 2 lost something of the age to a kernel crash.
func labLost(ageNS int64, control bool) *result.Result {
	return &result.Result{Kind: result.KindCrash, Complete: true,
		Cells:       []result.Cell{{Name: "os-2", Params: result.Params{Policy: "2", FlushMethod: "fdatasync", FlushIntervalNS: second}}},
		CrashTrials: []result.CrashTrial{{Cell: "os-2", Kind: "os", Policy: "2", Lost: 5, LostAgeNS: ageNS, Control: control}}}
}

// probed is a probe with rounds of records and pages.
func probed(records, pages []float64) *result.Result {
	return &result.Result{Kind: result.KindProbe, Complete: true, Probe: &result.Probe{Pages: []result.ProbePages{
		{Pattern: result.PatternRecord, UnitsPerTurn: 1, UnitsPerS: records[0], TurnRates: records},
		{Pattern: result.PatternPage, UnitsPerTurn: 1, UnitsPerS: pages[0], TurnRates: pages},
	}}}
}

// lagging is a paced run of policy 1 with sync_binlog = n whose engine was so many
// commits ahead at the worst moment.
func lagging(n int, ahead int64) *result.Result {
	c := pairCell("1", n, 8, result.LoadPaced, 1000, 1000, 1000, 1000, 1000)
	for i := range c.Rounds {
		c.Rounds[i].AtRisk.OS.EngineAheadMax = ahead
	}
	return &result.Result{Kind: result.KindRun, Complete: true, Cells: []result.Cell{c}}
}

// transfers is a closed loop of transactions: rounds of each policy.
func transfers(one, two, zero []float64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true}
	for p, tps := range map[string][]float64{"1": one, "2": two, "0": zero} {
		c := pairCell(p, 1, 64, result.LoadClosed, tps...)
		c.Params.Rows = 1000
		r.Cells = append(r.Cells, c)
	}
	slices.SortFunc(r.Cells, func(a, b result.Cell) int { return strings.Compare(a.Params.Policy, b.Params.Policy) })
	return r
}

// formats is a run with two formats of the binlog, of so many bytes a commit.
func formats(row, mixed int64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true}
	for format, n := range map[string]int64{"row": row, "mixed": mixed} {
		c := pairCell("1", 1, 8, result.LoadClosed, 1000)
		c.Name, c.Params.BinlogFormat = format, format
		c.Rounds[0].Database = &result.Database{Binlog: &result.Binlog{Bytes: n * c.Rounds[0].Commits}}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// forced is a run with and without a redo log.
func forced(redo, force []float64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true}
	for d, tps := range map[string][]float64{"redo": redo, "force-pages": force} {
		c := pairCell("1", 1, 8, result.LoadClosed, tps...)
		c.Params.Durability = d
		r.Cells = append(r.Cells, c)
	}
	return r
}

// about returns five rounds around v.
func about(v float64) []float64 { return []float64{v, 1.01 * v, 0.99 * v, 1.02 * v, 0.98 * v} }

// TestClaimsFollowTheData changes one thing at a time and sees the outcome change.
func TestClaimsFollowTheData(t *testing.T) {
	risk := func(policy string, change func(*result.AtRisk)) func(*scene) {
		return func(s *scene) { a := s.risk[policy]; change(&a); s.risk[policy] = a }
	}
	edited := func(r *result.Result, edit func(*result.Result)) *result.Result { edit(r); return r }
	young := func(s *scene) {
		for p, a := range s.risk {
			for _, k := range []*result.Risk{&a.Process, &a.OS, &a.Power} {
				k.AgeNSMax = min(k.AgeNSMax, 990*ms)
			}
			s.risk[p] = a
		}
	}
	for _, c := range []struct {
		code, name string
		r          *result.Result
		want       ClaimOutcome
		figures    string
	}{
		{"2-nearly-0", "a thousandth of the price", timed(func(s *scene) { s.ns["2"] = 0.003 * ms }), Confirmed, "policy 1 adds 1.0 ms to policy 0, policy 2 0.001 ms"},
		{"2-nearly-0", "half of the price", timed(func(s *scene) { s.ns["2"] = 0.5 * ms }), Refuted, "policy 2 0.50 ms"},
		{"2-nearly-0", "around a tenth", timed(func(s *scene) { s.ns["2"], s.jitter = 0.1*ms, 0.4 }), Measured, "policy 2"},
		{"2-nearly-0", "no difference between 0 and 2", timed(func(s *scene) { s.ns["2"] = s.ns["0"] }), Confirmed, "nothing that could be told from noise"},
		{"2-nearly-0", "policy 1 costs nothing", timed(func(s *scene) { s.ns["1"] = s.ns["0"] }), Measured, "policy 1 adds nothing that could be told"},
		{"2-nearly-0", "three rounds", timed(func(s *scene) { s.rounds = 3 }), Measured, "in too few rounds to tell"},
		{"2-nearly-0", "no policy 0", timed(func(s *scene) { delete(s.ns, "0") }), NotMeasured, "To measure it: flushbench run."},
		{"2-nearly-0", "did not keep up", timed(func(s *scene) { s.achieved = 0.8 }), NotMeasured, "To measure it"},
		{"2-nearly-0", "transactions, alike", transfers(about(1000), about(2000), about(2010)), Confirmed, "With 64 clients, sync_binlog = 1 policy 2 carries 1.00 times"},
		{"2-nearly-0", "transactions, far slower", transfers(about(1000), about(1000), about(2000)), Refuted, "0.50 times"},
		{"2-nearly-0", "transactions, few rounds", transfers(about(1000), about(2000)[:2], about(2000)[:2]), Measured, "too few rounds"},
		{"2-nearly-0", "transactions, one that is wide", transfers(about(1000), []float64{1500, 2500, 2000, 1600, 2400}, about(2000)), Measured, "1.00 times"},

		{"at-most-one-second", "1.01 s", timed(nil), Refuted, "policy 2: at most 1.010 s, at risk from a kernel crash (5 rounds)"},
		{"at-most-one-second", "0.99 s", timed(young), Confirmed, "policy 0: at most 0.990 s"},
		{"at-most-one-second", "too short to tell", edited(timed(young), func(r *result.Result) {
			for i := range r.Cells {
				for k := range r.Cells[i].Rounds {
					r.Cells[i].Rounds[k].DurationS = 1
				}
			}
		}), Measured, "0.990 s"},
		{"at-most-one-second", "policy 2 alone", timed(func(s *scene) { young(s); delete(s.ns, "0") }), Measured, "policy 2"},
		{"at-most-one-second", "three rounds", timed(func(s *scene) { young(s); s.rounds = 3 }), Measured, "3 rounds"},
		{"at-most-one-second", "another interval", edited(timed(nil), func(r *result.Result) {
			for i := range r.Cells {
				r.Cells[i].Params.FlushIntervalNS = 2 * second
			}
		}), NotMeasured, "To measure it"},
		{"at-most-one-second", "a binlog that lags", edited(timed(nil), func(r *result.Result) {
			for i := range r.Cells {
				r.Cells[i].Params.SyncBinlog = ptr(0)
			}
		}), NotMeasured, "To measure it"},
		{"at-most-one-second", "flushes left out", edited(timed(nil), func(r *result.Result) {
			for i := range r.Cells {
				r.Cells[i].Params.FlushMethod = "o_direct+none"
			}
		}), NotMeasured, "To measure it"},
		{"at-most-one-second", "a crash took more", labLost(1200*ms, false), Refuted, "1.200 s, lost to a simulated kernel crash (1 crash trial)"},
		{"at-most-one-second", "a server lost more", edited(labLost(1200*ms, false), func(r *result.Result) {
			r.CrashTrials = append(r.CrashTrials, r.CrashTrials[0])
			r.CrashTrials[1].LostAgeNS, r.CrashTrials[1].Server = 1900*ms, &result.CrashServer{Product: "mariadb", Version: "10.11.14-MariaDB"}
		}), Refuted, "1.900 s, lost to a simulated kernel crash on mariadb 10.11.14 (2 crash trials, 1 of them on mariadb 10.11.14). InnoDB looks at its timer once a second"},
		{"at-most-one-second", "a crash took less", labLost(800*ms, false), Measured, "0.800 s"},
		{"at-most-one-second", "a control took more", labLost(1200*ms, true), NotMeasured, "To measure it"},
		{"at-most-one-second", "not paced", edited(timed(nil), func(r *result.Result) { r.Cells = r.Cells[3:] }), NotMeasured, "To measure it"},

		{"five-seconds", "1 s of 3.3", timed(nil), Refuted, "1.010 s, at risk from a kernel crash (5 rounds), 3.3 s watched"},
		{"five-seconds", "5.2 s", timed(risk("2", func(a *result.AtRisk) { a.OS.AgeNSMax = 5200 * ms })), Confirmed, "5.200 s"},
		{"five-seconds", "2 s of 3.3", timed(risk("2", func(a *result.AtRisk) { a.OS.AgeNSMax = 2000 * ms })), Measured, "2.000 s"},
		{"five-seconds", "3 s", timed(risk("2", func(a *result.AtRisk) { a.Power.AgeNSMax = 3000 * ms })), Measured, "3.000 s"},
		{"five-seconds", "three rounds", timed(func(s *scene) { s.rounds = 3 }), Measured, "3 rounds"},
		{"five-seconds", "a process crash is another thing", timed(risk("2", func(a *result.AtRisk) { a.Process.AgeNSMax = 6 * second })), Refuted, "1.010 s"},

		{"log-beats-pages", "three times", probed(about(9000), about(3000)), Confirmed, "9,000 records/s in sequence, 3,000 pages/s at random places, each with a flush: 3.00 times."},
		{"log-beats-pages", "slower", probed(about(2000), about(3000)), Refuted, "0.67 times."},
		{"log-beats-pages", "noise", probed(about(3000), about(3000)), Measured, "within the noise"},
		{"log-beats-pages", "few rounds", probed(about(9000)[:3], about(3000)[:3]), Measured, "too few rounds"},
		{"log-beats-pages", "no pages", &result.Result{Kind: result.KindProbe, Probe: &result.Probe{}}, NotMeasured, "flushbench probe"},
		{"log-beats-pages", "a run with both", forced(about(9000), about(3000)), Confirmed, "With a redo log 8 clients carry 3.00 times"},
		{"log-beats-pages", "a run with both, slower", forced(about(2000), about(3000)), Refuted, "0.67 times"},

		{"group-commit", "32 times", withLone(1300), Confirmed, "64 clients carry 41,900 commits/s, one client 1,300: 32.2 times"},
		{"group-commit", "three times", withLone(14_000), Measured, "3.0 times"},
		{"group-commit", "hardly more", withLone(40_000), Refuted, "1.0 times"},
		{"group-commit", "few rounds", edited(withLone(1300), func(r *result.Result) { r.Cells[3].Rounds = r.Cells[3].Rounds[:2] }), Measured, "too few rounds"},
		{"group-commit", "another method", edited(withLone(1300), func(r *result.Result) { r.Cells[4].Params.FlushMethod = "o_dsync" }), NotMeasured, "To measure it"},
		{"group-commit", "no lone client", timed(nil), NotMeasured, "To measure it"},

		{"1-slowest", "by far", timed(nil), Confirmed, "Against policy 1 at 2,600/s, 8 clients: policy 2 saves 1.0 ms, policy 0 saves 1.0 ms."},
		{"1-slowest", "0 is slower", timed(func(s *scene) { s.ns["0"] = 3 * ms }), Refuted, "policy 0 takes 2.0 ms longer"},
		{"1-slowest", "2 within the noise", timed(func(s *scene) { s.ns["2"] = s.ns["1"] }), Measured, "policy 2 saves nothing that could be told from noise"},
		{"1-slowest", "alone", timed(func(s *scene) { delete(s.ns, "0"); delete(s.ns, "2") }), NotMeasured, "To measure it"},
		{"1-slowest", "three rounds", timed(func(s *scene) { s.rounds = 3 }), Measured, "policy 2"},
		{"1-slowest", "transactions", transfers(about(1000), about(2000), about(2000)), Confirmed, "policy 2 carries 2.00 times the commits/s"},
		{"1-slowest", "transactions, 2 slower", transfers(about(1000), about(500), about(2000)), Refuted, "policy 2 carries 0.50 times"},
		{"1-slowest", "a closed loop of the log is no guide", edited(transfers(about(1000), about(2000), about(2000)), func(r *result.Result) {
			for i := range r.Cells {
				r.Cells[i].Params.Rows = 0
			}
		}), NotMeasured, "To measure it"},

		{"sync-binlog-n", "more than N", lagging(100, 306), Refuted, "1/100: the engine was up to 306 commits ahead of the binlog (5 rounds, 0 crash trials)."},
		{"sync-binlog-n", "N", lagging(100, 100), Confirmed, "up to 100 commits"},
		{"sync-binlog-n", "hardly any", lagging(100, 12), Measured, "up to 12 commits"},
		{"sync-binlog-n", "a crash left more", edited(lagging(100, 12), func(r *result.Result) {
			r.Cells = append(r.Cells, r.Cells[0])
			r.Cells[1].Rounds = nil
			r.Cells[1].Crash = &result.CrashCell{Kind: "os", Summary: &result.CrashSummary{Trials: 4, EngineAheadMax: 250}}
		}), Refuted, "up to 250 commits ahead of the binlog (5 rounds, 4 crash trials)"},
		{"sync-binlog-n", "a control left more", edited(lagging(100, 12), func(r *result.Result) {
			r.Cells = append(r.Cells, r.Cells[0])
			r.Cells[1].Rounds = nil
			r.Cells[1].Crash = &result.CrashCell{Kind: "os", Control: "none", Summary: &result.CrashSummary{Trials: 4, EngineAheadMax: 250}}
		}), Measured, "up to 12 commits"},
		{"sync-binlog-n", "a server's binlog is not read", edited(lagging(100, 12), func(r *result.Result) {
			r.Cells = append(r.Cells, r.Cells[0])
			r.Cells[1].Rounds = nil
			r.Cells[1].Crash = &result.CrashCell{Kind: "os", Server: &result.CrashServer{}, Summary: &result.CrashSummary{Trials: 4}}
		}), Measured, "(5 rounds, 0 crash trials)"},
		{"sync-binlog-n", "1 is no N", lagging(1, 5), NotMeasured, "To measure it"},

		{"mixed-default", "both formats", formats(817, 390), Measured, "1/1 with 8 clients: row writes 817 B a commit to the binlog, mixed 390 B."},
		{"mixed-default", "one format", timed(nil), NotMeasured, "To measure it"},
	} {
		before, err := json.Marshal(c.r)
		if err != nil {
			t.Fatal(err)
		}
		got := claim(t, c.code, c.r)
		if got.Outcome != c.want || !strings.Contains(got.Figures, c.figures) {
			t.Errorf("%s, %s: %s: %s\nwant %s and %q", c.code, c.name, got.Outcome, got.Figures, c.want, c.figures)
		}
		if after, err := json.Marshal(c.r); err != nil || string(after) != string(before) {
			t.Errorf("%s, %s: the claim changed the result", c.code, c.name)
		}
		c.r.Preset = "quick"
		if quick := claim(t, c.code, c.r); quick.Outcome == Confirmed || quick.Outcome == Refuted {
			t.Errorf("%s, %s: a quick look says %s: %s", c.code, c.name, quick.Outcome, quick.Figures)
		}
	}
}

// TestClaimsOfSeveralResults holds that a counterexample wins, whatever the order.
func TestClaimsOfSeveralResults(t *testing.T) {
	good, bad, few := probed(about(9000), about(3000)), probed(about(2000), about(3000)), probed(about(9000)[:2], about(3000)[:2])
	none := &result.Result{Kind: result.KindRun}
	for _, c := range []struct {
		results []*result.Result
		want    ClaimOutcome
		figures string
	}{
		{nil, NotMeasured, "flushbench probe"},
		{[]*result.Result{none}, NotMeasured, "flushbench probe"},
		{[]*result.Result{none, few}, Measured, "too few"},
		{[]*result.Result{few, good, none}, Confirmed, "3.00 times"},
		{[]*result.Result{good, bad}, Refuted, "0.67 times"},
		{[]*result.Result{bad, good}, Refuted, "0.67 times"},
	} {
		if got := claim(t, "log-beats-pages", c.results...); got.Outcome != c.want || !strings.Contains(got.Figures, c.figures) {
			t.Errorf("%d results: %s: %s; want %s and %q", len(c.results), got.Outcome, got.Figures, c.want, c.figures)
		}
	}
	var codes []string
	for _, c := range Claims() {
		codes = append(codes, c.Code)
		if c.Says == "" || c.Rule == "" || c.Figures == "" || strings.HasSuffix(c.Says, ".") || !strings.HasSuffix(c.Rule, ".") {
			t.Errorf("claim %+v is not whole", c)
		}
	}
	if want := []string{"2-nearly-0", "at-most-one-second", "five-seconds", "log-beats-pages", "group-commit", "1-slowest", "sync-binlog-n", "mixed-default"}; !slices.Equal(codes, want) {
		t.Errorf("claims %q; want %q", codes, want)
	}
}
