package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// tally is what the crashes of one kind took of some cells, counted from scratch.
type tally struct {
	trials, crashes, withLoss, broken, unread, apart int
	fewest, most                                     int // trials that count, of a cell
	lost, age, engine, binlog                        int64
	lossToo                                          bool
}

func tallyOf(cells []*result.Cell, kind string) (t tally) {
	t.fewest = math.MaxInt
	for _, c := range cells {
		s := c.Crash.Summary
		if c.Crash.Kind != kind {
			continue
		}
		counted := s.Proofs
		if s.Proofs == 0 && s.Idle == 0 && s.Unreadable == 0 && s.Unstruck == 0 && s.Stalled == 0 {
			counted = s.Trials
		}
		t.trials += counted
		t.fewest, t.most = min(t.fewest, counted), max(t.most, counted)
		t.crashes += s.Trials
		t.withLoss += s.WithLoss
		t.broken += s.Violations
		t.unread += s.Unreadable
		t.apart += s.Diverged
		t.lossToo = t.lossToo || s.Verdict != result.VerdictKept && s.Verdict != result.VerdictDiverged
		t.lost, t.age = max(t.lost, s.LostMax), max(t.age, s.LostAgeMax)
		t.engine, t.binlog = max(t.engine, s.EngineAheadMax), max(t.binlog, s.BinlogAheadMax)
	}
	return t
}

// much is the most that one crash took.
func (t *tally) much() string {
	var parts []string
	switch {
	case t.lost > 0:
		parts = append(parts, Count(float64(t.lost))+" ("+Span(t.age)+")")
	case t.engine == 0 && t.binlog == 0:
		return "none"
	}
	if t.engine > 0 {
		parts = append(parts, Count(float64(t.engine))+" engine ahead")
	}
	if t.binlog > 0 {
		parts = append(parts, Count(float64(t.binlog))+" binlog ahead")
	}
	return strings.Join(parts, " and ")
}

// tookOf says what was done to cells that share a verdict.
func tookOf(cells []*result.Cell, settings, bases int) string {
	clauses := map[string][]string{}
	type zero struct{ fewest, most int }
	var zeroes []zero
	names := map[zero][]string{}
	its := map[bool]string{true: "their", false: "its"}[settings > 1]
	for _, kind := range []string{"process", "os", "power"} {
		t := tallyOf(cells, kind)
		if t.crashes == 0 {
			continue
		}
		name := "a " + crashNamed[kind]
		apart := t.apart > 0 && !t.lossToo
		say := func(clause, text string) { clauses[clause] = append(clauses[clause], text) }
		switch {
		case apart:
			say("apart", fmt.Sprintf("%s in %d of %d (up to %s)", name, t.apart, t.crashes, t.much()))
		case t.withLoss > 0 && bases == 1:
			say("took", fmt.Sprintf("%s up to %s in %d of %d", name, t.much(), t.withLoss, t.crashes))
		case t.withLoss > 0:
			say("took", fmt.Sprintf("%s in %d of %d: %s", name, t.withLoss, t.crashes, eachBase(cells, kind)))
		case t.broken+t.unread > 0: // below
		case t.trials == 0:
			say("unknown", name)
		default:
			z := zero{t.fewest, t.most}
			if names[z] == nil {
				zeroes = append(zeroes, z)
			}
			names[z] = append(names[z], name)
		}
		if t.unread > 0 {
			say("unread", fmt.Sprintf("%s in %d of %d", name, t.unread, t.crashes))
		}
		if t.broken > t.unread && t.withLoss == 0 {
			say("broke", fmt.Sprintf("%s in %d of %d", name, t.broken-t.unread, t.crashes))
		}
	}
	for _, z := range zeroes {
		who := names[z]
		text := strings.Join(who, ", ")
		if n := len(who); n > 1 {
			text = strings.Join(who[:n-1], ", ") + " or " + who[n-1]
		}
		count := fmt.Sprint(z.fewest)
		if z.most > z.fewest {
			count += " or more"
		}
		if len(who) > 1 || settings > 1 {
			count += " each"
		}
		possible := 100 * (1 - math.Exp(math.Log(0.05)/float64(z.fewest)))
		digits := 1
		if possible >= 10 {
			digits = 0
		}
		clauses["zero"] = append(clauses["zero"], fmt.Sprintf("%s (0 of %s, so up to %.*f %%)", text, count, digits, possible))
	}
	between := ", to "
	if bases > 1 {
		between = "; to "
	}
	var parts []string
	for _, c := range []struct{ clause, says, between string }{
		{"zero", "lost nothing to ", ", nothing to "}, {"took", "lost to ", between},
		{"apart", "left " + its + " logs different, and lost nothing acknowledged, after ", ", after "},
		{"broke", "broke " + its + " promise without a loss that could be counted after ", ", after "},
		{"unread", "could not be recovered, so that nobody knows what is lost, after ", ", after "},
		{"unknown", "had no trial that counts of ", " and "},
	} {
		if clauses[c.clause] != nil {
			parts = append(parts, c.says+strings.Join(clauses[c.clause], c.between))
		}
	}
	return strings.Join(parts, "; ")
}

// eachBase says what a crash kind took of each policy or pair, the worst first.
func eachBase(cells []*result.Cell, kind string) string {
	type took struct {
		base string
		tally
	}
	var all []took
	for _, c := range cells {
		base := whoIs(&c.Params)
		if slices.ContainsFunc(all, func(t took) bool { return t.base == base }) {
			continue
		}
		var of []*result.Cell
		for _, o := range cells {
			if whoIs(&o.Params) == base {
				of = append(of, o)
			}
		}
		t := took{base, tallyOf(of, kind)}
		at := 0 // behind all that are as bad
		for at < len(all) && (all[at].lost > t.lost || all[at].lost == t.lost && all[at].engine+all[at].binlog >= t.engine+t.binlog) {
			at++
		}
		all = slices.Insert(all, at, t)
	}
	var parts []string
	for _, t := range all {
		parts = append(parts, t.base+" up to "+t.much())
	}
	return strings.Join(parts, ", ")
}
