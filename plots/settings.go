package plots

import (
	"cmp"
	"fmt"
	"math"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// setting is an axis of the matrix in which the cells of one picture agree.
//
// INVARIANT: every field of result.Params is a setting, an axis of the pictures
// (closedKey and pacedKey clear these) or a length (ofAnyLength clears them). A
// test walks the fields and fails for one that is none: no picture could say
// which of its values it shows.
type setting struct {
	name func(*result.Params) string // in words; "": the workload has no such thing
	// special reports whether the setting is one that a run has for a purpose of
	// its own. A picture shows cells without any, if there are such cells, and
	// says it otherwise. nil: no value is special.
	special func(*result.Params) bool
}

// onEngine names the target that is no server.
const onEngine = "the engine"

// settings are in the order in which a subtitle names them.
var settings = []setting{
	{name: func(p *result.Params) string { return p.Workload }},
	{name: func(p *result.Params) string { return p.Load }},
	{name: func(p *result.Params) string {
		if !(p.Rate > 0) {
			return ""
		}
		return decimal(p.Rate) + "/s"
	}},
	{name: func(p *result.Params) string { return word("arrivals", p.Arrival) }},
	{name: func(p *result.Params) string { return lasting("latency limit", p.LatencyLimitNS) }},
	{name: func(p *result.Params) string {
		if p.MaxBacklog == 0 {
			return ""
		}
		return fmt.Sprintf("backlog of at most %d", p.MaxBacklog)
	}},
	{name: func(p *result.Params) string { return count(p.Clients, "client") }},
	{name: func(p *result.Params) string { return p.ClientMode }},

	{special: func(p *result.Params) bool { return p.Target != "" }, name: func(p *result.Params) string { return cmp.Or(p.Target, onEngine) }},
	{name: func(p *result.Params) string { return word("redo log buffering", p.ServerLogBuffering) }},
	{name: func(p *result.Params) string {
		if p.ServerLogOverwritten {
			return "redo log overwritten before"
		}
		return ""
	}},
	{special: func(p *result.Params) bool { return p.LongView != "" }, name: longView},
	{special: func(p *result.Params) bool { return p.BackgroundIO != "" }, name: backgroundIO},
	{special: func(p *result.Params) bool { return p.AddedFlushNS > 0 }, name: func(p *result.Params) string {
		if p.AddedFlushNS <= 0 {
			return "flushes not slowed"
		}
		return "flushes slowed on purpose to " + millis(float64(p.AddedFlushNS)) + " ms"
	}},
	{special: func(p *result.Params) bool { return p.MeasureOff }, name: either("clocks and tracker off", "clocks and tracker on",
		func(p *result.Params) bool { return p.MeasureOff })},
	{special: func(p *result.Params) bool { return p.NoDoublewrite }, name: either("no doublewrite", "doublewrite",
		func(p *result.Params) bool { return p.NoDoublewrite })},
	{special: func(p *result.Params) bool { return p.CommitProtocol != "" }, name: func(p *result.Params) string { return word("commit protocol", p.CommitProtocol) }},
	{special: func(p *result.Params) bool { return p.NoTimer }, name: func(p *result.Params) string {
		if p.NoTimer {
			return "no flush timer"
		}
		return ""
	}},
	{special: func(p *result.Params) bool { return p.Durability == "force-pages" }, name: func(p *result.Params) string {
		switch p.Durability {
		case "force-pages":
			return "commits made durable by flushing pages"
		case "redo", "":
			return "commits made durable by the log"
		}
		return "durability " + p.Durability
	}},
	{special: func(p *result.Params) bool { return p.ThinkTimeNS > 0 }, name: func(p *result.Params) string {
		return lasting("think time", p.ThinkTimeNS)
	}},
	{special: func(p *result.Params) bool { return p.TxnCPUNS > 0 }, name: func(p *result.Params) string {
		if p.TxnCPUNS <= 0 {
			return "no extra work"
		}
		return lasting("", p.TxnCPUNS) + " of work before each commit"
	}},
	{special: func(p *result.Params) bool { return p.RollbackShare > 0 }, name: func(p *result.Params) string {
		return share(p.RollbackShare, "rollbacks")
	}},

	{name: func(p *result.Params) string { return p.FlushMethod }},
	{name: func(p *result.Params) string { return word("growth", p.Growth) }},
	{name: func(p *result.Params) string { return "log buffer " + p.LogBuffer + " " + size(p.LogBufferBytes) }},
	{name: func(p *result.Params) string { return "log capacity " + size(p.LogCapacityBytes) }},
	{name: func(p *result.Params) string { return count(p.LogFiles, "log file") }},
	{name: func(p *result.Params) string { return word("group commit", p.GroupCommit) }},
	{name: gathering},
	{name: func(p *result.Params) string { return word("tail", p.Tail) }},
	{name: func(p *result.Params) string { return size(p.RecordBytes) + " a record" }},
	{name: func(p *result.Params) string { return word("sizes", p.RecordDistribution) }},
	{name: func(p *result.Params) string {
		if p.NoTimer && p.FlushIntervalNS == 0 {
			return "" // said above
		}
		return lasting("interval", p.FlushIntervalNS)
	}},
	{name: func(p *result.Params) string { return fmt.Sprintf("%d rows", p.Rows) }},
	{name: func(p *result.Params) string { return size(p.RowBytes) + " a row" }},
	{name: func(p *result.Params) string { return word("keys", p.KeyDistribution) }},
	{name: func(p *result.Params) string { return count(p.RowsPerTxn, "row") + " a transaction" }},
	{name: func(p *result.Params) string { return share(p.ReadShare, "reads") }},
	{name: func(p *result.Params) string { return word("isolation", p.Isolation) }},
	{name: func(p *result.Params) string { return "pool " + size(p.BufferPoolBytes) }},
	{name: func(p *result.Params) string {
		switch {
		case p.BinlogFormat == "" && p.SyncBinlog != nil:
			return "binlog" // of a server, whose format is its own
		case p.BinlogFormat == "":
			return "no binlog"
		}
		return "binlog format " + p.BinlogFormat
	}},
	{name: func(p *result.Params) string { return word("row image", p.BinlogRowImage) }},
	{name: func(p *result.Params) string { return word("binlog", p.BinlogMethod) }},
	{name: func(p *result.Params) string { return word("binlog growth", p.BinlogGrowth) }},
	{name: either("flushes of both logs overlap", "flushes of both logs in turn", func(p *result.Params) bool { return p.BinlogOverlap })},
}

// word names a value of an enumeration; "" where the workload has none.
func word(axis, value string) string {
	if value == "" {
		return ""
	}
	return axis + " " + value
}

// either names a setting that is on or off.
func either(on, off string, is func(*result.Params) bool) func(*result.Params) string {
	return func(p *result.Params) string {
		if is(p) {
			return on
		}
		return off
	}
}

// lasting names a duration in nanoseconds.
func lasting(axis string, ns int64) string {
	switch {
	case ns <= 0:
		return "no " + axis
	case axis == "":
		return verdict.Span(ns)
	}
	return axis + " " + verdict.Span(ns)
}

// share names a part of the transactions.
func share(part float64, what string) string {
	if !(part > 0) {
		return "no " + what
	}
	return decimal(100*part) + " % " + what
}

// backgroundIO names what else happens to the disk.
func backgroundIO(p *result.Params) string {
	if p.BackgroundIO == "" {
		return "on an idle disk"
	}
	return "beside " + p.BackgroundIO
}

// longView names what the extra session does.
func longView(p *result.Params) string {
	switch p.LongView {
	case "":
		return "no long read view"
	case "hold":
		return "beside a read view held to the end"
	}
	return "beside read views held for " + p.LongView
}

// gathering names how a group waits for commits to join it.
func gathering(p *result.Params) string {
	if p.GroupDelay == "" || p.GroupDelay == "off" || p.GroupDelay == "0s" {
		return "no gathering"
	}
	text := "delay " + p.GroupDelay
	if p.GroupDelay == "adaptive" {
		text = "gather"
	}
	if p.GroupCount > 0 {
		text += fmt.Sprintf(" or %d", p.GroupCount)
	}
	return text
}

// closedKey clears what the pictures of the closed loop show.
func closedKey(p result.Params) result.Params {
	p.Policy, p.Policy0Style, p.SyncBinlog = "", "", nil
	p.GroupDelay, p.GroupCount, p.Clients = "", 0, 0
	return ofAnyLength(p)
}

// pacedKey clears what the pictures of paced cells show: cells of different
// rates or clients are not comparable.
func pacedKey(p result.Params) result.Params {
	p.Policy, p.Policy0Style, p.SyncBinlog = "", "", nil
	return ofAnyLength(p)
}

// ofAnyLength clears how long a cell was measured, and what equals nothing, not
// even itself.
func ofAnyLength(p result.Params) result.Params {
	p.DurationS, p.WarmupNS = 0, 0
	for _, f := range []*float64{&p.Rate, &p.ReadShare, &p.RollbackShare} {
		if math.IsNaN(*f) {
			*f = 0
		}
	}
	return p
}
