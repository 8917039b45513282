package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/stats"
)

// crashGroup is the settings to which each crash kind did the same, if not as much: one
// sentence.
type crashGroup struct {
	settings []*crashSetting
	tried    map[string]int // by base: the settings of the matrix that have it
}

// groupCrashes puts settings together that share a verdict for every crash kind: first
// those that lost nothing at all, then the others, the worst first.
func groupCrashes(settings []*crashSetting) []*crashGroup {
	var out []*crashGroup
	at := map[string]*crashGroup{}
	tried := map[string]int{}
	for _, s := range settings {
		key := s.when
		for i := range s.kinds {
			key += "|" + s.kinds[i].outcome()
		}
		if at[key] == nil {
			at[key] = &crashGroup{tried: tried}
			out = append(out, at[key])
		}
		at[key].settings = append(at[key].settings, s)
		tried[s.base]++
	}
	slices.SortStableFunc(out, func(a, b *crashGroup) int { return slices.Compare(b.badness(), a.badness()) })
	return out
}

// badness orders groups; what tells them apart first comes first.
func (g *crashGroup) badness() []int64 {
	var clean, broke, divided, mildest, took, most, ahead int64
	clean = -1
	for i := range g.settings[0].kinds {
		k := g.kind(i, g.settings)
		if !k.tookNothing() {
			clean = 0
		}
		if k.violations > 0 {
			broke = 1
		}
		if k.divided() {
			divided++
		}
		if k.took() {
			took++
			mildest = max(mildest, int64(3-slices.Index([]string{"process", "os", "power"}, k.kind)))
			most, ahead = max(most, k.lost), max(ahead, k.engine+k.binlog)
		}
	}
	if clean < 0 {
		return []int64{9} // before all others
	}
	return []int64{broke, mildest, took, divided, most, ahead}
}

// kind sums what of's settings say of the i-th crash kind.
func (g *crashGroup) kind(i int, of []*crashSetting) *crashKind {
	first := &of[0].kinds[i]
	sum := crashKind{kind: first.kind, fs: first.fs, several: first.several}
	for _, s := range of {
		sum.include(&s.kinds[i])
	}
	return &sum
}

// sentence says what each crash kind did to the settings of g, what it did not take
// first, and whether there was any such. A zero of several has the bound of the one that
// was tried the least.
func (g *crashGroup) sentence() (text string, some bool) {
	var took, apart, unknown, unread, broke []string
	alone := len(g.bases()) == 1
	for i := range g.settings[0].kinds {
		k := g.kind(i, g.settings)
		switch {
		case k.unknown():
			unknown = append(unknown, k.name())
		case k.took() && alone:
			took = append(took, fmt.Sprintf("%s up to %s in %d of %d", k.name(), k.words(), k.withLoss, k.crashes))
		case k.took():
			took = append(took, fmt.Sprintf("%s in %d of %d: %s", k.name(), k.withLoss, k.crashes, g.most(i)))
		case k.divided():
			apart = append(apart, fmt.Sprintf("%s in %d of %d (up to %s)", k.name(), k.diverging.trials, k.crashes, k.words()))
		}
		if k.brokenOff() {
			unread = append(unread, fmt.Sprintf("%s in %d of %d", k.name(), k.unreadable, k.crashes))
		}
		if k.onlyBroke() {
			broke = append(broke, fmt.Sprintf("%s in %d of %d", k.name(), k.violations-k.unreadable, k.crashes))
		}
	}
	nothing := g.zeroes()
	between := ", to "
	if !alone {
		between = "; to "
	}
	its := "its"
	if len(g.settings) > 1 {
		its = "their"
	}
	var parts []string
	for _, p := range []struct {
		says, between string
		of            []string
	}{
		{"lost nothing to ", ", nothing to ", nothing},
		{"lost to ", between, took},
		{"left " + its + " logs different, and lost nothing acknowledged, after ", ", after ", apart},
		{"broke " + its + " promise without a loss that could be counted after ", ", after ", broke},
		{"could not be recovered, so that nobody knows what is lost, after ", ", after ", unread},
		{"had no trial that counts of ", " and ", unknown},
	} {
		if len(p.of) > 0 {
			parts = append(parts, p.says+strings.Join(p.of, p.between))
		}
	}
	return g.name() + " " + strings.Join(parts, "; ") + ".", len(nothing) > 0
}

