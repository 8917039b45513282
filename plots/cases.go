package plots

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// maxWays bounds the combinations of other settings that markers can tell apart.
const maxWays = 4

// maxTogether bounds the combinations that are named where they are drawn as one.
const maxTogether = 5

// crashCase is what the crashes of one series have in common.
type crashCase struct {
	name   string
	words  string // of the other settings; ""
	policy string
	rank   int // the safest policy first
	way    int // which combination of the other settings, from 0
	look   look
}

// crashCases sorts crashes into series: by policy or pair, and where the lab varied
// something else and markers can tell it, by that too.
type crashCases struct {
	ways  []result.Params          // the combinations of the other settings
	of    map[string]result.Params // a cell's combination, by its name
	apart bool                     // the ways are series of their own
}

// casesOf looks at the cells and at the trials that are no controls.
func casesOf(r *result.Result) *crashCases {
	c := &crashCases{of: map[string]result.Params{}}
	type series struct {
		name string
		of   result.Params
	}
	seen, syncs := map[series]bool{}, map[int]bool{}
	params := map[string]*result.Params{}
	for i := range r.Cells {
		params[r.Cells[i].Name] = &r.Cells[i].Params
	}
	for i := range r.CrashTrials {
		t := &r.CrashTrials[i]
		if t.Control {
			continue
		}
		if p := params[t.Cell]; p != nil {
			key := closedKey(*p)
			c.of[t.Cell] = key
			if !slices.Contains(c.ways, key) {
				c.ways = append(c.ways, key)
			}
		}
		if t.SyncBinlog != nil {
			syncs[*t.SyncBinlog] = true
		}
		seen[series{settingOf(t), c.of[t.Cell]}] = true
	}
	// The usual combination first: it gets the plain mark.
	slices.SortStableFunc(c.ways, func(a, b result.Params) int { return cmp.Compare(len(specials(&a)), len(specials(&b))) })
	// Hollow marks tell values of sync_binlog apart; both at once nobody could read.
	c.apart = len(c.ways) > 1 && len(c.ways) <= maxWays && len(syncs) < 2 && len(seen) <= maxLines
	return c
}

// settingOf names the policy or the pair of a trial.
func settingOf(t *result.CrashTrial) string {
	return seriesName(&result.Params{Policy: t.Policy, SyncBinlog: t.SyncBinlog})
}

// wayOf returns the combination that a trial belongs to; 0 where its cell is not in
// the result.
func (c *crashCases) wayOf(t *result.CrashTrial) int {
	key, ok := c.of[t.Cell]
	if !ok {
		return 0
	}
	return max(slices.Index(c.ways, key), 0)
}

// wayName names a combination by what sets it apart; "" for one that has nothing
// beyond what all have.
func (c *crashCases) wayName(way int) string {
	p := &c.ways[way]
	all := specials(&c.ways[0])
	for i := range c.ways {
		here := specials(&c.ways[i])
		all = slices.DeleteFunc(all, func(s string) bool { return !slices.Contains(here, s) })
	}
	own := slices.DeleteFunc(specials(p), func(s string) bool { return slices.Contains(all, s) })
	return strings.Join(nonEmpty(append(own, apart(p, c.ways)...)), ", ")
}

// find returns the case of a trial.
func (c *crashCases) find(t *result.CrashTrial) crashCase {
	p := result.Params{Policy: t.Policy, SyncBinlog: t.SyncBinlog}
	out := crashCase{name: seriesName(&p), policy: t.Policy, rank: rank(&p), look: lookOf(&p)}
	if !c.apart {
		return out
	}
	out.way = c.wayOf(t)
	out.words = c.wayName(out.way)
	switch out.way {
	case 0:
		out.look.hollow, out.look.dotted = false, false
	case 1, 2:
		out.look.hollow, out.look.dotted = true, out.way == 2
	default:
		out.look.mark = markCross
	}
	return out
}

// full names a case with all its words.
func (a crashCase) full() string { return strings.Join(nonEmpty([]string{a.name, a.words}), ", ") }

// before orders cases as a legend shows them.
func (a crashCase) before(b crashCase) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.way, b.way))
}

// together says what is drawn as one although it differs; "": nothing is.
func (c *crashCases) together() string {
	if c.apart || len(c.ways) < 2 {
		return ""
	}
	var names []string
	for way := range c.ways {
		names = append(names, c.wayName(way))
	}
	if names = nonEmpty(names); len(names) < len(c.ways) || len(names) > maxTogether {
		return fmt.Sprintf("%s of other settings drawn as one", count(len(c.ways), "combination"))
	}
	return strings.Join(names, ", ") + " drawn as one"
}
