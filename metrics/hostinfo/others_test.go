package hostinfo

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
)

// aProcess is a line of /proc/PID/stat.
type aProcess struct {
	pid, parent   int
	kernel        bool
	started       int
	ticks, waited int
}

// machineOf is a machine with such a first line in /proc/stat and such processes.
func machineOf(t *testing.T, cpu string, all ...aProcess) Source {
	t.Helper()
	root := t.TempDir()
	text := "-- proc/stat --\ncpu " + cpu + "\n-- proc/uptime --\n1 1\n"
	for _, p := range all {
		flags := 0x400000
		if p.kernel {
			flags |= kernelThread
		}
		text += fmt.Sprintf("-- proc/%d/stat --\n%d (a) b) S %d 1 1 0 -1 %d 0 0 0 0 %d %d %d %d 20 0 1 0 %d 0 0\n",
			p.pid, p.pid, p.parent, flags, p.ticks/2, p.ticks-p.ticks/2, p.waited/2, p.waited-p.waited/2, p.started)
	}
	layOut(t, root, text)
	return Source{Root: os.DirFS(root), Self: 100}
}

func TestOthers(t *testing.T) {
	const before, after = "1000 0 1000 8000 0 0 0 0 0 0", "1300 50 1050 8400 100 60 40 0 0 0" // 1000 ticks, 400 of them for tasks
	self := func(ticks, waited int) aProcess { return aProcess{pid: 100, parent: 50, ticks: ticks, waited: waited} }
	shell := aProcess{pid: 50, parent: 1, ticks: 7, waited: 4}
	thread := func(pid, started, ticks int) aProcess {
		return aProcess{pid: pid, parent: 2, kernel: true, started: started, ticks: ticks}
	}
	for _, c := range []struct {
		name     string
		from, to []aProcess
		want     float64
	}{
		{"nobody is seen: what is nobody's is others'", nil, nil, 40},
		{"ourselves", []aProcess{shell, self(500, 0)}, []aProcess{shell, self(850, 0)}, 5},
		{"our parent is another", []aProcess{shell, self(500, 0)}, []aProcess{{pid: 50, parent: 1, ticks: 307}, self(550, 0)}, 35},
		{"a child that begins and goes on", []aProcess{self(500, 0)}, []aProcess{self(600, 0), {pid: 101, parent: 100, ticks: 150}, {pid: 102, parent: 101, ticks: 50}}, 10},
		{"a child that ended", []aProcess{self(500, 10), {pid: 101, parent: 100, ticks: 80, waited: 5}}, []aProcess{self(600, 295)}, 10},
		{"another that ended", []aProcess{self(500, 0), {pid: 7, parent: 1, ticks: 900}}, []aProcess{self(900, 0)}, 0},
		{"the kernel's own", []aProcess{self(500, 0), thread(9, 1, 100)}, []aProcess{self(500, 0), thread(9, 1, 200), thread(10, 77, 60)}, 24},
		{"a thread of the kernel that ended", []aProcess{self(500, 0), thread(9, 1, 5000)}, []aProcess{self(600, 0)}, 30},
		{"another one of its number", []aProcess{self(500, 0), thread(9, 1, 5000)}, []aProcess{self(600, 0), thread(9, 90, 20)}, 28},
		{"more than there was: counters that are not read at once", []aProcess{self(500, 0)}, []aProcess{self(905, 0)}, 0},
	} {
		a, b := machineOf(t, before, c.from...).cpuUse(), machineOf(t, after, c.to...).cpuUse()
		got, ok := b.Others(a)
		if !ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: Others = %v, %v; want %v %% of all processors' time", c.name, got, ok, c.want)
		}
	}
	served := []aProcess{self(500, 0), {pid: 70, parent: 1, ticks: 10}, {pid: 71, parent: 70, ticks: 10}}
	a, b := machineOf(t, before, served...).cpuUse(0, 70), machineOf(t, after, self(600, 0), aProcess{pid: 70, parent: 1, ticks: 60}, aProcess{pid: 71, parent: 70, ticks: 110}).cpuUse(0, 70)
	if got, ok := b.Others(a); !ok || math.Abs(got-15) > 1e-9 {
		t.Errorf("with a server that is ours: Others = %v, %v; want 15", got, ok)
	}
	known := machineOf(t, before, shell).cpuUse()
	for name, pair := range map[string][2]CPUUse{
		"no time passed": {known, known}, "nothing known of the begin": {{}, known}, "nor of the end": {known, {}},
		"no /proc": {Source{Root: os.DirFS(t.TempDir())}.cpuUse(), known},
	} {
		if got, ok := pair[1].Others(pair[0]); ok || got != 0 {
			t.Errorf("%s: Others = %v, %v; want unknown", name, got, ok)
		}
	}
}

// TestOthersOfThisMachine holds what is read of the kernel against its own sum.
func TestOthersOfThisMachine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	u := ReadCPUUse()
	if !u.ok || u.own > u.tasks || u.tasks > u.total || u.total == 0 {
		t.Errorf("ReadCPUUse = own %d of tasks %d of %d, known: %v; want each within the next", u.own, u.tasks, u.total, u.ok)
	}
}

func TestParseUse(t *testing.T) {
	good := "4711 (we ird) (x) S 17 1 1 0 -1 2097216 0 0 0 0 11 12 13 -14 20 0 1 0 555 0 0"
	want := processUse{parent: 17, kernel: true, started: "555", ticks: 23, waited: 13}
	if got, ok := parseUse(good); !ok || got != want {
		t.Errorf("parseUse(%q) = %+v, %v; want %+v", good, got, ok, want)
	}
	for _, bad := range []string{"", "4711 (x", "4711 (x) S 17 1 1 0 -1 0 0 0 0 0 1 2", strings.Replace(good, "17", "many", 1)} {
		if got, ok := parseUse(bad); ok {
			t.Errorf("parseUse(%q) = %+v; want nothing", bad, got)
		}
	}
}
