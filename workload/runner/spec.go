package runner

import (
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// Spec is one cell of the matrix: a value on every axis.
type Spec struct {
	Name    string
	Section string         // result.SectionSpeed, SectionRisk or ""
	Engine  engine.Options // without FS, Dir and observers

	Clients  int
	Mode     workload.Mode
	Rate     float64 // commits a second of all clients; 0: closed loop
	AutoRate bool    // Rate comes from the calibration
	Think    time.Duration
	TxnCPU   time.Duration
	Sizes    workload.Sizes
	Warmup   time.Duration
	Duration time.Duration
	Track    bool // at risk
	// MeasureOff switches clocks, histograms and tracker off, to see what
	// measuring costs.
	MeasureOff bool
}

// paced reports whether the clients follow a schedule.
func (s *Spec) paced() bool { return s.Rate > 0 || s.AutoRate }

// params returns the axes as the result names them.
func (s *Spec) params(floor time.Duration) result.Params {
	e, c := &s.Engine, &s.Engine.Commit
	load := result.LoadClosed
	if s.paced() {
		load = result.LoadPaced
	}
	p := result.Params{
		Workload: "log", Load: load,
		Policy: c.Policy.String(), Policy0Style: c.Style.String(), Clients: s.Clients, ClientMode: s.Mode.String(), Rate: s.Rate,
		FlushMethod: e.Method.String(), FlushIntervalNS: int64(c.Interval), Growth: e.Growth.String(),
		GroupCommit: c.Strategy.String(), GroupDelay: c.Delay.String(), GroupCount: c.Count,
		LogBuffer: e.BufferKind.String(), LogBufferBytes: int64(e.BufferSize), LogCapacityBytes: e.Capacity, LogFiles: e.Files, Tail: e.Tail.String(),
		RecordBytes: int64(s.Sizes.Mean()), RecordDistribution: s.Sizes.String(),
		ThinkTimeNS: int64(s.Think), TxnCPUNS: int64(s.TxnCPU), AddedFlushNS: int64(floor),
		WarmupNS: int64(s.Warmup), DurationS: s.Duration.Seconds(), MeasureOff: s.MeasureOff,
	}
	return p
}

// logKey names the log that a cell runs on: cells whose files are alike share
// one, so that 512 MiB need not be zero-filled for each of them.
func (s *Spec) logKey() string {
	return fmt.Sprintf("%v-%d-%d", s.Engine.Growth, s.Engine.Capacity, s.Engine.Files)
}

// fresh reports whether every round needs new files: after one lap there is
// nothing left of growth by appending or of unwritten extents.
func (s *Spec) fresh() bool { return s.Engine.Growth != 0 }
