package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// CrashSetting names what a cell was set to: policy, or pair with a binlog, and
// what else varies. It begins a sentence.
func CrashSetting(p *result.Params, varied []func(*result.Params) string) string {
	name := "Policy " + p.Policy
	if p.SyncBinlog != nil {
		name = fmt.Sprintf("%s/%d", p.Policy, *p.SyncBinlog)
	}
	for _, f := range varied {
		if text := f(p); text != "" {
			name += " " + text
		}
	}
	return name
}

// variedParams are the axes beside policy and sync_binlog in which cells that are no
// controls differ. A cell is held against those of its own target and workload: others
// do not have all of its axes.
func variedParams(r *result.Result) []func(*result.Params) string {
	axes := []func(*result.Params) string{
		func(p *result.Params) string { return p.FlushMethod },
		func(p *result.Params) string { return p.Growth },
		func(p *result.Params) string { return strconv.Itoa(p.Clients) + " clients" },
		func(p *result.Params) string { return p.GroupCommit },
		func(p *result.Params) string { return p.GroupDelay },
		func(p *result.Params) string { return p.LogBuffer },
		func(p *result.Params) string { return p.RecordDistribution },
		func(p *result.Params) string { return p.KeyDistribution },
		func(p *result.Params) string { return p.BinlogFormat },
		func(p *result.Params) string { return p.BinlogGrowth },
		serverLog,
	}
	target := func(p *result.Params) string { return cmp.Or(p.Target, "engine") }
	alike := func(p *result.Params) string { return target(p) + " " + load(p) }
	first := map[string]*result.Params{} // of those that have the same axes
	differs := func(axis func(*result.Params) string) bool {
		return slices.ContainsFunc(r.Cells, func(c result.Cell) bool {
			return tried(&c) && axis(&c.Params) != axis(first[alike(&c.Params)])
		})
	}
	for i := range r.Cells {
		if c := &r.Cells[i]; tried(c) && first[alike(&c.Params)] == nil {
			first[alike(&c.Params)] = &c.Params
		}
	}
	out := slices.DeleteFunc(SafeguardAxes(), func(axis func(*result.Params) string) bool { return !severalValues(r, axis) })
	out = append(out, slices.DeleteFunc(axes, func(axis func(*result.Params) string) bool { return !differs(axis) })...)
	if severalValues(r, target) {
		out = slices.Insert(out, 0, target)
	}
	return out
}

// load is what the transactions of a cell do.
func load(p *result.Params) string { return p.Workload }

// severalValues reports whether cells that are no controls have different values on an
// axis, those left out that do not have it.
func severalValues(r *result.Result, axis func(*result.Params) string) bool {
	first := ""
	for i := range r.Cells {
		value := axis(&r.Cells[i].Params)
		if !tried(&r.Cells[i]) || value == "" {
			continue
		}
		if first = cmp.Or(first, value); value != first {
			return true
		}
	}
	return false
}

// tried reports whether a cell was to be crashed and is no control.
func tried(c *result.Cell) bool { return c.Crash != nil && c.Crash.Control == "" }

// serverLog says how a server wrote its redo log, as far as that was asked for.
func serverLog(p *result.Params) string {
	text := map[string]string{"off": "unbuffered", "on": "buffered"}[p.ServerLogBuffering]
	if p.ServerLogOverwritten {
		text = strings.TrimPrefix(text+", overwritten", ", ")
	}
	return text
}

// CrashVaried returns the axes beside policy and sync_binlog in which the cells
// of a crash matrix with one workload differ, for CrashSetting.
func CrashVaried(r *result.Result) []func(*result.Params) string { return variedParams(r) }

// crashSettingOf returns what names the setting of a cell, by what varies in r.
func crashSettingOf(r *result.Result) func(*result.Cell) string {
	varied, faults := variedParams(r), len(CrashFaults(r)) > 1
	if severalValues(r, load) {
		varied = slices.Insert(varied, 0, load)
	}
	return func(c *result.Cell) string {
		name := CrashSetting(&c.Params, varied) + crashPoint(c.Crash)
		if faults {
			name += crashFault(c.Crash)
		}
		return name
	}
}
