package runner

import (
	"strings"
	"testing"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// A disk is called a liar when it has seen fewer flushes than the kernel may make of
// those that wait at the same moment: nearly all of one log's, and of a database's
// all but as many as its other log and its background can have shared.
func TestLiarsAreCalledSo(t *testing.T) {
	const merging = "the kernel sends one flush for several"
	log, one, many := spec("log", groupcommit.Policy1, 1), bankSpec(groupcommit.Policy1, 1), bankSpec(groupcommit.Policy1, 1)
	one.Clients = 1
	for _, c := range []struct {
		name         string
		spec         *Spec
		redo, binlog uint64 // flushes that commits waited for; of 1000
		mount        string
		seen         uint64
		liar         bool
		note         string
	}{
		{"log, all", &log, 1000, 0, "rw", 1000, false, "as asked"},
		{"log, at the edges", &log, 1000, 0, "rw", 998, false, "at each edge"},
		{"log, 1 %", &log, 1000, 0, "rw", 991, false, merging},
		{"log, a fifth less", &log, 1000, 0, "rw", 800, true, "never sent"},
		{"log, none", &log, 1000, 0, "rw", 0, true, "never sent"},
		{"one client, nothing to merge", &one, 500, 500, "rw", 985, true, "never sent"},
		{"one client, half", &one, 500, 500, "rw", 500, true, "never sent"},
		{"one client, its background", &one, 450, 450, "rw", 900, false, merging},
		{"one client, more than its background", &one, 450, 450, "rw", 897, true, "never sent"},
		{"clients, both logs", &many, 500, 500, "rw", 500, false, merging},
		{"clients, both logs and the background", &many, 400, 400, "rw", 400, false, merging},
		{"clients, less than one log", &many, 500, 500, "rw", 497, true, "never sent"},
		{"clients, one log has few", &many, 900, 100, "rw", 880, true, "never sent"},
		{"clients, mostly background, a quarter", &many, 10, 10, "rw", 250, false, merging},
		{"clients, mostly background, less", &many, 10, 10, "rw", 247, true, "never sent"},
		{"clients, none", &many, 500, 500, "rw", 0, true, "never sent"},
		{"clients, no barriers", &many, 500, 500, "rw,nobarrier", 500, true, "mounted with nobarrier"},
	} {
		fua := false
		env := &result.Environment{Filesystem: "ext4", MountOptions: c.mount, Device: disk("vda")}
		env.Device.WriteCache, env.Device.FUA = result.CacheWriteBack, &fua
		run := &cellRun{r: &run{res: &result.Result{}}, spec: c.spec}
		run.end.calls.Fdatasync = 1000
		run.end.eng.Flushes[groupcommit.ReasonCommit], run.end.eng.Stages.Flushes = c.redo, c.binlog
		note := run.explainDevice(env, 1000, &c.seen)
		if got := len(run.r.res.Warnings) > 0; got != c.liar || !strings.Contains(note, c.note) {
			t.Errorf("%s: %q, warned %v; want %q, %v", c.name, note, got, c.note, c.liar)
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
