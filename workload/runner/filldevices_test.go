package runner

import (
	"strings"
	"testing"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// A disk is called a liar when it has seen fewer flushes than the kernel may make of
// those that wait at the same moment: nearly all of one log's, a quarter of a database's.
func TestLiarsAreCalledSo(t *testing.T) {
	fua := false
	env := &result.Environment{Filesystem: "ext4", Device: disk("vda")}
	env.Device.WriteCache, env.Device.FUA = result.CacheWriteBack, &fua
	one, two := spec("log", groupcommit.Policy1, 1), bankSpec(groupcommit.Policy1, 1)
	for _, c := range []struct {
		name  string
		spec  *Spec
		asked uint64
		seen  uint64
		liar  bool
	}{
		{"log, all", &one, 1000, 1000, false}, {"log, at the edges", &one, 1000, 998, false}, {"log, 1 %", &one, 1000, 991, false},
		{"log, a fifth less", &one, 1000, 800, true}, {"log, none", &one, 1000, 0, true},
		{"database, a fifth less", &two, 1000, 800, false}, {"database, a quarter", &two, 1000, 250, false},
		{"database, less", &two, 1000, 249, true}, {"database, none", &two, 1000, 0, true},
	} {
		run := &cellRun{r: &run{res: &result.Result{}}, spec: c.spec}
		note := run.explainDevice(env, c.asked, &c.seen)
		if got := len(run.r.res.Warnings) > 0; got != c.liar || note == "" {
			t.Errorf("%s: %q, warned %v; want %v", c.name, note, got, c.liar)
		}
		if said := strings.Contains(note, "this disk acknowledges flushes that it was never sent"); said != c.liar {
			t.Errorf("%s: %q", c.name, note)
		}
	}
}

// A round whose counters were read late says so, one that was cut short does not.
func TestLateEdges(t *testing.T) {
	for _, c := range []struct {
		begin, end int64
		partial    bool
		want       int
	}{{1000, 2000, false, 0}, {1100, 2100, false, 0}, {1101, 2000, false, 1}, {1000, 2101, false, 1}, {1000, 2500, true, 0}} {
		run := &cellRun{begin: snapshot{at: c.begin}, end: snapshot{at: c.end}}
		run.out.Window.From, run.out.Window.Until = 1000, 2000
		round := result.Round{Partial: c.partial}
		run.warnOfLateEdges(&round)
		if len(round.Warnings) != c.want {
			t.Errorf("edges read at %d and %d, partial %v: %d warnings; want %d", c.begin, c.end, c.partial, len(round.Warnings), c.want)
		}
	}
}
