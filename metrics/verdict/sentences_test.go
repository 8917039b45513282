package verdict

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

// Parts of sentences.
const (
	some     = `((?:under )?[0-9.,-]+)`                      // a figure
	ranged   = `([0-9.,-]+ ms(?: \([0-9.,-]+\))?)`           // with its interval
	hedge    = `(?P<its_hedge> \((?:noise|inconclusive)\))?` // what follows a ratio that is none
	risks    = `([A-Za-z].*)`                                // what a crash may take
	pairName = `(?:[a-z]+ )?(?:[0-3]/[0-9]+|policy [0-3])`
	pairOf   = `(` + pairName + `)` // a setting
	sizeOf   = `([0-9,]+ (?:B|[KMG]iB))`
	// tried1 is what a commit takes at the most clients.
	tried1 = `(?: \(` + some + ` ms at ([0-9,]+)/s, ([0-9]+) clients, the most tried\))?`
)

var kinds = []kind[result.Result]{
	{"too few rounds", `([0-9]+) rounds? cannot tell a difference from noise \(at least 5 can\), so none is claimed\.`, ``, fewestRounds},
	{"a quick look", `A quick look \(--quick\) decides nothing, so no difference is claimed\.`, ``, nil},
	{"a policy, no claim", `Policy ([0-3]): ` + some + ` ms a commit at ([0-9,]+)/s; ` + risks + `\.`, ``, latencyOf},
	{"keep 1", `Keep policy 1 if you can spend ` + ranged + ` a commit at ([0-9,]+)/s` + tried1 + `\. ` + risks + `\.`, `.`, priceOf1},
	{"cheap", `Policy 1 costs ` + some + ` ms a commit at ([0-9,]+)/s; nothing measured here argues against it\.`, `.`, cheapOf1},
	{"nothing sooner", `Keep policy 1: at ([0-9,]+)/s no other policy answered sooner by more than the noise\. ` + risks + `\.`, ``, nobodySooner},
	{"a policy saves", `Policy ([02]) (?P<its>saves|takes) ` + ranged + `(?P<its_more> more| longer)?; ` + risks + `\.`, `.`, savingOf},
	{"a policy saves nothing", `Policy (?P<its_who>[02]) saves nothing(?P<its_more> more)? that could be told from noise; ` + risks + `\.`, ``, savingNothing},
	{"risk alone", `Policy ([0-3]) at ([0-9,]+)/s: ` + risks + `\.`, ``, riskOf},
	{"1 alone", `Policy 1 takes ` + some + ` ms a commit at ([0-9,]+)/s` + tried1 + `; ` + risks + `\.`, ``, aloneOf1},
	{"no other", `No other policy was measured at this rate\.`, ``, nil},
	{"no 1", `Policy 1 was not measured at the same rate, so what it would cost is not known\.`, ``, nil},
	{"not kept up", `Policy 1 did not keep up: ([0-9,]+) commits/s of the ([0-9,]+) asked for\. Lower --rate to compare\.`, ``, notKeptUp},
	{"not durable", `Policy 1 is not durable here \(flush method (.*)\): it cannot be recommended\.`, ``, methodOf1},
	{"must never be", `Policy 1 had acknowledged commits at risk, which must never be: do not trust these figures\.`, ``, nil},
	{"several", `Of ([0-9]+) combinations this is the first: ([0-9,]+)/s, ([0-9]+) clients, (.*)\.`, ``, combinations},
	{"nothing paced", `No paced cell was measured, so what a policy adds to a commit and what a crash may take are not known\.`, ``, nil},
	{"servers alone", `A server shows nobody what a crash would take from it: flushbench crash --target crashes one\.`, ``, nil},
	{"verification", `Verification failed in (.*), round ([0-9]+): (.*)\. Do not use these figures\.`, ``, failedRound},
	{"memory", `This folder lies in memory: the figures say nothing about a disk\.`, ``, nil},
	{"slowed", `Every flush was slowed by ` + some + ` ms on purpose\.`, ``, slowedBy},
	{"cut short", `The run was cut short: this rests on the rounds that finished\.`, ``, nil},
	{"cut by its budget", `The write budget cut the run short: this rests on the rounds that finished\.`, ``, nil},
	{"pairs", `A setting is policy/sync_binlog: 1/1 flushes both logs before a commit is acknowledged\.`, ``, nil},
	{"paced pair, behind", pairOf + ` at ([0-9,]+)/s, ([0-9]+) clients: did not keep up \(([0-9,]+)/s\)\.`, ``, pairBehind},
	{"paced pair", pairOf + ` at ([0-9,]+)/s, ([0-9]+) clients(?:, p50 ` + some + ` ms)?: ` + risks + `\.`, ``, pairRisk},
	{"pairs, nothing paced", `No paced cell was measured: what each pair may lose at a given rate is not known\.`, ``, nil},
	{"base", `([0-3]/[0-9]+) carried ([0-9,]+) commits/s at ([0-9]+) clients \(median\)\.`, ``, carriedBase},
	{"pair", `([0-3]/[0-9]+) carried ([0-9.]+) times as many` + hedge + `\.`, `many\.`, carriedPair},
	{"view", `With a read view held (to the end|for .*), ` + pairOf + ` kept up to ([0-9,]+) undo logs(?: and carried ([0-9.]+) times as many commits/s as without` + hedge + `)?\.`, `without\.`, viewRatio},
	{"beside I/O", `Beside background I/O of (.*), ` + pairOf + ` carried ([0-9.]+) times as many commits/s as without` + hedge + `\.`, `without\.`, besideRatio},
	{"p99 beside I/O", `Beside background I/O of (.*), ` + pairOf + ` had a p99 of ` + some + ` ms at ([0-9,]+)/s, ` + some + ` ms without` + hedge + `\.`, `without\.`, besideP99},
	{"server", `(?P<its>[a-z]+): ` + pairOf + ` carried ([0-9,]+) commits/s at ([0-9]+) clients((?:, ` + pairName + ` [0-9.]+ times as many(?: \((?:noise|inconclusive)\))?)*)\.`, `many[.,]`, carriedServer},
	{"engine beside", `The engine's ratios lie ([0-9]+) % from those of (?P<its>[a-z]+) \(median of ([0-9]+)\); at most ([+-][0-9]+) %, ` + pairOf + ` to ` + pairOf + ` at ([0-9]+) clients(?P<its_hedge> \((?:noise|inconclusive)\))?\.`, `clients\.`, engineBesideOf},
	{"circle", circleForm, `commits/s of the|instead of [0-9.]+\.(?: |$)|hurry`, circleFigures},
}

