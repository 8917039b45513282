package verdict

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

const (
	crashOf = `(?P<itscrash>process crash|simulated kernel crash|simulated power cut) on (?P<itsplace>.*)`
	whole   = `([0-9,]+)`
)

var crashKinds = []kind[result.Result]{
	{"cut short", `The trials were cut short: this rests on those that finished\.`, ``, nil},
	{"violation", `VIOLATION in ` + whole + ` of ` + whole + ` trials of (.*?): (.*)\.`, ``, violationsOf},
	{"more violations", `VIOLATION in ` + whole + ` more cells: the table marks them\.`, ``, moreThanNamed(0)},
	{"lost more", `(.*), ` + crashOf + `, lost more than had been predicted at that moment: the prediction is wrong there\.`, ``, lostMoreOf},
	{"a server lost more", `(.*), ` + crashOf + `, lost commits that were older than (.*) \((.*)\) explains: that the server keeps to its timer is not shown\.`, ``, lostMoreOf},
	{"more that lost more", whole + ` more cells lost more than was expected: the table marks them MORE\.`, ``, moreThanNamed(1)},
	{"unpredicted", `(.*), ` + crashOf + `, lost something in ` + whole + ` of ` + whole + ` trials of which nobody knows how much was at risk: they prove nothing\.`, ``, unpredictedOf},
	{"more unpredicted", whole + ` more cells lost something that nobody had predicted: the table calls them no proof\.`, ``, moreThanNamed(2)},
	{"blind", `THE LAB PROVES NOTHING: it did not catch (.*), which must lose acknowledged commits\.`, ``, missedControls},
	{"controls left", `Only ` + whole + ` of ` + whole + ` controls were tried: what the others would show is not known\.`, ``, controlsLeft},
	{"one control", `The lab can see: its control, a setting broken on purpose, was caught\.`, ``, nil},
	{"controls", `The lab can see: all ` + whole + ` controls, settings broken on purpose, were caught\.`, ``, controlsAll},
	{"no control", `No control was run: that this lab would have seen a loss is not shown\.`, ``, nil},
	{"acked after", `(?P<itsfault>A flush failed|The disk was full) in ` + whole + ` of ` + whole + ` trials, and ` + whole + ` commits were acknowledged after it: that must never be\.`, ``, faultsOf},
	{"fault", `(?P<itsfault>A flush was made to fail|The disk was filled, and a file met its end,) in ` + whole + ` of ` + whole + ` trials before the crash; nothing was acknowledged after it\.(?: In the others (it did not fail|no file met its end) in time: they do not count\.)?`, ``, faultsOf},
	{"idle", `Nothing had been acknowledged in ` + whole + ` of ` + whole + ` trials when they were crashed: they do not count\.`, ``, countsOf(func(s *result.CrashSummary) int { return s.Idle })},
	{"stalled", `The load had stood still for a flush interval in ` + whole + ` of ` + whole + ` trials when they were crashed: nothing was left to lose, they do not count\.`, ``, countsOf(func(s *result.CrashSummary) int { return s.Stalled })},
	{"rate", `The load was less than asked: down to ` + whole + ` commits/s of ` + whole + `\.`, ``, rateReached},
	{"settings", `(?P<its>(?:Polic|[0-3]/).*?) ((?:lost (?:nothing )?to|left|broke|could not|had no) .*)\.`, ``, settingsTook},
	{"difference", `For example (.*), trial ([0-9]+): the (engine|binlog) has transaction ([0-9]+) of client ([0-9]+), the (engine|binlog) lacks it \((.*) had been told of it\)\. So (.*) not the same on a replica, or after a restore\.`, ``, differenceOf},
	{"bound", `\(up to: the chance of a loss in one crash that so few trials leave possible, at 95 %\.\)`, ``, nil},
	{"nothing", `Nothing was crashed, so nothing is known\.`, ``, nil},
}

// crashSaid is what CrashAnswer says of a matrix.
var crashSaid = speaker[result.Result]{name: "crash", seeds: 300, says: CrashAnswer, kinds: crashKinds,
	turns: func(knob string) bool {
		return !strings.HasSuffix(knob, ".Log") && !strings.HasSuffix(knob, ".Fault.Error") && !strings.HasSuffix(knob, ".Filesystem") && !strings.HasSuffix(knob, ".Crash.Fault") && !strings.HasSuffix(knob, ".Crash.Kind") && !strings.HasSuffix(knob, ".Workload")
	},
	made: []func() *result.Result{
		func() *result.Result { return alike(1, 0) }, // of which one less is nothing
		func() *result.Result { return alike(7, 8) },
		func() *result.Result { return alike(7, 7) },
	},
	world: func(seed int) *result.Result { return rapid.Custom(drawCrashes).Example(seed) }}

