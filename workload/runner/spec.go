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
	Sizes    workload.Sizes // of workload log
	// Load says what the transactions do; its zero Kind is workload log. Then
	// Database counts too: the engine without FS, folders and observers, whose
	// Options are Engine.
	Load     workload.Spec
	Database engine.DatabaseOptions
	LongView workload.LongView // of an extra session beside the Clients
	Warmup   time.Duration
	Duration time.Duration
	Track    bool // at risk
	// MeasureOff switches clocks, histograms and tracker off, to see what
	// measuring costs.
	MeasureOff bool
}

// transactional reports whether the cell runs on a database.
func (s *Spec) transactional() bool { return s.Load.Kind.Transactional() }

// sessions is how many sessions a cell's database serves.
func (s *Spec) sessions() int {
	if s.LongView.Open() {
		return s.Clients + 1
	}
	return s.Clients
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
	if s.transactional() {
		s.databaseParams(&p)
	}
	return p
}

// databaseParams adds the axes of a transactional workload.
func (s *Spec) databaseParams(p *result.Params) {
	d, l := &s.Database, &s.Load
	p.Workload, p.RecordBytes, p.RecordDistribution = l.Kind.String(), 0, ""
	p.Rows, p.RowBytes, p.KeyDistribution, p.RowsPerTxn = int64(l.Rows), int64(l.RowBytes), l.Keys.String(), l.RowsPerTxn
	if s.LongView.Open() {
		p.LongView = s.LongView.String()
	}
	p.ReadShare, p.RollbackShare = float64(l.ReadShare), float64(l.RollbackShare)
	p.Isolation, p.Durability, p.BufferPoolBytes, p.NoDoublewrite = d.Isolation.String(), d.Durability.String(), d.BufferPool, d.NoDoublewrite
	if b := &d.Binlog; b.Enabled {
		sync := d.Stages.SyncBinlog
		p.SyncBinlog = &sync
		p.BinlogFormat, p.BinlogRowImage = b.Format.String(), b.RowImage.String()
		p.BinlogMethod, p.BinlogGrowth, p.BinlogOverlap = b.Method.String(), b.Growth.String(), !d.Stages.Serial
		p.GroupDelay, p.GroupCount = d.Stages.Delay.String(), d.Stages.Count
	}
}

// logKey names the log that a cell runs on: cells whose files are alike share
// one, so that 512 MiB need not be zero-filled for each of them.
func (s *Spec) logKey() string {
	key := fmt.Sprintf("%v-%d-%d", s.Engine.Growth, s.Engine.Capacity, s.Engine.Files)
	if d := &s.Database; s.transactional() {
		key += fmt.Sprintf("-rows-%d-%d-%v", s.Load.Rows, s.Load.RowBytes, d.Durability)
	}
	return key
}

// fresh reports whether every round needs new files: after one lap there is
// nothing left of growth by appending or of unwritten extents.
func (s *Spec) fresh() bool { return s.Engine.Growth != 0 }
