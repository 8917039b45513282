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

// kind is a kind of sentence about the speed of a run. A sentence that matches none of
// them fails the tests below, and so does a kind that no generated result brings forth.
type kind struct {
	name string
	form string // a regular expression of the whole sentence
	// differs is a part of it that claims a difference; "": it never does.
	differs string
	// figures returns what the sentence must say by its result: the submatches of
	// form, computed the slow way; nil: the kind has no figures of its own.
	figures func(*result.Result, []string) []string
}

// compiled are the forms and the claims of kinds.
var compiled = func() (out []struct{ form, differs *regexp.Regexp }) {
	for _, k := range kinds {
		out = append(out, struct{ form, differs *regexp.Regexp }{regexp.MustCompile(`^` + k.form + `$`), regexp.MustCompile(k.differs)})
	}
	return out
}()

// Parts of sentences.
const (
	some   = `((?:under )?[0-9.,-]+)`                      // a figure
	ranged = `([0-9.,-]+ ms(?: \([0-9.,-]+\))?)`           // with its interval
	hedge  = `( \((?:noise|inconclusive)\))?`              // what follows a ratio that is none
	risks  = `[A-Za-z].*`                                  // what a crash may take
	pairOf = `((?:[a-z]+ )?(?:[0-3]/[0-9]+|policy [0-3]))` // a setting
)

var kinds = []kind{
	{"too few rounds", `([0-9]+) rounds? cannot tell a difference from noise \(at least 5 can\), so none is claimed\.`, ``, fewestRounds},
	{"a quick look", `A quick look \(--quick\) decides nothing, so no difference is claimed\.`, ``, nil},
	{"a policy, no claim", `Policy ([0-3]): ` + some + ` ms a commit at [0-9,]+/s; ` + risks + `\.`, ``, latencyOf},
	{"keep 1", `Keep policy 1 if you can spend ` + ranged + ` a commit at [0-9,]+/s(?: \(.* the most tried\))?\. ` + risks + `\.`, `.`, priceOf1},
	{"cheap", `Policy 1 costs ` + some + ` ms a commit at [0-9,]+/s; nothing measured here argues against it\.`, `.`, nil},
	{"nothing sooner", `Keep policy 1: at [0-9,]+/s no other policy answered sooner by more than the noise\. ` + risks + `\.`, ``, nobodySooner},
	{"a policy saves", `Policy ([02]) (saves|takes) ` + ranged + `( more| longer)?; ` + risks + `\.`, `.`, savingOf},
	{"a policy saves nothing", `Policy ([02]) saves nothing( more)? that could be told from noise; ` + risks + `\.`, ``, nil},
	{"risk alone", `Policy ([0-3]) at [0-9,]+/s: ` + risks + `\.`, ``, nil},
	{"1 alone", `Policy 1 takes ` + some + ` ms a commit at [0-9,]+/s(?: \(.* the most tried\))?; ` + risks + `\.`, ``, nil},
	{"no other", `No other policy was measured at this rate\.`, ``, nil},
	{"no 1", `Policy 1 was not measured at the same rate, so what it would cost is not known\.`, ``, nil},
	{"not kept up", `Policy 1 did not keep up: [0-9,]+ commits/s of the [0-9,]+ asked for\. Lower --rate to compare\.`, ``, nil},
	{"not durable", `Policy 1 is not durable here \(flush method none\): it cannot be recommended\.`, ``, nil},
	{"must never be", `Policy 1 had acknowledged commits at risk, which must never be: do not trust these figures\.`, ``, nil},
	{"several", `Of [0-9]+ combinations this is the first: .*\.`, ``, nil},
	{"nothing paced", `No paced cell was measured, so what a policy adds to a commit and what a crash may take are not known\.`, ``, nil},
	{"servers alone", `A server shows nobody what a crash would take from it: flushbench crash --target crashes one\.`, ``, nil},
	{"verification", `Verification failed in .*, round [0-9]+: .*\. Do not use these figures\.`, ``, nil},
	{"memory", `This folder lies in memory: the figures say nothing about a disk\.`, ``, nil},
	{"slowed", `Every flush was slowed by ` + some + ` ms on purpose\.`, ``, nil},
	{"cut short", `The (?:run was cut short|write budget cut the run short): this rests on the rounds that finished\.`, ``, nil},
	{"pairs", `A setting is policy/sync_binlog: 1/1 flushes both logs before a commit is acknowledged\.`, ``, nil},
	{"paced pair", pairOf + ` at [0-9,]+/s, [0-9]+ clients(?:, p50 ` + some + ` ms)?: .*\.`, ``, nil},
	{"pairs, nothing paced", `No paced cell was measured: what each pair may lose at a given rate is not known\.`, ``, nil},
	{"base", `([0-3]/[0-9]+) carried ([0-9,]+) commits/s at ([0-9]+) clients \(median\)\.`, ``, carriedBase},
	{"pair", `([0-3]/[0-9]+) carried ([0-9.]+) times as many` + hedge + `\.`, `many\.`, carriedPair},
	{"view", `With a read view held (?:to the end|for .*), ` + pairOf + ` kept up to [0-9,]+ undo logs(?: and carried ([0-9.]+) times as many commits/s as without` + hedge + `)?\.`, `without\.`, viewRatio},
	{"beside I/O", `Beside background I/O of .*, ` + pairOf + ` carried ([0-9.]+) times as many commits/s as without` + hedge + `\.`, `without\.`, besideRatio},
	{"p99 beside I/O", `Beside background I/O of .*, ` + pairOf + ` had a p99 of ` + some + ` ms at [0-9,]+/s, ` + some + ` ms without` + hedge + `\.`, `without\.`, nil},
	{"server", `[a-z]+: ` + pairOf + ` carried [0-9,]+ commits/s at [0-9]+ clients(?:, ` + pairOf + ` ([0-9.]+) times as many` + hedge + `)*\.`, `many[.,]`, nil},
	{"engine beside", `The engine's ratios lie [0-9]+ % from those of [a-z]+ \(median of [0-9]+\); at most [+-][0-9]+ %, .* at [0-9]+ clients` + hedge + `\.`, `clients\.`, nil},
	{"circle", `(?:.*: )?(?:(?:In a|A|No) .*)?redo log.*\.`, `commits/s of the|instead of [0-9.]+\.(?: |$)|hurry`, nil},
}

// matched returns the kind of a sentence by its place in kinds, and its parts; below 0:
// it has none.
func matched(sentence string) (k int, parts []string) {
	for i := range compiled {
		if m := compiled[i].form.FindStringSubmatch(sentence); m != nil {
			return i, m
		}
	}
	return -1, nil
}

// comparisons are files of this package whose sentences compare what was measured: each
// text in them that a reader may meet must be brought forth by the generator. (Crashes,
// soaks and lessons are counted, not compared, and Compare words what stats has judged:
// their own tests change each figure.)
var comparisons = []string{"answer.go", "pairs.go", "views.go", "backgrounds.go", "sidebyside.go", "circle.go"}

// texts returns the literals of the comparisons with words in them, as expressions.
func texts(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	verb := regexp.MustCompile(`%(?:\\?[+.0-9])*[a-z]`)
	out := map[string]*regexp.Regexp{}
	for _, name := range comparisons {
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
	if len(out) < 40 {
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
	left := texts(t)
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
		if kinds[k].differs != "" && !w.tells && compiled[k].differs.MatchString(s) {
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
