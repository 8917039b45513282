package crash

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
)

// faulty is the first fault that was asked for; NoFault: none was.
func (m *Matrix) faulty() subject.Fault {
	for _, f := range m.Faults {
		if f != subject.NoFault {
			return f
		}
	}
	return subject.NoFault
}

// checkFaults refuses disks that may not be filled, and a disk that is full for files
// that do not grow.
func (m *Matrix) checkFaults() error {
	if !slices.Contains(m.Faults, subject.ENOSPC) {
		return nil
	}
	if slices.Contains(m.Kinds, vfs.CrashProcess) {
		return fmt.Errorf("crash: fault %v with crash kind %v: that is your own file system, which nobody fills; legal are %v, %v", subject.ENOSPC, vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower)
	}
	s := &m.Scenario
	if s.Workload.Transactional() && (bool(s.Binlog) && !slices.ContainsFunc(s.BinlogGrowth, beforehand) || s.Workload == workload.KindInsert) {
		return nil
	}
	if i := slices.IndexFunc(s.Growth, beforehand); i >= 0 {
		return fmt.Errorf("crash: fault %v with growth %v: a log that has all its blocks beforehand never meets the end of the disk; legal is growth %v, or a workload with rows whose binlog grows (binlog-growth %v)",
			subject.ENOSPC, s.Growth[i], vfs.GrowAppend, vfs.GrowAppend)
	}
	return nil
}

// beforehand reports whether files get their blocks before they are used.
func beforehand(g vfs.Growth) bool { return g != vfs.GrowAppend }

// withFaults are a cell with each of the faults that were asked for.
func (m *Matrix) withFaults(c Cell) (out []Cell) {
	if len(m.Faults) == 0 {
		return []Cell{c}
	}
	for _, f := range m.Faults {
		x := c
		if x.Fault = f; len(m.Faults) > 1 {
			x.Name += ",fault=" + f.String()
		}
		out = append(out, x)
	}
	return out
}

// faultName is the fault as the result has it.
func (c *Cell) faultName() string {
	if c.Fault == subject.NoFault {
		return ""
	}
	return c.Fault.String()
}

// faultOf is what became of the cell's fault; nil: it has none. A disk that is full
// comes as an error of the engine, also where it was no log that met its end.
func (c *Cell) faultOf(v Victim, out *judge.Outcome) *result.CrashFault {
	if c.Fault == subject.NoFault {
		return nil
	}
	x := &result.CrashFault{Error: c.Fault.String(), Text: out.Failure, AckedAfter: out.AckedAfter}
	at := out.Struck
	if at == 0 && c.Fault == subject.ENOSPC {
		at = out.Noticed
	}
	if at != 0 {
		x.Seen, x.AtNS = true, at-v.Ready()
	}
	return x
}

// fill fills the disk of a victim when its time has come, and returns when the crash
// is due: as long after the victim has met the end of the disk as was drawn. It comes
// there when its files grow, which a machine that is busy may delay.
func (r *run) fill(ctx context.Context, c *cellRun, v Victim, t Trial) (due int64, err error) {
	if err := r.wait(ctx, v, v.Ready()+int64(t.FaultAfter), false); err != nil {
		return 0, err
	}
	if err := r.waitForAcks(ctx, v, 0); err != nil {
		return 0, err
	}
	if err := c.disk.Fill(t.Room); err != nil {
		return 0, err
	}
	full := clock.Now()
	for until := full + int64(r.cfg.limits.acked); clock.Now() < until; {
		if text, _ := v.Failure(); text != "" {
			break
		}
		if err := r.wait(ctx, v, clock.Now()+int64(time.Millisecond), true); err != nil {
			return 0, err
		}
	}
	return clock.Now() + int64(t.After-t.FaultAfter), nil
}
