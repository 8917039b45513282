package main

import (
	"slices"
	"strings"
	"testing"
)

// smallLaw is a plan of three floors to hold the checker against.
var smallLaw = law{
	module: "m",
	floors: []floor{
		{"roof .", "below"},
		{"mid/a mid/b", "low/..."},
		{"engine", "below-engine"},
		{"engine/log", ""},
		{"low/...", "low/..."},
		{"axis", ""},
	},
	anyone: "axis",
	doors:  []door{{"x.org/sys", "low/..."}, {"x.org/rapid", "tests"}},
	files:  "roof tests",
}

func TestLayersCheckerBites(t *testing.T) {
	for _, c := range []struct {
		name string
		src  source
		want string // part of the one sentence, or "" for no offence
	}{
		{"down", source{pkg: "roof", imports: []string{"m/mid/a", "m/low/x/y", "m/axis", "fmt"}}, ""},
		{"root", source{pkg: ".", imports: []string{"m/mid/a"}}, ""},
		{"up", source{pkg: "mid/a", name: "a.go", imports: []string{"m/roof"}}, "mid/a/a.go imports roof; of ours, mid/a may import only: axis low/..."},
		{"sideways", source{pkg: "mid/a", imports: []string{"m/mid/b"}}, "imports mid/b"},
		{"own tree", source{pkg: "low/x", imports: []string{"m/low"}}, ""},
		{"anyone", source{pkg: "low", imports: []string{"m/axis"}}, ""},
		{"prefix is no folder", source{pkg: "mid/a", imports: []string{"m/lower"}}, "imports lower"},
		{"named tree", source{pkg: "engine", imports: []string{"m/engine/log"}}, ""},
		{"out of the named tree", source{pkg: "engine", imports: []string{"m/low"}}, "imports low"},
		{"ground", source{pkg: "axis", imports: []string{"m/low"}}, "may import only: axis"},
		{"homeless", source{pkg: "attic", imports: []string{"fmt"}}, "attic has no room"},
		{"homeless folder", source{pkg: "mid", imports: nil}, "mid has no room"},
		{"test goes up", source{pkg: "mid/a", test: true, imports: []string{"m/roof"}}, "imports roof"},
		{"test of itself", source{pkg: "mid/a", test: true, imports: []string{"m/mid/a"}}, ""},
		{"door", source{pkg: "low/x", imports: []string{"x.org/sys/unix"}}, ""},
		{"no key", source{pkg: "roof", imports: []string{"x.org/sys/unix"}}, "its door is: low/..."},
		{"no door", source{pkg: "roof", imports: []string{"x.org/system"}}, "has no door"},
		{"test door", source{pkg: "mid/a", test: true, imports: []string{"x.org/rapid"}}, ""},
		{"test door shut", source{pkg: "mid/a", imports: []string{"x.org/rapid"}}, "its door is: tests"},
		{"os", source{pkg: "roof", imports: []string{"os", "os/exec"}}, ""},
		{"no os", source{pkg: "mid/a", imports: []string{"os"}}, "os belongs to"},
		{"no ioutil", source{pkg: "mid/a", imports: []string{"io/ioutil"}}, "os belongs to"},
		{"os in tests", source{pkg: "mid/a", test: true, imports: []string{"os"}}, ""},
	} {
		got := smallLaw.check([]source{c.src})
		if c.want == "" && len(got) > 0 {
			t.Errorf("%s: check = %q; want no offence", c.name, got)
		}
		if c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: check = %q; want one sentence with %q", c.name, got, c.want)
		}
	}
}

func TestLayersTableCheckBites(t *testing.T) {
	if got := smallLaw.checkItself(); len(got) > 0 {
		t.Errorf("checkItself of a sound table = %q", got)
	}
	for _, c := range []struct {
		name  string
		spoil func(*law)
		want  string
	}{
		{"up", func(l *law) { l.floors[3].may = "roof" }, "may import roof, which is in no row below"},
		{"sideways", func(l *law) { l.floors[1].may = "nowhere" }, "may import nowhere, which is in no row below"},
		{"twice", func(l *law) { l.floors[5].pkgs = "axis roof" }, "roof stands in two rows"},
		{"door", func(l *law) { l.doors[0].pkgs = "cellar" }, "x.org/sys: cellar is in no row"},
		{"files", func(l *law) { l.files = "cellar" }, "files: cellar is in no row"},
	} {
		l := smallLaw
		l.floors, l.doors = slices.Clone(l.floors), slices.Clone(l.doors)
		c.spoil(&l)
		if got := l.checkItself(); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: checkItself = %q; want one sentence with %q", c.name, got, c.want)
		}
	}
}

// TestLawForbids tries the real table with imports that would bring a house of
// this kind down.
func TestLawForbids(t *testing.T) {
	for _, s := range []source{
		{pkg: "engine/vfs", imports: []string{"flushbench/engine"}},
		{pkg: "engine", imports: []string{"flushbench/metrics"}},
		{pkg: "groupcommit", imports: []string{"flushbench/engine/redo"}},
		{pkg: "groupcommit", imports: []string{"flushbench/metrics"}},
		{pkg: "engine/redo", imports: []string{"flushbench/groupcommit"}},
		{pkg: "metrics", imports: []string{"flushbench/groupcommit"}},
		{pkg: "metrics/result", imports: []string{"flushbench/metrics/stats"}},
		{pkg: "workload", imports: []string{"flushbench/engine"}},
		{pkg: "workload/driver", imports: []string{"flushbench/workload/runner"}},
		{pkg: "plots", imports: []string{"flushbench/engine"}},
		{pkg: "workload/runner", imports: []string{"github.com/spf13/cobra"}},
		{pkg: "engine/redo", imports: []string{"os"}},
		{pkg: "engine", imports: []string{"os"}},
	} {
		if got := theLaw.check([]source{s}); len(got) != 1 {
			t.Errorf("%s imports %v: check = %q; want one offence", s.pkg, s.imports, got)
		}
	}
}
