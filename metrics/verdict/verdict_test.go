package verdict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"flushbench/metrics/result"
)

func ptr[T any](v T) *T { return &v }

const ms = 1_000_000

// scene is what a test changes before it asks for the answer.
type scene struct {
	rounds   int
	ns       map[string]float64 // latency of a paced commit by policy
	jitter   float64            // spread of the rounds around it
	risk     map[string]result.AtRisk
	spread   float64 // of the limit loop
	achieved float64 // share of the asked rate
}

// usual is a consumer drive: 1 ms a flush.
func usual() scene {
	tooth := func(commits, age int64) result.Risk { return result.Risk{CommitsMax: commits, AgeNSMax: age} }
	return scene{
		rounds: 5, jitter: 0.02, spread: 0.03, achieved: 1,
		ns: map[string]float64{"1": 1.02 * ms, "2": 0.006 * ms, "0": 0.002 * ms},
		risk: map[string]result.AtRisk{
			"1": {},
			"2": {OS: tooth(2623, 1010*ms), Power: tooth(2623, 1010*ms)},
			"0": {Process: tooth(2610, 1000*ms), OS: tooth(2629, 1010*ms), Power: tooth(2629, 1010*ms)},
		},
	}
}

func (s scene) result() *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{Spread: s.spread}}
	for _, p := range []string{"1", "2", "0"} {
		ns, ok := s.ns[p]
		if !ok {
			continue
		}
		c := result.Cell{Name: "risk-" + p, Section: result.SectionRisk, Bound: result.BoundRate,
			Durability: result.Durability{Process: p != "0", OS: p == "1", Power: p == "1", Words: "tier"},
			Params:     result.Params{Load: result.LoadPaced, Policy: p, Clients: 8, Rate: 2600, FlushMethod: "fdatasync", DurationS: 1}}
		if p == "0" {
			c.Params.Policy0Style, c.Params.DurationS = "classic", 3.3
		}
		for i := range s.rounds {
			risk := s.risk[p]
			f := 1 + s.jitter*float64(i-s.rounds/2)/float64(s.rounds)
			round := result.Round{Round: i + 1, DurationS: c.Params.DurationS, TPS: 2600 * s.achieved,
				LatencyNS: result.Latency{Count: 9000, Mean: int64(ns * f * 1.1), P50: ptr(int64(ns * f))}}
			if s.risk != nil {
				round.AtRisk = &risk
			}
			c.Rounds = append(c.Rounds, round)
		}
		r.Cells = append(r.Cells, c)
	}
	fast := result.Cell{Name: "speed-1-64", Section: result.SectionSpeed, Bound: result.BoundFlush,
		Params: result.Params{Load: result.LoadClosed, Policy: "1", Clients: 64, GroupDelay: "off", FlushMethod: "fdatasync"}}
	for i := range s.rounds {
		fast.Rounds = append(fast.Rounds, result.Round{Round: i + 1, DurationS: 0.6, TPS: 41_900 + float64(i-s.rounds/2),
			LatencyNS: result.Latency{Count: 9000, P50: ptr(int64(1.5 * ms))}})
	}
	r.Cells = append(r.Cells, fast)
	return r
}

func answer(r *result.Result) string { return strings.Join(Answer(r), "\n") }

func TestAnswerOfAConsumerDrive(t *testing.T) {
	want := `Keep policy 1 if you can spend 1.0 ms a commit at 2,600/s (1.5 ms at 41,900/s, 64 clients, the most tried). Nothing was at risk.
Policy 2 saves 1.0 ms; a kernel crash or a power cut may take the last 1.01 s (2,623 commits).
Policy 0 saves 0.004 ms more; a process crash may take the last 1.00 s (2,610 commits), a kernel crash or a power cut the last 1.01 s (2,629 commits).`
	if got := answer(usual().result()); got != want {
		t.Errorf("answer:\n%s\nwant\n%s", got, want)
	}
}

