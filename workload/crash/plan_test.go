package crash

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
)

// wide is the matrix of all kinds, two file systems and three policies.
func wide(trials int) Matrix {
	m := matrixOf(trials, vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower)
	m.Scenario.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2}
	m.FS, m.Control = []string{"ext4", "xfs"}, true
	return m
}

func TestPlanOf(t *testing.T) {
	p, err := PlanOf(wide(20))
	if err != nil {
		t.Fatal(err)
	}
	var names, controls []string
	for i := range p.Cells {
		c := &p.Cells[i]
		if c.Control != "" {
			controls = append(controls, c.Name)
			if c.Policy != groupcommit.Policy1 || c.Trials != ControlTrials || c.Engine.Commit.Policy != groupcommit.Policy1 {
				t.Errorf("%s: policy %v, %d trials", c.Name, c.Policy, c.Trials)
			}
			continue
		}
		names = append(names, c.Name)
		if c.Trials != 20 {
			t.Errorf("%s: %d trials; want 20", c.Name, c.Trials)
		}
	}
	if len(names) != 3+6+6 || !slices.Contains(names, "process,policy=1,clients=4") || !slices.Contains(names, "power,fs=xfs,policy=0,clients=4") {
		t.Errorf("cells %q", names)
	}
	want := []string{"control=none,os,fs=ext4", "control=none,os,fs=xfs", "control=none,power,fs=ext4", "control=direct-none,power,fs=ext4",
		"control=barrier=0,power,fs=ext4", "control=none,power,fs=xfs", "control=direct-none,power,fs=xfs"}
	if !slices.Equal(controls, want) {
		t.Errorf("controls %q; want %q", controls, want)
	}
	specs, of := p.disks()
	if len(specs) != 6 || len(of) != len(p.Cells) {
		t.Errorf("%d disks for %d cells; want process, two for os, two for power and one without barriers", len(specs), len(of))
	}
	for i := range p.Cells {
		if s, c := &specs[of[i]], &p.Cells[i]; s.Kind != c.Kind || s.FS != c.FS || !slices.Equal(s.Mount, c.Mount) || s.Bytes < c.bytes() {
			t.Errorf("%s is on disk %+v", c.Name, s)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, change := range map[string]func(*Matrix){
		"no crash kind": func(m *Matrix) { m.Kinds = nil },
		"0 trials":      func(m *Matrix) { m.Trials = 0 },
		"nobody fills":  func(m *Matrix) { m.Faults = scenario.List[subject.Fault]{subject.ENOSPC} },
		"growth zero": func(m *Matrix) {
			m.Faults, m.Kinds = scenario.List[subject.Fault]{subject.NoFault, subject.ENOSPC}, []vfs.CrashKind{vfs.CrashOS}
		},
		"think-time":        func(m *Matrix) { m.Scenario.ThinkTime = time.Second },
		"flush-floor":       func(m *Matrix) { m.Scenario.FlushFloor = time.Second },
		"device":            func(m *Matrix) { m.Device = "/dev/sdb1" },
		"pipelined":         func(m *Matrix) { m.Scenario.ClientMode = scenario.List[workload.Mode]{workload.Pipelined} },
		"UUID":              func(m *Matrix) { m.Mkfs = []string{"-J", "device=UUID=1"} },
		"journal replayed":  func(m *Matrix) { m.Mount = []string{"noload"} },
		"trial seed":        func(m *Matrix) { m.TrialSeed = 1 },
		"share":             func(m *Matrix) { m.Frozen = 2 },
		"record of 8388608": func(m *Matrix) { m.Scenario.RecordBytes = scenario.List[workload.Sizes]{workload.FixedSize(8 << 20)} },
	} {
		m := wide(1)
		change(&m)
		if _, err := PlanOf(m); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("PlanOf with wrong %s = %v; want one line that names it", name, err)
		}
	}
}

// A partition has its control, too, on the same disk as the cells.
func TestDeviceHasItsControl(t *testing.T) {
	m := matrixOf(5, vfs.CrashOS)
	m.Device, m.Control = "/dev/sdz9", true
	p, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	if c := &p.Cells[len(p.Cells)-1]; len(p.Cells) != 2 || c.Control != ControlNone || c.Device != m.Device || c.Trials != ControlTrials {
		t.Errorf("%d cells, the last %+v; want the control %s on %s", len(p.Cells), c, ControlNone, m.Device)
	}
	if specs, _ := p.disks(); len(specs) != 1 || specs[0].Device != m.Device {
		t.Errorf("disks %+v; want the partition alone", specs)
	}
}

// TestTrials: what is drawn for a trial depends on the seed, the cell and the
// number alone, lies in its range, and as many are frozen as were asked for.
func TestTrials(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := wide(rapid.IntRange(1, 12).Draw(rt, "trials"))
		m.Scenario.Seed = rapid.Uint64Range(1, 1<<53).Draw(rt, "seed")
		m.Frozen = workload.Share(rapid.Float64Range(0, 1).Draw(rt, "frozen"))
		m.Scenario.FlushInterval = time.Duration(rapid.IntRange(10, 2000).Draw(rt, "interval")) * time.Millisecond
		p, err := PlanOf(m)
		if err != nil {
			rt.Fatal(err)
		}
		c := &p.Cells[rapid.IntRange(0, len(p.Cells)-1).Draw(rt, "cell")]
		frozen, seeds := 0, map[uint64]bool{}
		for n := 1; n <= c.Trials; n++ {
			x := p.Trial(c, n)
			lo, hi := earliest, latest
			if c.Policy != groupcommit.Policy1 {
				lo, hi = m.Scenario.FlushInterval, 2*m.Scenario.FlushInterval
			}
			if x != p.Trial(c, n) || x.Number != n || x.Seed == 0 || x.After < lo || x.After > hi || x.FaultAfter != 0 {
				rt.Fatalf("trial %d of %s: %+v", n, c.Name, x)
			}
			if seeds[x.Seed] {
				rt.Fatalf("trial %d of %s has the seed of an earlier one: %d", n, c.Name, x.Seed)
			}
			if seeds[x.Seed] = true; x.Frozen {
				frozen++
			}
		}
		if d := float64(frozen) - float64(m.Frozen)*float64(c.Trials); d > 1 || d < -1 {
			rt.Fatalf("%d of %d trials frozen; want a share of %v", frozen, c.Trials, m.Frozen)
		}
	})
}

