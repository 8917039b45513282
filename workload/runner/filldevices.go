package runner

import (
	"fmt"
	"strings"

	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
)

// fillDevices adds what the devices of both logs have counted. A round says
// nothing of them if one of them could not be read.
func (c *cellRun) fillDevices(round *result.Round) {
	a, z := c.begin.devices, c.end.devices
	if len(a) == 0 || len(a) != len(z) {
		return
	}
	f := &round.Flushes
	var bytes, flushes, calls int64
	counts := true
	var notes []string
	for i, d := range c.r.devices {
		seen, asked := z[i].seen.Sub(a[i].seen), z[i].calls.Sub(a[i].calls).Flushes()
		bytes += seen.Bytes
		calls += int64(asked)
		if counts = counts && seen.Flushes != nil; counts {
			flushes += int64(*seen.Flushes)
		}
		note := c.explainDevice(d.env, asked, seen.Flushes)
		if len(c.r.devices) > 1 {
			note = d.name + ": " + note
		}
		notes = append(notes, note)
	}
	round.Bytes.Device = &bytes
	if counts {
		f.Device = &flushes
	}
	if !c.r.whole {
		f.DeviceSyscalls = &calls
		notes = append(notes, "the pages' device is not counted")
	}
	f.DeviceNote = strings.Join(notes, "; ")
}

// edgeFlushes is how many flushes may be counted by one side alone: one can be
// in flight at each edge of the interval.
const edgeFlushes = 2

// atATime is how many flushes of a database may wait at the same moment: those of
// the redo log, the binlog, the doublewrite file and the data files. The kernel
// sends one for all of them.
const atATime = 4

// explainDevice says why a device's count differs from ours, and warns where
// nothing but a liar explains it.
func (c *cellRun) explainDevice(env *result.Environment, asked uint64, seen *uint64) string {
	if seen != nil && *seen < asked && *seen+edgeFlushes >= asked {
		return fmt.Sprintf("device saw %d of %d flushes: one may be in flight at each edge of the interval", *seen, asked)
	}
	note, shout := hostinfo.ExplainFlushDelta(*env, asked, seen)
	if shout && *seen+edgeFlushes >= c.leastSeen(asked) && hostinfo.BarrierOff(*env) == "" {
		return fmt.Sprintf("device saw %d of %d flushes: the kernel sends one flush for several that wait at the same moment", *seen, asked)
	}
	if shout {
		c.r.shout(*env, asked, seen)
	}
	return note
}

// leastSeen is how many of a device's flushes the kernel must send, however many
// it merges. Those of one log wait for one another. So no more are merged than go
// on in the background (of pages, by the timer, by checkpoints), and, with several
// clients, than the log with fewer has: one client flushes its two logs one after
// the other.
func (c *cellRun) leastSeen(asked uint64) uint64 {
	if !c.spec.transactional() {
		return asked
	}
	a, z := &c.begin.eng, &c.end.eng
	redo := z.Flushes[groupcommit.ReasonCommit] - a.Flushes[groupcommit.ReasonCommit]
	binlog := z.Stages.Flushes - a.Stages.Flushes
	all := c.end.calls.Sub(c.begin.calls).Flushes() // on all devices: no less than on this one
	merged := all - min(all, redo+binlog)
	if c.spec.Clients > 1 {
		merged += min(redo, binlog)
	}
	return max(asked-min(asked, merged), asked/atATime)
}

// shout warns, once, of a device that acknowledges flushes it was never sent.
func (r *run) shout(env result.Environment, asked uint64, seen *uint64) {
	if r.shouted {
		return
	}
	r.shouted = true
	r.res.Warnings = append(r.res.Warnings, hostinfo.FlushDeltaWarning(env, asked, seen)...)
}