// TestTheSentenceFollowsTheData changes one thing at a time.
func TestTheSentenceFollowsTheData(t *testing.T) {
	tests := []struct {
		name   string
		change func(*scene)
		after  func(*result.Result)
		has    []string
		lacks  []string
	}{
		{name: "power-loss protection: one line",
			change: func(s *scene) { s.ns["1"] = 0.056 * ms },
			has:    []string{"Policy 1 costs 0.05 ms a commit at 2,600/s; nothing measured here argues against it."},
			lacks:  []string{"Keep", "Policy 2", "\n"}},
		{name: "slower disk",
			change: func(s *scene) { s.ns["1"] = 12.4 * ms },
			has:    []string{"spend 12 ms a commit", "Policy 2 saves 12 ms"}},
		{name: "wide spread is shown",
			change: func(s *scene) { s.jitter = 0.8 },
			has:    []string{"spend 1.0 ms (0.7..1.3) a commit"}},
		{name: "too few rounds claim nothing",
			change: func(s *scene) { s.rounds = 3 },
			has:    []string{"3 rounds cannot tell a difference from noise (at least 5 can), so none is claimed.", "Policy 2: 0.006 ms a commit at 2,600/s; a kernel crash"},
			lacks:  []string{"saves", "Keep", "costs"}},
		{name: "one round",
			change: func(s *scene) { s.rounds = 1 },
			has:    []string{"1 round cannot tell"}},
		{name: "within the noise",
			change: func(s *scene) { s.ns["2"], s.ns["0"] = 1.01*ms, 1.0*ms },
			has:    []string{"Keep policy 1: at 2,600/s no other policy answered sooner by more than the noise. Nothing was at risk."},
			lacks:  []string{"saves"}},
		{name: "a noisy disk makes it noise",
			change: func(s *scene) { s.spread = 1.2 },
			has:    []string{"no other policy answered sooner by more than the noise"},
			lacks:  []string{"saves"}},
		{name: "0 is no faster than 2",
			change: func(s *scene) { s.ns["0"] = s.ns["2"] },
			has:    []string{"Policy 2 saves 1.0 ms", "Policy 0 saves nothing more that could be told from noise"}},
		{name: "0 is slower than 2",
			change: func(s *scene) { s.ns["0"] = 0.05 * ms },
			has:    []string{"Policy 0 takes 0.04 ms longer"}},
		{name: "no policy 2",
			change: func(s *scene) { delete(s.ns, "2") },
			has:    []string{"Policy 0 saves 1.0 ms;"},
			lacks:  []string{"Policy 2", "more"}},
		{name: "policy 1 alone",
			change: func(s *scene) { delete(s.ns, "2"); delete(s.ns, "0") },
			has:    []string{"Policy 1 takes 1.0 ms a commit", "No other policy was measured"},
			lacks:  []string{"Keep"}},
		{name: "no policy 1",
			change: func(s *scene) { delete(s.ns, "1") },
			has:    []string{"Policy 1 was not measured", "Policy 2 at 2,600/s: a kernel crash"},
			lacks:  []string{"Keep", "saves"}},
		{name: "O_DIRECT survives a kernel crash",
			change: func(s *scene) { a := s.risk["2"]; a.OS = result.Risk{}; s.risk["2"] = a },
			has:    []string{"Policy 2 saves 1.0 ms; a power cut may take the last 1.01 s"}},
		{name: "tracker full",
			change: func(s *scene) { a := s.risk["2"]; a.OS.Truncated, a.Power.Truncated = true, true; s.risk["2"] = a },
			has:    []string{"may take at least the last 1.01 s"}},
		{name: "risk not measured",
			change: func(s *scene) { s.risk = nil },
			has:    []string{"What was at risk was not measured."},
			lacks:  []string{"may take", "Nothing was at risk"}},
		{name: "policy 1 with something at risk",
			change: func(s *scene) { s.risk["1"] = result.AtRisk{Power: result.Risk{CommitsMax: 1, AgeNSMax: 5}} },
			has:    []string{"which must never be: do not trust these figures"},
			lacks:  []string{"Keep", "saves"}},
		{name: "policy 1 did not keep up",
			change: func(s *scene) { s.achieved = 0.8 },
			has:    []string{"did not keep up: 2,080 commits/s of the 2,600 asked for"},
			lacks:  []string{"Keep", "saves"}},
		{name: "flush method none",
			after: func(r *result.Result) {
				r.Cells[0].Durability.Power = false
				r.Cells[0].Params.FlushMethod = "none"
				r.Cells[1].Params.FlushMethod, r.Cells[2].Params.FlushMethod = "none", "none"
			},
			has:   []string{"Policy 1 is not durable here (flush method none)"},
			lacks: []string{"Keep", "saves"}},
		{name: "interrupted",
			after: func(r *result.Result) { r.Complete = false },
			has:   []string{"The run was cut short", "Keep policy 1"}},
		{name: "verification failed",
			after: func(r *result.Result) {
				r.Cells[2].Rounds[1].Verify = &result.Verify{Error: "record 17: checksum mismatch"}
			},
			has: []string{"Verification failed in risk-0, round 2: record 17: checksum mismatch. Do not use these figures."}},
		{name: "in memory",
			after: func(r *result.Result) { r.Environment.Volatile = true },
			has:   []string{"say nothing about a disk"}},
		{name: "slowed on purpose",
			after: func(r *result.Result) { r.Limit.AddedFlushNS = 100_000 },
			has:   []string{"Every flush was slowed by 0.10 ms on purpose."}},
		{name: "CPU-bound speed is no guide",
			after: func(r *result.Result) { r.Cells[3].Bound = result.BoundCPU },
			lacks: []string{"the most tried"}},
		{name: "nothing paced",
			after: func(r *result.Result) { r.Cells = r.Cells[3:] },
			has:   []string{"No paced cell was measured"},
			lacks: []string{"Keep"}},
		{name: "nothing at all",
			after: func(r *result.Result) { r.Cells, r.Limit = nil, nil },
			has:   []string{"No paced cell was measured"}},
		{name: "no median shown: means for all",
			after: func(r *result.Result) { r.Cells[2].Rounds[0].LatencyNS.P50 = nil },
			has:   []string{"spend 1.1 ms a commit"}},
		{name: "two rates",
			after: func(r *result.Result) {
				for _, c := range slices.Clone(r.Cells[:3]) {
					c.Name, c.Params.Rate = c.Name+"b", 100
					r.Cells = append(r.Cells, c)
				}
			},
			has: []string{"Of 2 combinations this is the first: 2,600/s, 8 clients, fdatasync."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := usual()
			if tt.change != nil {
				tt.change(&s)
			}
			r := s.result()
			if tt.after != nil {
				tt.after(r)
			}
			before, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			got := answer(r)
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("lacks %q:\n%s", want, got)
				}
			}
			for _, bad := range tt.lacks {
				if strings.Contains(got, bad) {
					t.Errorf("holds %q:\n%s", bad, got)
				}
			}
			for _, line := range append(AnswerBlock(r, Width), NotTestedBlock(r, Width)...) {
				if utf8.RuneCountInString(line) > Width {
					t.Errorf("line of %d columns: %s", utf8.RuneCountInString(line), line)
				}
			}
			if after, err := json.Marshal(r); err != nil || string(after) != string(before) {
				t.Error("the answer changed the result")
			}
		})
	}
}

