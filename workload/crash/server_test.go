package crash

import (
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
	"flushbench/workload/target"
)

// serverMatrix is a matrix on a server without a binlog.
func serverMatrix(p target.Product, kinds ...vfs.CrashKind) Matrix {
	m := matrixOf(2, kinds...)
	s := &m.Scenario
	s.Target, s.Workload, s.Binlog, s.Rows = scenario.List[scenario.Target]{{Private: p}}, workload.KindUpdate, false, 100
	s.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2}
	return m
}

// An overwritten log is a variant of policy 2 alone, and of a log that goes past the
// page cache.
func TestCellsOfServers(t *testing.T) {
	m := serverMatrix(target.MariaDB, vfs.CrashPower)
	m.Scenario.ServerLogBuffering = scenario.List[scenario.Buffering]{scenario.BufferingOff, scenario.BufferingOn}
	m.Overwritten, m.Control = scenario.List[scenario.Switch]{false, true}, true
	plan, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range plan.Cells {
		c := &plan.Cells[i]
		got = append(got, c.Name)
		if c.Server == nil || c.interval() != time.Second || c.Server.Overwritten != strings.HasSuffix(c.Name, "overwritten") {
			t.Errorf("%s: %+v, interval %v", c.Name, c.Server, c.interval())
		}
		if p := c.params(0); p.Target != "mariadb" || p.FlushMethod != "" || p.ServerLogOverwritten != c.Server.Overwritten {
			t.Errorf("%s: params %+v", c.Name, p)
		}
	}
	want := `power,fs=ext4,policy=0,clients=4,log-buffering=off
power,fs=ext4,policy=1,clients=4,log-buffering=off
power,fs=ext4,policy=2,clients=4,log-buffering=off
power,fs=ext4,policy=2,clients=4,log-buffering=off,log-overwritten
power,fs=ext4,policy=0,clients=4,log-buffering=on
power,fs=ext4,policy=1,clients=4,log-buffering=on
power,fs=ext4,policy=2,clients=4,log-buffering=on
control=server-nosync,power,fs=ext4
control=barrier=0,power,fs=ext4`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("cells:\n%s\nwant:\n%s", text, want)
	}
	// The files of one server at a time stand on the disk.
	if specs, _ := plan.disks(); specs[0].Bytes > 2*plan.Cells[0].bytes() {
		t.Errorf("the disk has %d bytes for servers of %d", specs[0].Bytes, plan.Cells[0].bytes())
	}
}

// What a server promises to keep, by crash kind, policy and sync_binlog.
func TestPromisesOfServers(t *testing.T) {
	for _, c := range []struct {
		policy groupcommit.Policy
		sync   int // -1: no binlog
		want   string
	}{
		{groupcommit.Policy1, -1, "process os power"}, {groupcommit.Policy1, 1, "process os power"}, {groupcommit.Policy1, 0, "process"}, {groupcommit.Policy1, 100, "process"},
		{groupcommit.Policy3, 1, "process os power"},
		{groupcommit.Policy2, -1, "process"}, {groupcommit.Policy2, 1, "process"},
		{groupcommit.Policy0, -1, ""}, {groupcommit.Policy0, 1, ""},
	} {
		var kept []string
		for _, k := range []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower} {
			x := Cell{Kind: k, Policy: c.policy, Server: &ServerSetting{Timer: time.Second, Pair: target.Pair{SyncBinlog: c.sync}}}
			if x.Promises() {
				kept = append(kept, k.String())
			}
		}
		if got := strings.Join(kept, " "); got != c.want {
			t.Errorf("policy %v, sync_binlog %d: promises to survive %q; want %q", c.policy, c.sync, got, c.want)
		}
	}
}

// A loss that is older than this is more than the timer explains.
func TestOldestOfServers(t *testing.T) {
	for _, c := range []struct {
		product target.Product
		timer   time.Duration
		want    time.Duration
	}{
		{target.MariaDB, time.Second, 2 * time.Second}, {target.MariaDB, 10 * time.Second, 11 * time.Second},
		{target.MySQL, 3 * time.Second, 4 * time.Second}, {target.PostgreSQL, 600 * time.Millisecond, 600 * time.Millisecond},
	} {
		if got := (&ServerSetting{Product: c.product, Timer: c.timer}).Oldest(); got != c.want {
			t.Errorf("%v, timer %v: %v; want %v", c.product, c.timer, got, c.want)
		}
	}
}

func TestMatrixOfServersIsRefused(t *testing.T) {
	address, err := target.ParseAddress("mysql://u@h:1/d")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Matrix){
		"only a private server": func(m *Matrix) { m.Scenario.Target = scenario.List[scenario.Target]{{Address: address}} },
		"the engine's own":      func(m *Matrix) { m.Faults = scenario.List[subject.Fault]{subject.EIO} },
		"no note":               func(m *Matrix) { m.Scenario.ReadShare = 0.5 },
		"whole seconds":         func(m *Matrix) { m.Scenario.FlushInterval = 1500 * time.Millisecond },
		"without a server": func(m *Matrix) {
			m.Scenario.Target, m.Overwritten = scenario.List[scenario.Target]{{}}, scenario.List[scenario.Switch]{true}
		},
		"fills its WAL": func(m *Matrix) {
			m.Scenario.Target, m.Overwritten = scenario.List[scenario.Target]{{Private: target.PostgreSQL}}, scenario.List[scenario.Switch]{true}
		},
	} {
		m := serverMatrix(target.MariaDB, vfs.CrashProcess)
		change(&m)
		if _, err := PlanOf(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("PlanOf = %v; want %q", err, want)
		}
	}
}
