package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/scenario"
)

func planOf(t *testing.T, change func(*scenario.Scenario)) Plan {
	t.Helper()
	s := scenario.Default()
	if change != nil {
		change(&s)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	p := PlanOf(&s)
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// specTable is a plan in lines: name, section, clients, warm-up, duration, and
// whether it is paced or tracked.
func specTable(p *Plan) string {
	var b strings.Builder
	for i := range p.Specs {
		s := &p.Specs[i]
		fmt.Fprintf(&b, "%s [%s] %d %v+%v", s.Name, s.Section, s.Clients, s.Warmup, s.Duration)
		if s.AutoRate {
			b.WriteString(" auto")
		}
		if s.Track {
			b.WriteString(" track")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const defaultTable = `speed,policy=1,clients=1,delay=off [speed] 1 200ms+600ms track
speed,policy=1,clients=8,delay=off [speed] 8 200ms+600ms track
speed,policy=1,clients=8,delay=adaptive [speed] 8 200ms+600ms track
speed,policy=1,clients=64,delay=off [speed] 64 200ms+600ms track
speed,policy=1,clients=64,delay=adaptive [speed] 64 200ms+600ms track
speed,policy=2,clients=64 [speed] 64 200ms+1s
speed,policy=0,clients=64 [speed] 64 200ms+1s
risk,policy=1 [risk] 8 100ms+1s auto track
risk,policy=2 [risk] 8 100ms+3.3s auto track
risk,policy=0 [risk] 8 100ms+3.3s auto track
`

// The default run's cells are what README explains; quick is one round of them.
func TestStandardPlans(t *testing.T) {
	for _, c := range []struct {
		preset scenario.Preset
		rounds int
	}{{scenario.PresetDefault, 5}, {scenario.PresetQuick, 1}} {
		p := planOf(t, func(s *scenario.Scenario) { s.Preset = c.preset })
		if got := specTable(&p); got != defaultTable {
			t.Errorf("%v: got\n%swant\n%s", c.preset, got, defaultTable)
		}
		if p.Rounds != c.rounds || p.Limit != 500*time.Millisecond || p.Calibrate != time.Second || p.Preset != c.preset.String() {
			t.Errorf("%v: %d rounds, limit %v, calibration %v, preset %q", c.preset, p.Rounds, p.Limit, p.Calibrate, p.Preset)
		}
		if p.Seed == 0 || p.Seed>>53 != 0 {
			t.Errorf("%v: seed %d is 0 or no exact JSON number", c.preset, p.Seed)
		}
	}
	p := planOf(t, func(s *scenario.Scenario) { s.Preset = scenario.PresetThorough })
	if p.Rounds != 10 || len(p.Specs) != 10 || p.Specs[0].Duration != 5*time.Second {
		t.Errorf("thorough: %d rounds of %d cells, the first %v", p.Rounds, len(p.Specs), p.Specs[0].Duration)
	}
}

// The plan alone says that the default run ends within 90 s and quick within 25.
func TestPlanKeepsItsTime(t *testing.T) {
	for _, c := range []struct {
		preset scenario.Preset
		most   time.Duration
	}{{scenario.PresetDefault, 90 * time.Second}, {scenario.PresetQuick, 25 * time.Second}} {
		p := planOf(t, func(s *scenario.Scenario) { s.Preset = c.preset })
		r := &run{plan: &p, res: &result.Result{Cells: make([]result.Cell, len(p.Specs))}}
		n, length := r.countSteps()
		if length > c.most {
			t.Errorf("%v takes %v, more than %v", c.preset, length, c.most)
		}
		if want := p.Rounds*(len(p.Specs)+1) + 1; n != want {
			t.Errorf("%v has %d steps; want %d", c.preset, n, want)
		}
	}
}

func TestStandardPlanHeedsSettings(t *testing.T) {
	p := planOf(t, func(s *scenario.Scenario) {
		s.Rounds, s.Warmup, s.Duration, s.Seed = 3, 0, 2*time.Second, 42
		s.FlushMethod = scenario.List[vfs.Method]{vfs.ODsync}
		s.FlushInterval, s.FlushFloor = 200*time.Millisecond, 100*time.Microsecond
		s.TxnCPU = time.Microsecond
	})
	if p.Rounds != 3 || p.Seed != 42 || p.Floor != 100*time.Microsecond {
		t.Errorf("rounds %d, seed %d, floor %v", p.Rounds, p.Seed, p.Floor)
	}
	for i := range p.Specs {
		s := &p.Specs[i]
		if s.Warmup != 0 || s.Duration != 2*time.Second || s.Engine.Method != vfs.ODsync || s.TxnCPU != time.Microsecond {
			t.Errorf("%s: warm-up %v, duration %v, method %v, CPU %v", s.Name, s.Warmup, s.Duration, s.Engine.Method, s.TxnCPU)
		}
	}
}

func TestMatrixPlan(t *testing.T) {
	p := planOf(t, func(s *scenario.Scenario) {
		s.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy1, groupcommit.Policy2}
		s.Clients = scenario.List[int]{1, 4}
		s.Rate = scenario.List[scenario.Rate]{0, 500}
		s.Asked, s.FlushInterval = true, 200*time.Millisecond
	})
	if p.Preset != "" || p.Calibrate != 0 || len(p.Specs) != 8 {
		t.Fatalf("preset %q, calibration %v, %d cells; want none, none, 8", p.Preset, p.Calibrate, len(p.Specs))
	}
	seen := map[string]bool{}
	for i := range p.Specs {
		s := &p.Specs[i]
		one := s.Engine.Commit.Policy == groupcommit.Policy1
		if seen[s.Name] || s.AutoRate || s.paced() != (s.Section == result.SectionRisk) || s.Track != (one || s.paced()) {
			t.Errorf("%s: twice %v, auto %v, paced %v, section %q, tracked %v", s.Name, seen[s.Name], s.AutoRate, s.paced(), s.Section, s.Track)
		}
		if s.paced() && s.Rate != 500 {
			t.Errorf("%s: rate %v", s.Name, s.Rate)
		}
		seen[s.Name] = true
	}
	auto := scenario.Default()
	if err := auto.Rate.UnmarshalText([]byte("auto")); err != nil {
		t.Fatal(err)
	}
	auto.Asked = true
	if p := PlanOf(&auto); p.Calibrate == 0 || !p.Specs[0].AutoRate {
		t.Errorf("rate auto: calibration %v, auto %v", p.Calibrate, p.Specs[0].AutoRate)
	}
}

func TestCheckRecord(t *testing.T) {
	s := scenario.Default()
	s.RecordBytes = scenario.List[workload.Sizes]{workload.FixedSize(1 << 20)}
	s.LogCapacity = scenario.List[scenario.Size]{4 << 20}
	p := PlanOf(&s)
	var large *tooLarge
	if err := p.Check(); !errors.As(err, &large) || large.max != 512<<10 {
		t.Errorf("Check() = %v; want a record that is too large, at most %d", err, 512<<10)
	}
}

func TestParams(t *testing.T) {
	s := spec("x", groupcommit.Policy2, 3)
	s.Rate, s.Think, s.Engine.Growth = 500, time.Millisecond, vfs.GrowAppend
	p := s.params(time.Microsecond, "")
	if p.Policy != "2" || p.Load != result.LoadPaced || p.Rate != 500 || p.Clients != 3 || p.FlushMethod != "fdatasync" || p.Growth != "append" ||
		p.RecordBytes != 256 || p.AddedFlushNS != 1000 || p.ThinkTimeNS != 1e6 || p.LogCapacityBytes != 8<<20 || p.DurationS != 0.02 || p.FlushIntervalNS != 1e8 {
		t.Errorf("params %+v", p)
	}
	closed := spec("x", groupcommit.Policy1, 3)
	if p := closed.params(0, ""); p.Load != result.LoadClosed || p.Rate != 0 {
		t.Errorf("closed loop: %+v", p)
	}
}

// Cells that are alike in files, method and record share a limit loop; cells
// that are not have one each.
func TestLimitKeys(t *testing.T) {
	base := spec("base", groupcommit.Policy1, 1)
	key := func(change func(*Spec)) string {
		s := base
		change(&s)
		return s.limitKey()
	}
	same := []string{
		key(func(s *Spec) { s.Clients = 64 }),
		key(func(s *Spec) { s.Engine.Commit.Policy = groupcommit.Policy0 }),
		key(func(s *Spec) { s.Engine.Method = vfs.None }), // compared with the plain method
	}
	other := []string{
		key(func(s *Spec) { s.Engine.Method = vfs.ODsync }),
		key(func(s *Spec) { s.Sizes = workload.FixedSize(512) }),
		key(func(s *Spec) { s.Engine.Growth = vfs.GrowAppend }),
		key(func(s *Spec) { s.Engine.Capacity *= 2 }),
	}
	for _, k := range same {
		if k != base.limitKey() {
			t.Errorf("key %s; want %s", k, base.limitKey())
		}
	}
	all := append(other, base.limitKey())
	slices.Sort(all)
	if len(slices.Compact(all)) != len(other)+1 {
		t.Errorf("keys of different limits are equal: %v", all)
	}
}