// zeroes says what took nothing, kinds together that were tried as often.
func (g *crashGroup) zeroes() (out []string) {
	type tries struct{ least, most int }
	var each []tries
	names := map[tries][]string{}
	for i := range g.settings[0].kinds {
		if !g.kind(i, g.settings).tookNothing() {
			continue
		}
		t := tries{g.settings[0].kinds[i].trials, 0}
		for _, s := range g.settings {
			t.least, t.most = min(t.least, s.kinds[i].trials), max(t.most, s.kinds[i].trials)
		}
		if names[t] == nil {
			each = append(each, t)
		}
		names[t] = append(names[t], g.settings[0].kinds[i].name())
	}
	for _, t := range each {
		count := fmt.Sprintf("0 of %d", t.least)
		if t.most > t.least {
			count += " or more"
		}
		if len(names[t]) > 1 || len(g.settings) > 1 {
			count += " each"
		}
		out = append(out, fmt.Sprintf("%s (%s, so up to %s)", list(names[t]), count, Percent(stats.LossBound(t.least))))
	}
	return out
}

// mostBases is how many policies or pairs a sentence names with what they lost.
const mostBases = 8

// most says what the i-th crash kind took of each base at the most, the worst first.
func (g *crashGroup) most(i int) string {
	type took struct {
		base string
		k    *crashKind
	}
	var all []took
	for _, base := range g.bases() {
		of := slices.DeleteFunc(slices.Clone(g.settings), func(s *crashSetting) bool { return s.base != base })
		all = append(all, took{strings.Replace(base, "Policy", "policy", 1), g.kind(i, of)})
	}
	slices.SortStableFunc(all, func(a, b took) int {
		return cmp.Or(cmp.Compare(b.k.lost, a.k.lost), cmp.Compare(b.k.engine+b.k.binlog, a.k.engine+a.k.binlog))
	})
	var parts []string
	for _, t := range all[:min(len(all), mostBases)] {
		parts = append(parts, t.base+" up to "+t.k.words())
	}
	text := strings.Join(parts, ", ")
	if n := len(all) - mostBases; n > 0 {
		text += fmt.Sprintf(", and %d more that lost no more", n)
	}
	return text
}

// bases are the policies or pairs of g, each once and in order.
func (g *crashGroup) bases() (out []string) {
	for _, s := range g.settings {
		if !slices.Contains(out, s.base) {
			out = append(out, s.base)
		}
	}
	return out
}

// name begins a sentence about all settings of g: "1/0 and 2/0 with all 5 workloads".
func (g *crashGroup) name() string {
	if len(g.settings) == 1 {
		return g.settings[0].name
	}
	var order []string // what the settings of a base are called beside it, each once
	bases := map[string][]string{}
	for _, base := range g.bases() {
		which := g.variants(base)
		if bases[which] == nil {
			order = append(order, which)
		}
		bases[which] = append(bases[which], base)
	}
	var parts []string
	for _, which := range order {
		parts = append(parts, and(bases[which])+which)
	}
	text := and(parts)
	if n := strings.Count(text, "Policy "); n > 1 {
		text = "Policies " + strings.ReplaceAll(text, "Policy ", "")
	}
	return text
}

// variants says which settings of a base g has: all of several, or their names.
func (g *crashGroup) variants(base string) string {
	var names []string
	loads := true
	for _, s := range g.settings {
		if s.base == base {
			name := strings.Trim(strings.TrimPrefix(s.name, base), " ,")
			names, loads = append(names, name), loads && name == s.load
		}
	}
	const few = 2
	switch {
	case len(names) == 1 && names[0] == "":
		return ""
	case len(names) > few && len(names) == g.tried[base] && loads:
		return fmt.Sprintf(" with all %d workloads", len(names))
	case len(names) > few && len(names) == g.tried[base]:
		return fmt.Sprintf(" in all %d variants", len(names))
	}
	between := ", "
	if strings.Contains(strings.Join(names, ""), ",") {
		between = "; "
	}
	return " (" + strings.Join(names, between) + ")"
}

// and joins names: a, a and b, a, b and c.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
