package probe

import (
	"fmt"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// The checks: what ProbeCheck.Code may say.
const (
	CheckPairOneFlush  = "pair-one-flush"     // two writes and one flush cost about one
	CheckPairTwoDsync  = "pair-two-dsync"     // two O_DSYNC writes cost about two
	CheckFlushCosts    = "flush-costs"        // a flush costs more than a write into memory
	CheckFlushTime     = "flush-time"         // a flush is no faster than the device can be
	CheckDeviceFlushes = "device-flushes"     // the device saw the flushes that were asked for
	maxOneFlush        = 1.5                  // two writes and one flush, at most
	minTwoDsync        = 1.6                  // two O_DSYNC writes, at least
	maxTwoDsync        = 2.6                  //
	minFlushCost       = 2.0                  // fdatasync against none, at least
	fastestTurn        = 4 * time.Millisecond // of a hard disk: 15,000 rpm
)

// findings is what checks and advice are made from: the slices of the main
// size, by method and operation.
type findings struct {
	env   result.Environment
	size  int64
	cells []*cell
}

// find returns the measured cell, or nil.
func (f *findings) find(m vfs.Method, op string, pair bool) *cell {
	for _, c := range f.cells {
		if c.method == m && c.op == op && c.size == f.size && c.pair == pair && len(c.rates) > 0 {
			return c
		}
	}
	return nil
}

// p50 is the median time of a turn in ns, shown or not.
func (c *cell) p50() int64 {
	ns, _ := c.loop.turn.Quantile(0.5)
	return ns
}

// checks runs every self-test.
func (f *findings) checks(asked uint64, seen *uint64) []result.ProbeCheck {
	return []result.ProbeCheck{
		f.pair(CheckPairOneFlush, vfs.Fdatasync, "2 writes + 1 flush"),
		f.pair(CheckPairTwoDsync, vfs.ODsync, "2 O_DSYNC writes"),
		f.flushCosts(),
		f.flushTime(),
		f.deviceFlushes(asked, seen),
	}
}

// pair compares turns of two writes with turns of one, round by round.
func (f *findings) pair(code string, m vfs.Method, what string) result.ProbeCheck {
	check := result.ProbeCheck{Code: code, Status: result.CheckSkipped}
	one, two := f.find(m, result.OpOverwrite, false), f.find(m, result.OpOverwrite, true)
	if one == nil || two == nil {
		check.Text = what + ": not measured"
		return check
	}
	var ratios []float64
	for i := range min(len(one.rates), len(two.rates)) {
		ratios = append(ratios, one.rates[i]/two.rates[i])
	}
	ratio := stats.Median(ratios)
	check.Value, check.Status = &ratio, result.CheckOK
	check.Text = fmt.Sprintf("%s cost %.2f of one", what, ratio)
	switch {
	case m == vfs.Fdatasync && ratio > maxOneFlush:
		check.Status = result.CheckSuspect
		check.Text += ": a flush costs no more than a write"
	case m == vfs.ODsync && ratio < minTwoDsync:
		check.Status = result.CheckSuspect
		check.Text += ": the second is not flushed on its own"
	case m == vfs.ODsync && ratio > maxTwoDsync:
		check.Status = result.CheckUnknown
		check.Text += ": too noisy to tell"
	}
	return check
}

// flushCosts compares fdatasync with no flush at all.
func (f *findings) flushCosts() result.ProbeCheck {
	check := result.ProbeCheck{Code: CheckFlushCosts, Status: result.CheckSkipped, Text: "a flush against none: not measured"}
	with, without := f.find(vfs.Fdatasync, result.OpOverwrite, false), f.find(vfs.None, result.OpOverwrite, false)
	if with == nil || without == nil || without.p50() == 0 {
		return check
	}
	ratio := float64(with.p50()) / float64(without.p50())
	check.Value, check.Status = &ratio, result.CheckOK
	check.Text = fmt.Sprintf("write + fdatasync costs %.3g times the write alone", ratio)
	if ratio < minFlushCost {
		check.Status = result.CheckSuspect
		check.Text += ": the flush does nothing"
	}
	return check
}

// flushTime asks whether a flush is faster than the device can be.
func (f *findings) flushTime() result.ProbeCheck {
	check := result.ProbeCheck{Code: CheckFlushTime, Status: result.CheckSkipped, Text: "time of a flush: not measured"}
	c := f.find(vfs.Fdatasync, result.OpOverwrite, false)
	if c == nil {
		return check
	}
	ns := c.p50()
	value := float64(ns)
	check.Value, check.Status = &value, result.CheckOK
	check.Text = fmt.Sprintf("a flush takes %s, not too fast for this device", milliseconds(ns))
	if w := hostinfo.FlushTimeWarnings(f.env, time.Duration(ns)); len(w) > 0 {
		check.Status = result.CheckSuspect
		check.Text = fmt.Sprintf("a flush takes %s: no volatile cache is emptied so fast", milliseconds(ns))
	}
	if f.env.Device.Kind == result.DeviceHDD && time.Duration(ns) < fastestTurn {
		check.Status = result.CheckSuspect
		check.Text = fmt.Sprintf("a flush takes %s: no disk turns so fast, a cache answers", milliseconds(ns))
	}
	return check
}

// deviceFlushes compares what was asked with what the device counted.
func (f *findings) deviceFlushes(asked uint64, seen *uint64) result.ProbeCheck {
	check := result.ProbeCheck{Code: CheckDeviceFlushes, Status: result.CheckOK}
	if asked == 0 && seen == nil {
		check.Status, check.Text = result.CheckUnknown, "what the device saw could not be counted"
		return check
	}
	note, shout := hostinfo.ExplainFlushDelta(f.env, asked, seen)
	check.Text = note
	if seen == nil {
		check.Status = result.CheckUnknown
		return check
	}
	value := float64(*seen)
	check.Value = &value
	if shout {
		check.Status = result.CheckSuspect
	}
	return check
}

// milliseconds shows ns with three significant digits and its unit.
func milliseconds(ns int64) string {
	ms := float64(ns) / 1e6
	if ms < 1 {
		return fmt.Sprintf("%.3f ms", ms)
	}
	return fmt.Sprintf("%.3g ms", ms)
}