// circleForm is the sentences of one circle: the smallest log that is too small, others,
// and which is enough.
const circleForm = `(?P<its>.*[0-9] clients: )?(?:(?:In a redo log of ` + sizeOf + ` the write position meets the checkpoint: clients wait for room for ([0-9.]+) % of their time|` +
	`A redo log of ` + sizeOf + ` makes the page cleaner hurry, though nobody waits for room)` +
	`(?:, ([0-9,]+) commits/s of the ([0-9,]+) with ` + sizeOf + `|, not clearly fewer commits/s than with ` + sizeOf + ` \((?P<its_outcome>noise|inconclusive|faster)\))?(?:, p99 ([0-9.]+) ms(?: instead of ([0-9.]+)` + hedge + `)?)?\.(?: ` + sizeOf + ` is too small too\.)? )?` +
	`(?:` + sizeOf + ` is enough at ([0-9,]+)/s \(([0-9.,]+) MB/s of log\)\.|A redo log of ` + sizeOf + ` is enough at ([0-9,]+)/s \(([0-9.,]+) MB/s of log\); a smaller one was not tried\.|` +
	`No larger one was gone round in a round: which is enough is not shown\.|No redo log of those tried was gone round in a round: which is enough is not shown\.|A larger one was not tried: which is enough is not known\.)`

// run is what Answer says of a run.
var run = speaker[result.Result]{name: "run", seeds: 400, says: Answer, kinds: kinds, turns: keepsTheRun,
	made: []func() *result.Result{
		func() *result.Result { return usual().result() },
		func() *result.Result { s := usual(); s.ns = map[string]float64{"1": ms}; return s.result() },
		func() *result.Result { s := usual(); s.ns["2"], s.ns["0"] = s.ns["1"], s.ns["1"]; return s.result() },
		func() *result.Result { s := usual(); s.ns["0"] = s.ns["2"]; return s.result() },
		func() *result.Result {
			return &result.Result{Complete: true, Limit: &result.LimitSummary{}, Cells: []result.Cell{besideCell("postgres", "1", -1, 8, 500, ms), besideCell("", "1", -1, 8, 500, ms)}}
		},
		func() *result.Result {
			r := usual().result()
			r.Cells[1].Rounds[2].Verify = &result.Verify{Error: "record 17."}
			return r
		},
	},
	world: func(seed int) *result.Result { return rapid.Custom(drawWorld).Example(seed).r }}

