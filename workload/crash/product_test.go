package crash

import (
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
)

// Several workloads make a cell each of every setting that means something to them,
// and controls of their own, because each has its own judge.
func TestWorkloads(t *testing.T) {
	m := wide(2)
	m.Scenario.Rows, m.Scenario.SyncBinlog = 100, scenario.List[int]{0, 1}
	for _, one := range []bool{false, true} {
		m.Workloads = scenario.List[workload.Kind]{workload.KindBank, workload.KindLog, workload.KindReadWrite}
		if one {
			m.Workloads = m.Workloads[:1]
		}
		p, err := PlanOf(m)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		cells, controls := map[string]int{}, map[string]int{}
		for i := range p.Cells {
			c := &p.Cells[i]
			names[c.Name] = true
			load := c.params(0).Workload
			if c.Control != "" {
				controls[load]++
			} else {
				cells[load]++
			}
			if strings.HasSuffix(c.Name, ",workload="+load) == one || c.Control == "" && i > 0 && p.Cells[i-1].Control != "" {
				t.Errorf("cell %d of workload %s is called %s", i, load, c.Name)
			}
		}
		// Process, and two file systems each for os and power.
		for _, load := range m.Workloads {
			want := (1 + 2 + 2) * 3
			if load.Transactional() {
				want *= 2
			}
			if cells[load.String()] != want || controls[load.String()] != 7 {
				t.Errorf("%v: %d cells, %d controls; want %d and 7", load, cells[load.String()], controls[load.String()], want)
			}
		}
		if len(names) != len(p.Cells) || len(cells) != len(m.Workloads) {
			t.Errorf("%d names for %d cells, of %d workloads", len(names), len(p.Cells), len(cells))
		}
	}
}

// What is wrong with one of several workloads is refused.
func TestWorkloadsRefused(t *testing.T) {
	m := wide(1)
	m.Workloads = scenario.List[workload.Kind]{workload.KindBank, workload.KindLog}
	m.Points = scenario.List[subject.Point]{subject.BetweenLogs}
	if _, err := PlanOf(m); err == nil || !strings.Contains(err.Error(), "without a binlog") {
		t.Errorf("PlanOf = %v; want workload log refused", err)
	}
}

// Several faults make a cell of each; where the disk runs full, what is left of it
// differs from trial to trial.
func TestFaultsAreAnAxis(t *testing.T) {
	m := wide(20)
	m.Kinds, m.Scenario.Growth = []vfs.CrashKind{vfs.CrashOS}, scenario.List[vfs.Growth]{vfs.GrowAppend}
	m.Faults = subject.Faults.All()
	p, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[subject.Fault]int{}
	for i := range p.Cells {
		c := &p.Cells[i]
		if c.Control != "" {
			if c.Fault != subject.NoFault {
				t.Errorf("%s has fault %v", c.Name, c.Fault)
			}
			continue
		}
		seen[c.Fault]++
		if !strings.HasSuffix(c.Name, ",fault="+c.Fault.String()) || c.faultName() == "none" {
			t.Errorf("%s has fault %v, in the result %q", c.Name, c.Fault, c.faultName())
		}
		var rooms []int64
		for n := 1; n <= c.Trials; n++ {
			x := p.Trial(c, n)
			if rooms = append(rooms, x.Room); x.Room < 0 || x.Room >= mostRoom || (x.FaultAfter > 0) != (c.Fault != subject.NoFault) {
				t.Errorf("%s: room for %d bytes, fault after %v", c.Name, x.Room, x.FaultAfter)
			}
		}
		slices.Sort(rooms)
		if rooms = slices.Compact(rooms); (len(rooms) > 10) != (c.Fault == subject.ENOSPC) {
			t.Errorf("%s: %d different rooms in %d trials", c.Name, len(rooms), c.Trials)
		}
	}
	if len(seen) != 3 || seen[subject.EIO] != seen[subject.ENOSPC] {
		t.Errorf("cells by fault: %v", seen)
	}
}

// A disk may run full only where that is felt, and on a file system of the lab's own.
func TestFullDiskRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Matrix)
		want string // "": nothing is wrong
	}{
		{"a log with all its blocks", func(*Matrix) {}, "growth zero: a log that has all its blocks"},
		{"one of two logs with them", func(m *Matrix) { m.Scenario.Growth = scenario.List[vfs.Growth]{vfs.GrowAppend, vfs.GrowFallocate} }, "growth fallocate"},
		{"a log that grows", func(m *Matrix) { m.Scenario.Growth = scenario.List[vfs.Growth]{vfs.GrowAppend} }, ""},
		{"a binlog that grows", func(m *Matrix) { m.Scenario.Workload = workload.KindBank }, ""},
		{"a table that grows", func(m *Matrix) { m.Scenario.Workload, m.Scenario.Binlog = workload.KindInsert, false }, ""},
		{"a binlog that does not", func(m *Matrix) {
			m.Scenario.Workload, m.Scenario.BinlogGrowth = workload.KindBank, scenario.List[vfs.Growth]{vfs.GrowZero}
		}, "growth zero"},
		{"no binlog", func(m *Matrix) { m.Scenario.Workload, m.Scenario.Binlog = workload.KindUpdate, false }, "growth zero"},
		{"your own file system", func(m *Matrix) {
			m.Scenario.Growth, m.Kinds = scenario.List[vfs.Growth]{vfs.GrowAppend}, []vfs.CrashKind{vfs.CrashOS, vfs.CrashProcess}
		}, "your own file system"},
	} {
		m := matrixOf(1, vfs.CrashOS)
		m.Faults = scenario.List[subject.Fault]{subject.ENOSPC}
		c.set(&m)
		_, err := PlanOf(m)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}