func TestTrialSeedIsTheTrialsOwn(t *testing.T) {
	m := matrixOf(9, vfs.CrashOS)
	p, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	first := p.Trial(&p.Cells[0], 7)
	m.TrialSeed, m.Scenario.Seed, m.Frozen = first.Seed, 99, 0
	if first.Frozen {
		m.Frozen = 1
	}
	if p, err = PlanOf(m); err != nil {
		t.Fatal(err)
	}
	again := p.Trial(&p.Cells[0], 1)
	if first.Number = 1; again != first || p.trials() != 1 {
		t.Errorf("again %+v, %d trials; want %+v", again, p.trials(), first)
	}
}

func TestFaultComesFirst(t *testing.T) {
	m := wide(3)
	m.Faults = scenario.List[subject.Fault]{subject.EIO}
	p, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Cells {
		c := &p.Cells[i]
		x := p.Trial(c, 1)
		if faulty := c.Control == ""; (x.FaultAfter > 0) != faulty || faulty && x.After < x.FaultAfter+afterFault {
			t.Errorf("%s: fault after %v, crash after %v", c.Name, x.FaultAfter, x.After)
		}
	}
}

// Under policies 0 and 2 the flush that fails is not always the same one, and the
// crash follows it anywhere in an interval.
func TestFaultMoments(t *testing.T) {
	m := wide(30)
	m.Faults = scenario.List[subject.Fault]{subject.EIO}
	p, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Cells {
		c := &p.Cells[i]
		if c.Control != "" || c.Policy.Flushes() {
			continue
		}
		ticks := map[time.Duration]int{}
		soon := 0
		for n := 1; n <= c.Trials; n++ {
			x := p.Trial(c, n)
			tick := x.FaultAfter.Truncate(c.interval()) + c.interval() // the timer's flush that fails
			ticks[tick]++
			if gap := x.After - tick; gap < c.interval()/2 {
				soon++
			} else if gap > c.interval()+afterFault {
				t.Errorf("%s: fault at the timer's flush after %v, crash %v after it", c.Name, tick, gap)
			}
		}
		if len(ticks) != 3 || soon == 0 || soon == c.Trials {
			t.Errorf("%s: flushes that fail %v, %d of %d crashes soon after; want the timer's first to third, and both", c.Name, ticks, soon, c.Trials)
		}
	}
}

// TestOrder: a round runs every cell that has a trial left, once, and two rounds
// not in the same order.
func TestOrder(t *testing.T) {
	p, err := PlanOf(wide(5))
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string]bool{}
	ran := make([]int, len(p.Cells))
	for n := 1; n <= p.rounds(); n++ {
		order := p.order(n)
		var key strings.Builder
		for _, i := range order {
			ran[i]++
			key.WriteByte(byte(i))
		}
		orders[key.String()] = true
	}
	for i, n := range ran {
		if n != p.Cells[i].Trials {
			t.Errorf("%s ran %d times; want %d", p.Cells[i].Name, n, p.Cells[i].Trials)
		}
	}
	if len(orders) != p.rounds() {
		t.Errorf("%d orders in %d rounds", len(orders), p.rounds())
	}
}
