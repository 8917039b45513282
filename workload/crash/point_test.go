package crash

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/scenario"
)

// protocols is a matrix of a bank under 1/1 with every commit protocol.
func protocols(points ...subject.Point) Matrix {
	m := matrixOf(3, vfs.CrashProcess, vfs.CrashOS)
	m.Scenario.Workload, m.Scenario.CommitProtocol, m.Control = workload.KindBank, groupcommit.Protocols.All(), true
	m.Points = points
	return m
}

// Crash points and commit protocols are axes of the matrix; the controls break one
// thing at a time.
func TestPlanOfProtocols(t *testing.T) {
	p, err := PlanOf(protocols(subject.Anywhere, subject.BetweenLogs))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range p.Cells {
		c := &p.Cells[i]
		names = append(names, c.Name)
		between := strings.HasSuffix(c.Name, ",at=between-logs")
		if (c.Point == subject.BetweenLogs) != between || (c.pointName() == "between-logs") != between {
			t.Errorf("%s: point %v, called %q", c.Name, c.Point, c.pointName())
		}
		if protocol := c.Database.Stages.Protocol; c.Control != "" && (protocol != groupcommit.TwoPhase || c.Point != subject.Anywhere) ||
			c.Control == "" && !strings.Contains(c.Name, "protocol="+protocol.String()+",at=") {
			t.Errorf("%s: protocol %v, point %v", c.Name, protocol, c.Point)
		}
	}
	if len(names) != 2*3*2+1 || !slices.Contains(names, "process,policy=1,clients=4,protocol=redo-first,at=between-logs") {
		t.Errorf("cells %q", names)
	}
	// Nobody is stopped while the rate is looked for.
	if p, err = PlanOf(protocols(subject.BetweenLogs)); err != nil {
		t.Fatal(err)
	}
	p.Matrix.Rate = scenario.RateAuto
	if len(p.toCalibrate()) == 0 {
		t.Error("no cell is calibrated")
	}
	for _, i := range p.toCalibrate() {
		if x := p.Cells[i].underPolicy1(); x.Point != subject.Anywhere {
			t.Errorf("%s is calibrated at %v", x.Name, x.Point)
		}
	}
	// A matrix without points is as it always was.
	if p, err = PlanOf(protocols()); err != nil || p.Cells[0].Name != "process,policy=1,clients=4,protocol=2pc" {
		t.Errorf("without points: %s, %v", p.Cells[0].Name, err)
	}
}

func TestPointsRefused(t *testing.T) {
	for says, change := range map[string]func(*Matrix){
		"point between-logs without a binlog": func(m *Matrix) {
			m.Scenario.Workload, m.Scenario.CommitProtocol = workload.KindLog, scenario.Default().CommitProtocol
		},
		"choose a workload with rows":       func(m *Matrix) { m.Scenario.Binlog = false },
		"point between-logs with fault eio": func(m *Matrix) { m.Faults = scenario.List[subject.Fault]{subject.EIO} },
		"durability force-pages has no log": func(m *Matrix) { m.Scenario.Durability = append(m.Scenario.Durability, 1) },
	} {
		m := protocols(subject.BetweenLogs)
		change(&m)
		if _, err := PlanOf(m); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v; want one line with %q", err, says)
		}
	}
}

// stoppedVictim is a victim of which somebody stands at the crash point from a time on.
type stoppedVictim struct {
	fakeVictim
	at int64
}

func (v *stoppedVictim) Stopped() int64 {
	if v.at == 0 || clock.Now() < v.at {
		return 0
	}
	return v.at
}

// A crash at a point waits until somebody stands there, for a while; a victim that
// cannot be stopped is an error.
func TestWaitForPoint(t *testing.T) {
	r := &run{cfg: Config{limits: limits{acked: 50 * time.Millisecond}}}
	c := &Cell{Point: subject.BetweenLogs}
	at := clock.Now() + int64(5*time.Millisecond)
	v := &stoppedVictim{fakeVictim{f: &fake{}, job: &Job{}, ended: make(chan struct{})}, at}
	if err := r.waitForPoint(context.Background(), c, v); err != nil || clock.Now() < at {
		t.Errorf("somebody comes: %v", err)
	}
	v.at = 0
	if err := r.waitForPoint(context.Background(), c, v); err == nil || !strings.Contains(err.Error(), "no commit came there within 50ms") {
		t.Errorf("nobody comes: %v", err)
	}
	r.cfg.limits.acked = time.Minute // none of the others waits for it
	close(v.ended)
	if err := r.waitForPoint(context.Background(), c, v); err == nil || !strings.Contains(err.Error(), "ended before it was crashed") {
		t.Errorf("it has ended: %v", err)
	}
	if err := r.waitForPoint(context.Background(), c, &v.fakeVictim); err == nil || !strings.Contains(err.Error(), "has none") {
		t.Errorf("it cannot be stopped: %v", err)
	}
}

// A result names what differs, and no more of it than it has room for.
func TestDifferencesOfAResult(t *testing.T) {
	all := make([]judge.Difference, 500)
	rows := make([]uint64, 500)
	for i := range rows {
		rows[i] = uint64(i)
		all[i] = judge.Difference{Client: i, Seq: 7, Engine: i%2 == 0, Number: uint64(i), Rows: rows}
	}
	out := differences(all)
	if len(out) != 100 || len(out[0].Rows) != 200 || out[0].Log != "engine" || out[1].Log != "binlog" || out[1].Client != 1 || out[1].Number != 1 || out[0].Seq != 7 {
		t.Errorf("%d differences, the first %+v", len(out), out[0])
	}
	if differences(nil) != nil {
		t.Error("nothing differs, and something is named")
	}
}
