package probe

import (
	"fmt"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// judge fills in checks, warnings, verdict, advice and the fio line.
func (p *prober) judge(budget bool) {
	r := p.report.Result
	f := findings{env: r.Environment, size: p.cfg.mainSize(), cells: p.cells}
	first := f.find(vfs.Fdatasync, result.OpOverwrite, false)
	p.probe.Checks = f.checks(p.asked, p.counted())
	if first != nil {
		r.Warnings = append(r.Warnings, hostinfo.FlushTimeWarnings(f.env, time.Duration(first.p50()))...)
	}
	if p.asked > 0 {
		r.Warnings = append(r.Warnings, hostinfo.FlushDeltaWarning(f.env, p.asked, p.counted())...)
	}
	if budget {
		r.Warnings = append(r.Warnings, result.Warning{
			Code: "write-budget", Text: "the write budget was used up: fewer rounds were measured than asked for.", Advice: "Raise --max-write-bytes.",
		})
	}
	p.probe.Verdict = f.verdict(p.probe.Checks)
	if !p.cfg.Gentle {
		p.probe.Advice, p.probe.PagesText = f.advice(), f.pagesText()
	}
	best := f.best()
	method, op := vfs.Fdatasync, result.OpOverwrite
	if first == nil && best != nil {
		method, op = best.method, best.op
	}
	p.probe.Fio = FioLine(method, op, f.size)
}

// verdict says in plain words whether this stack looks honest. It never says
// that it is: only a pulled plug shows that.
func (f *findings) verdict(checks []result.ProbeCheck) string {
	d := f.env.Device
	if f.env.Volatile || d.Volatile {
		return "Memory, not a disk: nothing here survives a power cut, and no figure says anything about one that does."
	}
	for _, c := range checks {
		if c.Status == result.CheckSuspect {
			return "SUSPICIOUS: " + c.Text + ". Do not trust this storage with data before its plug was pulled in a test."
		}
	}
	c := f.find(vfs.Fdatasync, result.OpOverwrite, false)
	if c == nil {
		if c = f.best(); c == nil {
			return "No durable method was measured: nothing follows."
		}
	}
	return "Nothing suspicious, nothing proven. " + f.fits(c.p50()) + " Only a plug pulled under load proves it."
}

// Bounds between kinds of storage, as pg_test_fsync results of many drives
// show them.
const (
	protected = 200 * time.Microsecond // below: caches that survive a power cut
	consumer  = 6 * time.Millisecond   // below: flash that empties its cache
)

// fits says what a flush of so many ns fits on this device.
func (f *findings) fits(ns int64) string {
	d, t := f.env.Device, milliseconds(ns)
	switch {
	case d.Name == "":
		return t + " a flush; the device could not be found, so its cache is unknown."
	case d.Kind == result.DeviceVirtual:
		return t + " a flush on a virtual disk: whether the host below passes flushes on cannot be seen from here."
	case d.Kind == result.DeviceHDD:
		return t + " a flush fits a turning disk."
	case time.Duration(ns) < protected:
		return t + " a flush fits a drive with power-loss protection; a drive that lies looks the same. Its data sheet tells."
	case time.Duration(ns) < consumer:
		return t + " a flush fits a drive that empties a volatile cache."
	}
	return t + " a flush is slow for flash: a cheap drive, or a busy one."
}

// best is the durable method with the highest rate when overwriting, or nil.
func (f *findings) best() *cell {
	var best *cell
	for _, m := range vfs.Methods.All() {
		c := f.find(m, result.OpOverwrite, false)
		if c == nil || !m.Durable() {
			continue
		}
		if best == nil || stats.Median(c.rates) > stats.Median(best.rates) {
			best = c
		}
	}
	return best
}

// leastGain is what a method or growth must gain to be recommended.
const leastGain = 0.05

// advice says which growth and which method to use, claiming only what five
// rounds can tell from noise.
func (f *findings) advice() []string {
	base := f.find(vfs.Fdatasync, result.OpOverwrite, false)
	if base == nil {
		return nil
	}
	var all []string
	if grow := f.find(vfs.Fdatasync, result.OpAppend, false); grow != nil {
		switch c := stats.Compare(grow.rates, base.rates, leastGain); c.Outcome {
		case stats.Faster:
			all = append(all, fmt.Sprintf("Preallocated, zero-filled files: %s x append.", times(c.Ratio)))
		case stats.Noise:
			all = append(all, "Preallocated files or appending: no clear difference in these rounds.")
		case stats.Slower:
			all = append(all, fmt.Sprintf("Appending: %s x overwriting, which is unusual.", times(1/c.Ratio)))
		}
	}
	if s := f.bestMethod(base); s != "" {
		all = append(all, s)
	}
	if s := f.groups(base); s != "" {
		all = append(all, s)
	}
	return all
}

func (f *findings) bestMethod(base *cell) string {
	best := f.best()
	if best == base {
		return "fdatasync: no method here is faster."
	}
	switch c := stats.Compare(base.rates, best.rates, leastGain); c.Outcome {
	case stats.Faster:
		return fmt.Sprintf("%s: %s x fdatasync.", best.method, times(c.Ratio))
	case stats.Noise:
		return "fdatasync: no method here is clearly faster."
	}
	return ""
}

// groups says what a larger write costs: how much group commit can gain.
func (f *findings) groups(base *cell) string {
	for _, c := range f.cells {
		if c.method == vfs.Fdatasync && c.op == result.OpOverwrite && c.size == 64<<10 && f.size == MainSize && len(c.rates) > 0 {
			ratio := stats.Median(base.rates) / stats.Median(c.rates)
			return fmt.Sprintf("One flush of 64 KiB costs %s x one of 4 KiB: grouping commits pays.", times(ratio))
		}
	}
	return ""
}

// times shows a ratio with two or three significant digits.
func times(v float64) string {
	if v < 10 {
		return strings.TrimSuffix(fmt.Sprintf("%.2f", v), "0")
	}
	return fmt.Sprintf("%.0f", v)
}