// TestPartialRoundsClaimNothing holds that a round that was cut short is no
// evidence: five rounds of which three are whole are three.
func TestPartialRoundsClaimNothing(t *testing.T) {
	r := usual().result()
	for i := range r.Cells {
		r.Cells[i].Rounds[1].Partial, r.Cells[i].Rounds[4].Partial = true, true
	}
	got := answer(r)
	if want := "3 rounds cannot tell a difference from noise"; !strings.Contains(got, want) {
		t.Errorf("lacks %q:\n%s", want, got)
	}
	if strings.Contains(got, "Keep") || strings.Contains(got, "saves") {
		t.Errorf("claims something:\n%s", got)
	}
}

func TestNotTested(t *testing.T) {
	all := func(r *result.Result) string { return strings.Join(NotTested(r), " | ") }
	r := usual().result()
	want := "real loss (nothing was crashed) | a power cut and the drive's own cache | binlog | a real server | " +
		"flush methods other than fdatasync | garbage collection, burst credit (30 s measured)"
	if got := all(r); got != want {
		t.Errorf("NotTested:\n%s\nwant\n%s", got, want)
	}
	tests := []struct {
		name   string
		change func(*result.Result)
		has    string
		lacks  string
	}{
		{"binlog", func(r *result.Result) { r.Cells[0].Params.SyncBinlog = ptr(1) }, "", "binlog"},
		{"crashed", func(r *result.Result) { r.CrashTrials = []result.CrashTrial{{}} }, "", "real loss"},
		{"two methods", func(r *result.Result) { r.Cells[0].Params.FlushMethod = "o_dsync" }, "", "flush methods"},
		{"long", func(r *result.Result) { r.Cells[0].Rounds[0].DurationS = 3600 }, "", "garbage"},
		{"no policy 0", func(r *result.Result) { r.Cells = slices.Delete(r.Cells, 2, 3) }, "policy 0", ""},
		{"not paced", func(r *result.Result) { r.Cells = r.Cells[3:] }, "the loss window", ""},
	}
	for _, tt := range tests {
		r := usual().result()
		tt.change(r)
		got := all(r)
		if !strings.Contains(got, tt.has) || tt.lacks != "" && strings.Contains(got, tt.lacks) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

func TestBlock(t *testing.T) {
	got := Block("NOT TESTED", []string{"one two three four", "five"}, 8+9)
	want := []string{"NOT     one two", "TESTED  three", "        four", "        five"}
	if !slices.Equal(got, want) {
		t.Errorf("Block = %q, want %q", got, want)
	}
	if got := Block("NOT TESTED", nil, 80); !slices.Equal(got, []string{"NOT", "TESTED"}) {
		t.Errorf("empty Block = %q", got)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, nil},
		{"  a   b  ", 10, []string{"a b"}},
		{"abc def", 7, []string{"abc def"}},
		{"abc def", 6, []string{"abc", "def"}},
		{"a verylongword b", 5, []string{"a", "verylongword", "b"}},
		{"é é é", 3, []string{"é é", "é"}},
	}
	for _, tt := range tests {
		if got := Wrap(tt.text, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestFormats(t *testing.T) {
	counts := map[float64]string{0: "0", 999: "999", 999.6: "1,000", 41900: "41,900", 1234567: "1,234,567", -1500: "-1,500"}
	for v, want := range counts {
		if got := Count(v); got != want {
			t.Errorf("Count(%v) = %s, want %s", v, got, want)
		}
	}
	times := map[float64]string{0: "0.000", 300: "under 0.001", 4000: "0.004", 50_000: "0.05", 710_000: "0.71", 1_500_000: "1.5", 12_300_000: "12"}
	for ns, want := range times {
		if got := Milliseconds(ns); got != want {
			t.Errorf("Milliseconds(%v) = %s, want %s", ns, got, want)
		}
	}
	decimals := map[float64]string{0: "0.000", 0.5: "0.500", 0.99949: "0.999", 8.134: "8.13", 81.26: "81.3", -81.26: "-81.3", 99.96: "100", 1417.4: "1,417", 9999: "9,999", 10_049: "10,000", 41_873: "41,900"}
	for v, want := range decimals {
		if got := Decimal(v); got != want {
			t.Errorf("Decimal(%v) = %s, want %s", v, got, want)
		}
	}
	ratios := map[float64]string{0.987: "0.99", 1.057: "1.06", 3.68: "3.7", 41.4: "41", 1234: "1,200"}
	for v, want := range ratios {
		if got := Ratio(v); got != want {
			t.Errorf("Ratio(%v) = %s, want %s", v, got, want)
		}
	}
	sizes := map[int64]string{0: "0 B", 512: "512 B", 1000: "1,000 B", 4096: "4 KiB", 4097: "4,097 B", 1 << 20: "1 MiB", 1536 << 20: "1,536 MiB", 1 << 31: "2 GiB"}
	for n, want := range sizes {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %s, want %s", n, got, want)
		}
	}
	spans := map[int64]string{1_010_000_000: "1.01 s", 100_000_000: "0.10 s", 12_000_000: "12 ms", 400_000: "0.40 ms"}
	for ns, want := range spans {
		if got := Span(ns); got != want {
			t.Errorf("Span(%d) = %s, want %s", ns, got, want)
		}
	}
}
