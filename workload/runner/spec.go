package runner

import (
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/params"
	"flushbench/workload/runner/servers"
)

// Spec is one cell of the matrix: a value on every axis.
type Spec struct {
	Name    string
	Section string         // result.SectionSpeed, SectionRisk or ""
	Engine  engine.Options // without FS, Dir and observers

	Clients int
	Mode    workload.Mode
	Rate    float64 // commits a second of all clients; 0: closed loop
	// Of a paced cell: how the arrivals lie, what is skipped and counted as
	// late (0: nothing), how much may be due and not done (0: 10 s of it).
	Arrival      workload.Arrival
	LatencyLimit time.Duration
	MaxBacklog   int
	AutoRate     bool // Rate comes from the calibration
	Think        time.Duration
	TxnCPU       time.Duration
	Sizes        workload.Sizes // of workload log
	// Load says what the transactions do; its zero Kind is workload log. Then
	// Database counts too: the engine without FS, folders and observers, whose
	// Options are Engine.
	Load     workload.Spec
	Database engine.DatabaseOptions
	// Asked names the server of a cell that runs on one. Engine and Database then say
	// only what the two have in common: policy, sync_binlog, the timer.
	Asked    servers.Asked
	LongView workload.LongView // of an extra session beside the Clients
	// Background is I/O on the redo log's disk beside the cell.
	Background workload.Background
	Warmup     time.Duration
	Duration   time.Duration
	Track      bool // at risk
	Soak       bool // the rounds are one long load, in which changes are looked for
	// TimeOneIn times one commit of so many where none waits for a flush; 0, 1: each
	// (see driver.Config).
	TimeOneIn int
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

// params returns the axes as the result names them, and the server of the cell.
func (s *Spec) params(floor time.Duration, server string) result.Params {
	p := params.Of(&s.Engine, &s.Database, &s.Load, s.Sizes)
	if s.onServer() {
		p = params.OfServer(server, s.Asked.Pair.Policy, s.Asked.Pair.SyncBinlog, &s.Load)
		p.ServerLogBuffering, floor = s.Asked.Buffering, 0
	}
	p.Load, p.Clients, p.ClientMode, p.Rate = result.LoadClosed, s.Clients, s.Mode.String(), s.Rate
	if s.paced() {
		p.Load, p.LatencyLimitNS, p.MaxBacklog = result.LoadPaced, int64(s.LatencyLimit), s.MaxBacklog
		if s.Arrival.Shape != workload.ArriveConstant {
			p.Arrival = s.Arrival.String()
		}
	}
	if s.transactional() && s.LongView.Open() {
		p.LongView = s.LongView.String()
	}
	if s.Background.Runs() {
		p.BackgroundIO = s.Background.String()
	}
	p.ThinkTimeNS, p.TxnCPUNS, p.AddedFlushNS = int64(s.Think), int64(s.TxnCPU), int64(floor)
	p.WarmupNS, p.DurationS, p.MeasureOff = int64(s.Warmup), s.Duration.Seconds(), s.MeasureOff
	return p
}

// schedule returns the arrivals of a paced cell in a round, and the seed that they
// are drawn from: the same for all cells of a round, so that what they are given
// to do does not differ, and another one in each round.
func (s *Spec) schedule(seed uint64, round int) (workload.Arrivals, uint64, error) {
	const exact = 1<<53 - 1 // as a JSON number
	seed = (seed + uint64(round)*0x9e3779b97f4a7c15) & exact
	a, err := s.Arrival.Schedule(s.Rate, seed)
	return a, seed, err
}

// logKey names the log that a cell runs on: cells whose files are alike share
// one, so that 512 MiB need not be zero-filled for each of them.
func (s *Spec) logKey() string {
	key := fmt.Sprintf("%v-%d-%d", s.Engine.Growth, s.Engine.Capacity, s.Engine.Files)
	if d := &s.Database; s.transactional() {
		key += fmt.Sprintf("-rows-%d-%d-%v", s.Load.Rows, s.Load.RowBytes, d.Durability)
		if d.NoDoublewrite { // the sizes of its data files are noted nowhere else
			key += "-bare"
		}
	}
	return key
}

// fresh reports whether every round needs new files: after one lap there is
// nothing left of growth by appending or of unwritten extents.
func (s *Spec) fresh() bool { return s.Engine.Growth != 0 }