// keepsTheRun leaves out what would make another matrix of a run.
func keepsTheRun(knob string) bool {
	of, isParam := strings.CutPrefix(knob, ".Cells[*].Params.")
	return !isParam || slices.Contains([]string{"Policy", "SyncBinlog", "Rate", "Clients", "BackgroundIO", "LongView", "LogCapacityBytes", "FlushMethod", "NoTimer"}, of)
}

// TestRunFollows: every figure of every sentence about a run is right, and follows what
// was measured.
func TestRunFollows(t *testing.T) { run.follow(t) }

// matched returns the kind of a sentence by its place in kinds, and its parts.
func matched(sentence string) (k int, parts []string) { return run.matched(sentence) }

// comparisons are files of this package with sentences about a run: each text in them that
// a reader may meet must be brought forth by the generator.
var comparisons = []string{"answer.go", "pairs.go", "views.go", "backgrounds.go", "sidebyside.go", "circle.go", "classes.go", "facts.go"}

// texts returns the literals of files with words in them, as expressions.
func texts(t *testing.T, files []string) map[string]*regexp.Regexp {
	t.Helper()
	verb := regexp.MustCompile(`%(?:\\?[+.0-9])*[a-z]`)
	out := map[string]*regexp.Regexp{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if g, ok := n.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
				return false
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING || strings.HasPrefix(lit.Value, "`") {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			if len(regexp.MustCompile(`[a-z]{2,}`).FindAllString(verb.ReplaceAllString(text, ""), -1)) < 2 || verb.ReplaceAllString(text, "") == "" {
				return true
			}
			quoted := strings.ReplaceAll(regexp.QuoteMeta(text), "%%", "%")
			out[name+": "+text] = regexp.MustCompile(verb.ReplaceAllString(quoted, ".*"))
			return true
		})
	}
	if len(out) < 4*len(files) {
		t.Fatalf("only %d texts found", len(out))
	}
	return out
}

// TestEverySentenceIsBroughtForth holds that the generator reaches every kind of
// sentence and every text of the comparisons: a new one without a place in kinds, or that
// no generated result shows, fails here.
func TestEverySentenceIsBroughtForth(t *testing.T) {
	worlds := rapid.Custom(drawWorld)
	seen := map[string]bool{}
	left := texts(t, comparisons)
	for seed := range 600 {
		w := worlds.Example(seed)
		if wrong := w.wrong(); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
		for _, s := range w.sentences() {
			for name, form := range left {
				if form.MatchString(s) {
					delete(left, name)
				}
			}
		}
		for _, s := range Answer(w.r) {
			k, _ := matched(s)
			seen[kinds[k].name] = true
		}
	}
	for _, k := range kinds {
		if !seen[k.name] {
			t.Errorf("no result brings forth %q", k.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("no result brings forth the text of %s", name)
	}
}

// TestSentencesHold draws results, and holds of every sentence that it is of a known
// kind, that it claims no difference within the noise, in too few rounds or in a quick
// look, and that its figures are those of its result, computed the slow way.
func TestSentencesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if wrong := drawWorld(t).wrong(); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// wrong says what is wrong with a sentence of one world; "": nothing.
func (w *world) wrong() string {
	for _, s := range Answer(w.r) {
		k, parts := matched(s)
		if k < 0 {
			return fmt.Sprintf("a sentence of no known kind: %s", s)
		}
		if kinds[k].differs != "" && !w.tells && regexp.MustCompile(kinds[k].differs).MatchString(s) {
			return fmt.Sprintf("%s: claims a difference (%s): %s", kinds[k].name, w.why, s)
		}
		if kinds[k].figures == nil {
			continue
		}
		if want := kinds[k].figures(w.r, parts); want != nil && !slices.Equal(parts[1:], want) {
			return fmt.Sprintf("%s: %s\nsays %q; by the rounds %q", kinds[k].name, s, parts[1:], want)
		}
	}
	for _, c := range Claims(w.r) {
		if (c.Code == "1-slowest" || c.Code == "log-beats-pages") && !w.tells && (c.Outcome == Confirmed || c.Outcome == Refuted) {
			return fmt.Sprintf("%s is %s (%s): %s", c.Code, c.Outcome, w.why, c.Figures)
		}
	}
	for _, s := range w.compared() {
		if !w.tells && differ.MatchString(s) {
			return fmt.Sprintf("a comparison claims a difference (%s): %s", w.why, s)
		}
	}
	return ""
}

// differ is how a comparison of two results says that cells differ.
var differ = regexp.MustCompile(`^Of [0-9]+ cells? [0-9]+ slower|^Most: `)