// TestCrashesFollow: every figure of every sentence about crashes is right, and follows
// what they took.
func TestCrashesFollow(t *testing.T) { crashSaid.follow(t) }

// drawCrashes draws a matrix with whatever may become of crashes.
func drawCrashes(t *rapid.T) *result.Result {
	n := func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }
	r := &result.Result{Kind: result.KindCrash, Complete: n(4) > 0}
	calm := n(2) == 0 // nothing out of order
	fault := ""
	if n(3) == 0 {
		fault = []string{"eio", "enospc"}[n(1)]
	}
	if n(30) == 0 {
		return r
	}
	loads := fiveLoads[:[]int{1, 1, 2, 5}[n(3)]]
	pairs := []string{"1/1", "2/0", "0/100", "1/100"}[:1+n(3)]
	two := n(1) == 0
	outcomes := []int{n(9), n(9), n(9)}
	for _, load := range loads {
		for _, pair := range pairs {
			if n(4) == 0 {
				outcomes = []int{n(9), n(9), n(9)}
			}
			for k, kind := range []string{"process", "os", "power"} {
				c := result.Cell{Name: load + pair + kind, Params: result.Params{Workload: load, Policy: pair[:1], Rate: float64(n(1) * 1000)},
					Crash: &result.CrashCell{Kind: kind, Filesystem: "ext4", Fault: fault}}
				if sync, _ := strconv.Atoi(pair[2:]); two {
					c.Params.SyncBinlog = &sync
				} else if pair == "1/100" {
					continue
				}
				c.Crash.Summary = drawSummary(n, outcomes[k], calm)
				if n(8) == 0 {
					c.Crash.Server = &result.CrashServer{Timer: "its_timer", TimerNS: int64(1+n(3)) * second}
				}
				trial := result.CrashTrial{Cell: c.Name, Trial: 1 + n(9), Kind: kind}
				if n(2) > 0 && c.Crash.Summary.Violations > 0 {
					trial.Violations = []string{"client 3: gone."}
				}
				if fault != "" {
					trial.Fault = &result.CrashFault{Error: fault, Seen: n(3) > 0, AckedAfter: int64(max(0, n(40)-38))}
				}
				if c.Crash.Summary.Diverged > 0 && n(2) == 0 {
					trial.CommitProtocol = "redo-first"
					trial.Differences = []result.Difference{{Log: []string{"engine", "binlog"}[n(1)], Client: 1 + n(7), Seq: uint64(1 + n(99)), Acked: n(1) == 0, Rows: []uint64{7, 9, 11, 13, 15, 17}[:1+n(5)]}}
				}
				r.Cells, r.CrashTrials = append(r.Cells, c), append(r.CrashTrials, trial)
			}
		}
	}
	for range n(3) {
		c := result.Cell{Name: "control", Crash: &result.CrashCell{Kind: "os", Filesystem: "xfs", Control: "none"}}
		if n(3) > 0 {
			c.Crash.Summary = &result.CrashSummary{Trials: 2, Caught: n(4) > 0}
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// drawSummary draws what the crashes of one cell came to.
func drawSummary(n func(int) int, outcome int, calm bool) *result.CrashSummary {
	trials := 3 + n(20)
	s := &result.CrashSummary{Trials: trials, Proofs: trials, Verdict: result.VerdictKept, RateReached: float64(500 + 100*n(5))}
	lose := func() {
		s.WithLoss, s.Verdict = 1+n(trials-1), result.VerdictLostWithin
		s.LostMax, s.LostAgeMax = int64(1+n(5000)), int64(1+n(1000))*ms
	}
	if calm {
		outcome = min(outcome, 5)
	}
	switch outcome {
	case 0, 1:
	case 2, 3:
		lose()
	case 4:
		s.WithLoss, s.Verdict, s.BinlogAheadMax, s.EngineAheadMax = trials, result.VerdictLostWithin, int64(1+n(500)), int64(n(1)*77)
	case 5:
		s.WithLoss, s.Diverged, s.Verdict, s.EngineAheadMax = 2, 2, result.VerdictDiverged, int64(1+n(3))
	case 6:
		lose()
		s.Verdict = result.VerdictLostMore
	case 7:
		lose()
		s.Verdict, s.Unpredicted = result.VerdictNotPredicted, 1+n(1)
	case 8:
		s.Verdict, s.Violations = result.VerdictViolation, 1+n(1)
		s.Unreadable = n(s.Violations)
		s.Proofs -= s.Unreadable
	default:
		s.Proofs, s.Stalled, s.Idle = 0, trials-1, 1
	}
	if s.Proofs > 4 && !calm && n(4) == 0 {
		s.Proofs, s.Idle, s.Stalled = s.Proofs-3, s.Idle+1, s.Stalled+2
	}
	return s
}

// alike is a matrix of cells with the same outcome: of enough of them some are counted
// and not named.
func alike(cells, outcome int) *result.Result {
	r := &result.Result{Kind: result.KindCrash, Complete: true}
	for range cells {
		s := drawSummary(func(most int) int { return min(1, most) }, outcome, false)
		r.Cells = append(r.Cells, result.Cell{Name: fmt.Sprint("cell ", len(r.Cells)), Params: result.Params{Workload: fiveLoads[0], Policy: fmt.Sprint(len(r.Cells) % 3)},
			Crash: &result.CrashCell{Kind: []string{"process", "os", "power"}[len(r.Cells)/3%3], Filesystem: "ext4", Summary: s}})
	}
	return r
}

// tries are the cells that are no controls and were crashed.
func tries(r *result.Result) (all []*result.Cell) {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Crash.Control == "" && c.Crash.Summary != nil {
			all = append(all, c)
		}
	}
	return all
}

// settingNamed names a setting of drawCrashes.
func settingNamed(r *result.Result, c *result.Cell) string {
	name := "Policy " + c.Params.Policy
	if c.Params.SyncBinlog != nil {
		name = c.Params.Policy + "/" + strconv.Itoa(*c.Params.SyncBinlog)
	}
	for _, o := range r.Cells {
		if o.Crash.Control == "" && o.Params.Workload != c.Params.Workload {
			return name + " " + c.Params.Workload
		}
	}
	return name
}

var crashNamed = map[string]string{"process": "process crash", "os": "simulated kernel crash", "power": "simulated power cut"}

// notKept sorts the cells of the sentences that name cells.
func notKept(r *result.Result) (of [3][]*result.Cell) {
	for _, c := range tries(r) {
		switch s := c.Crash.Summary; {
		case s.Violations > 0:
			of[0] = append(of[0], c)
		case s.Verdict == result.VerdictLostMore:
			of[1] = append(of[1], c)
		case s.Unpredicted > 0:
			of[2] = append(of[2], c)
		}
	}
	return of
}

func violationsOf(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range notKept(r)[0] {
		said := "no line says which"
		for i := len(r.CrashTrials) - 1; i >= 0; i-- {
			if t := r.CrashTrials[i]; t.Cell == c.Name && len(t.Violations) > 0 {
				said = strings.TrimSuffix(t.Violations[0], ".")
			}
		}
		all = append(all, []string{strconv.Itoa(c.Crash.Summary.Violations), strconv.Itoa(c.Crash.Summary.Trials), c.Name, said})
	}
	return pick(m, all...)
}

func moreThanNamed(which int) func(*result.Result, []string) []string {
	return func(r *result.Result, _ []string) []string { return []string{strconv.Itoa(len(notKept(r)[which]) - 4)} }
}

func lostMoreOf(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range notKept(r)[1] {
		x := []string{settingNamed(r, c), crashNamed[c.Crash.Kind], c.Crash.Filesystem}
		if s := c.Crash.Server; s != nil {
			x = append(x, s.Timer, Span(s.TimerNS))
		}
		all = append(all, x)
	}
	return pick(m, all...)
}

func unpredictedOf(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range notKept(r)[2] {
		all = append(all, []string{settingNamed(r, c), crashNamed[c.Crash.Kind], c.Crash.Filesystem, strconv.Itoa(c.Crash.Summary.Unpredicted), strconv.Itoa(c.Crash.Summary.Trials)})
	}
	return pick(m, all...)
}

// controlsOf counts them: asked for, caught, and the names of those that were missed.
func controlsOf(r *result.Result) (asked, caught int, missed []string) {
	for _, c := range r.Cells {
		if c.Crash.Control == "" {
			continue
		}
		asked++
		if s := c.Crash.Summary; s != nil && s.Caught {
			caught++
		} else if s != nil {
			missed = append(missed, c.Crash.Control+" by "+c.Crash.Kind+" on "+c.Crash.Filesystem)
		}
	}
	return asked, caught, missed
}

func missedControls(r *result.Result, _ []string) []string {
	_, _, missed := controlsOf(r)
	return []string{strings.Join(missed, ", ")}
}

func controlsLeft(r *result.Result, _ []string) []string {
	asked, caught, _ := controlsOf(r)
	return []string{strconv.Itoa(caught), strconv.Itoa(asked)}
}

func controlsAll(r *result.Result, _ []string) []string {
	asked, caught, _ := controlsOf(r)
	return []string{strconv.Itoa(min(asked, caught))}
}

func faultsOf(r *result.Result, m []string) []string {
	var all [][]string
	for _, of := range []struct {
		full            bool
		bad, good, late string
	}{{false, "A flush failed", "A flush was made to fail", "it did not fail"}, {true, "The disk was full", "The disk was filled, and a file met its end,", "no file met its end"}} {
		trials, seen, after := 0, 0, int64(0)
		for _, t := range r.CrashTrials {
			if t.Fault == nil || (t.Fault.Error == "enospc") != of.full {
				continue
			}
			trials, after = trials+1, after+t.Fault.AckedAfter
			if t.Fault.Seen {
				seen++
			}
		}
		late := ""
		if seen < trials {
			late = of.late
		}
		if after > 0 {
			all = append(all, []string{of.bad, strconv.Itoa(seen), strconv.Itoa(trials), Count(float64(after))})
		} else {
			all = append(all, []string{of.good, strconv.Itoa(seen), strconv.Itoa(trials), late})
		}
	}
	return pick(m, all...)
}

func countsOf(of func(*result.CrashSummary) int) func(*result.Result, []string) []string {
	return func(r *result.Result, _ []string) []string {
		n, trials := 0, 0
		for _, c := range tries(r) {
			n, trials = n+of(c.Crash.Summary), trials+c.Crash.Summary.Trials
		}
		return []string{strconv.Itoa(n), strconv.Itoa(trials)}
	}
}

func rateReached(r *result.Result, _ []string) []string {
	slowest, asked := math.Inf(1), 0.0
	for _, c := range tries(r) {
		if got, want := c.Crash.Summary.RateReached, c.Params.Rate; got > 0 && got < 0.8*want && got < slowest {
			slowest, asked = got, want
		}
	}
	return []string{Count(slowest), Count(asked)}
}

func differenceOf(r *result.Result, _ []string) []string {
	for _, t := range r.CrashTrials {
		if t.CommitProtocol == "" || t.Control || len(t.Differences) == 0 {
			continue
		}
		d := t.Differences[0]
		if len(d.Rows) == 0 {
			continue
		}
		other, told := "binlog", "nobody"
		if d.Log == "binlog" {
			other = "engine"
		}
		if d.Acked {
			told = "the client"
		}
		rows := fmt.Sprintf("row %d is", d.Rows[0])
		if n := len(d.Rows); n > 1 {
			text := strings.ReplaceAll(strings.Trim(fmt.Sprint(d.Rows[:min(n, 4)]), "[]"), " ", ", ")
			if n > 4 {
				rows = fmt.Sprintf("rows %s and %d more are", text, n-4)
			} else {
				at := strings.LastIndex(text, ", ")
				rows = "rows " + text[:at] + " and " + text[at+2:] + " are"
			}
		}
		return []string{t.Cell, strconv.Itoa(t.Trial), d.Log, strconv.FormatUint(d.Seq, 10), strconv.Itoa(d.Client), other, told, rows}
	}
	return []string{"no difference"}
}

// named1 is a list of policies or pairs in a group's name, and what stands behind it.
var named1 = regexp.MustCompile(`((?:[0-3](?:/[0-9]+)?)(?:(?:, | and )[0-3](?:/[0-9]+)?)*)(?: with all [0-9]+ workloads| \(([a-z, -]+)\)| ([a-z]+(?:-[a-z]+)?)(?:,.*)?)?`)

// settingsTook computes the sentence of a group from its cells, which its name gives.
func settingsTook(r *result.Result, m []string) []string {
	in := map[string]bool{}
	for _, part := range named1.FindAllStringSubmatch(m[1], -1) {
		for _, base := range strings.Split(strings.ReplaceAll(part[1], " and ", ", "), ", ") {
			for _, load := range fiveLoads {
				if part[2]+part[3] == "" || slices.Contains(strings.Split(part[2]+part[3], ", "), load) {
					in[base+" "+load] = true
				}
			}
		}
	}
	var cells []*result.Cell
	settings, bases := map[string]bool{}, map[string]bool{}
	for _, c := range tries(r) {
		base := strings.TrimPrefix(whoIs(&c.Params), "policy ")
		if in[base+" "+c.Params.Workload] {
			cells = append(cells, c)
			settings[base+c.Params.Workload], bases[base] = true, true
		}
	}
	return []string{m[1], tookOf(cells, len(settings), len(bases))}
}
