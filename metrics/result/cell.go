package result

import (
	"slices"

	"flushbench/metrics"
)

// Sections: what Cell.Section may say.
const (
	SectionSpeed = "speed" // closed loop, as fast as it goes
	SectionRisk  = "risk"  // paced, the same rate for every policy: the loss window is read here
)

// What bounds a cell: what Cell.Bound may say.
const (
	BoundFlush       = "flush"
	BoundCPU         = "cpu"
	BoundBandwidth   = "bandwidth"
	BoundLogBuffer   = "log_buffer"
	BoundLogCapacity = "log_capacity"
	BoundRate        = "rate"
	BoundWriteBudget = "write_budget"
	BoundThinkTime   = "think_time"
	BoundOverloaded  = "overloaded" // the rate asked for was more than it carries
	BoundUnknown     = "unknown"
)

// Loads: what Params.Load may say.
const (
	LoadClosed = "closed"
	LoadPaced  = "paced"
)

// Cell is one combination of the axes, measured in several rounds.
type Cell struct {
	Name       string     `json:"name"`            // unique in the result
	Section    string     `json:"section"`         // speed, risk, or "" in a matrix of the user's own
	Durability Durability `json:"durability"`      //
	Bound      string     `json:"bound"`           // what limits it; see the Bound constants
	BoundText  string     `json:"bound_text"`      // the same in plain words
	Partial    bool       `json:"partial"`         // fewer rounds, or a shorter last one, than asked for
	Params     Params     `json:"params"`          //
	Rounds     []Round    `json:"rounds"`          // finished rounds, in the order of their number
	Summary    *Summary   `json:"summary"`         // null when no round is finished, and on a server when each failed
	Warnings   []Warning  `json:"warnings"`        //
	Crash      *CrashCell `json:"crash,omitempty"` // of kind crash, which has trials and no rounds
	Soak       *Soak      `json:"soak,omitempty"`  // of run --soak
}

// Durability says which crashes an acknowledged commit of the cell survives.
type Durability struct {
	Process bool   `json:"process"`
	OS      bool   `json:"os"`
	Power   bool   `json:"power"`
	Assumes string `json:"assumes"` // what must hold for that, e.g. that the device honours flushes
	Words   string `json:"words"`   // the tier in plain words
}

// Params holds the value of every axis. Enumerations are text.
type Params struct {
	Workload           string  `json:"workload"`                   // log
	Load               string  `json:"load"`                       // closed, paced
	Policy             string  `json:"policy"`                     // 0, 1, 2, 3
	Policy0Style       string  `json:"policy0_style"`              // classic, continuous; only policy 0 heeds it
	Clients            int     `json:"clients"`                    //
	ClientMode         string  `json:"client_mode"`                // parked, pipelined
	Rate               float64 `json:"rate"`                       // commits per second asked of all clients; 0: closed loop
	Arrival            string  `json:"arrival,omitempty"`          // poisson, bursty:burst=N,peak=N; absent: constant, or a closed loop
	LatencyLimitNS     int64   `json:"latency_limit_ns,omitempty"` // paced: later ones are skipped, longer ones late; 0: none
	MaxBacklog         int     `json:"max_backlog,omitempty"`      // paced: due and not done, before it is overloaded; 0: the arrivals of 10 s
	FlushMethod        string  `json:"flush_method"`               //
	FlushIntervalNS    int64   `json:"flush_interval_ns"`          // the timer of policies 0 and 2; 0: there is none
	NoTimer            bool    `json:"no_flush_timer,omitempty"`   // it was switched off
	Growth             string  `json:"growth"`                     // zero, fallocate, append
	SyncBinlog         *int    `json:"sync_binlog"`                // null: no binlog
	CommitProtocol     string  `json:"commit_protocol,omitempty"`  // redo-first, binlog-first; absent: two-phase commit, or no binlog
	GroupCommit        string  `json:"group_commit"`               // dedicated, leader, serial
	GroupDelay         string  `json:"group_delay"`                // off, adaptive, or a duration
	GroupCount         int     `json:"group_count"`                // 0: none
	LogBuffer          string  `json:"log_buffer"`                 // lockfree, mutex
	LogBufferBytes     int64   `json:"log_buffer_bytes"`           //
	LogCapacityBytes   int64   `json:"log_capacity_bytes"`         // all files
	LogFiles           int     `json:"log_files"`                  //
	Tail               string  `json:"tail"`                       // rewrite, pad
	RecordBytes        int64   `json:"record_bytes"`               // payload of a record; the mean when sizes differ
	RecordDistribution string  `json:"record_bytes_distribution"`  // fixed, uniform:a-b, lognormal:...
	ThinkTimeNS        int64   `json:"think_time_ns"`              //
	TxnCPUNS           int64   `json:"txn_cpu_ns"`                 // work that a transaction does before it commits
	AddedFlushNS       int64   `json:"added_flush_ns"`             // latency that the wrapper adds to every flush
	WarmupNS           int64   `json:"warmup_ns"`                  //
	DurationS          float64 `json:"duration_s"`                 // asked for, of each round
	MeasureOff         bool    `json:"measure_off,omitempty"`      // clocks, histogram and tracker switched off

	// Transactional workloads.
	Rows            int64   `json:"rows,omitempty"`
	RowBytes        int64   `json:"row_bytes,omitempty"` // of column c
	KeyDistribution string  `json:"key_distribution,omitempty"`
	RowsPerTxn      int     `json:"rows_per_txn,omitempty"`
	ReadShare       float64 `json:"read_share,omitempty"`
	RollbackShare   float64 `json:"rollback_share,omitempty"`
	Isolation       string  `json:"isolation,omitempty"`
	Durability      string  `json:"durability,omitempty"`  // redo, force-pages
	BufferPoolBytes int64   `json:"buffer_pool,omitempty"` //
	NoDoublewrite   bool    `json:"no_doublewrite,omitempty"`
	BinlogFormat    string  `json:"binlog_format,omitempty"`
	BinlogRowImage  string  `json:"binlog_row_image,omitempty"`
	BinlogMethod    string  `json:"binlog_method,omitempty"`
	BinlogGrowth    string  `json:"binlog_growth,omitempty"`
	BinlogOverlap   bool    `json:"binlog_overlap,omitempty"` // neighbouring groups' flushes may overlap
	LongView        string  `json:"long_view,omitempty"`      // an extra session's read views: a duration, hold; "": none
	BackgroundIO    string  `json:"background_io,omitempty"`  // on the same disk beside the load: read=SIZE/s,write=SIZE/s,random=SIZE; "": none

	// Of a cell on a real server. What of the other fields it does not set is "" or
	// 0 then: it is the server's own, and stands in Environment.Servers.
	Target             string `json:"target,omitempty"`               // mariadb, mysql, postgres; of a second one of a product mariadb-2; absent: the engine
	ServerLogBuffering string `json:"server_log_buffering,omitempty"` // on, off: innodb_log_file_buffering; absent: the server's own
	// ServerLogOverwritten: of a crash, every block of the redo log was written before.
	ServerLogOverwritten bool `json:"server_log_overwritten,omitempty"`
}

// Alone reports whether nothing runs beside the load: no long-open read view, no
// background I/O.
func (p *Params) Alone() bool { return p.LongView == "" && p.BackgroundIO == "" }

// Latency holds what a histogram shows. A percentile is null when fewer than
// 10 samples stand above it.
type Latency struct {
	Mean  int64  `json:"mean"`
	Min   int64  `json:"min"`
	P50   *int64 `json:"p50"`
	P90   *int64 `json:"p90"`
	P99   *int64 `json:"p99"`
	P999  *int64 `json:"p999"`
	Max   int64  `json:"max"`
	Count int64  `json:"count"`
	// Timed is how many of Count were timed; null: all. Each then stands for some,
	// and only stalls of 1 ms and more count for themselves alone.
	Timed *int64 `json:"timed,omitempty"`
	// SamplesAbove tells how many samples, of those that were timed, stand above each
	// percentile, also above those that are null.
	SamplesAbove SamplesAbove `json:"samples_above"`
}

// SamplesAbove counts the samples behind each percentile of a Latency.
type SamplesAbove struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
}

// LatencyOf converts what a histogram shows into its form in the file.
func LatencyOf(s metrics.Summary) Latency {
	l := Latency{
		Mean: s.Mean, Min: s.Min, Max: s.Max, Count: s.Count,
		P50: s.P50.Pointer(), P90: s.P90.Pointer(), P99: s.P99.Pointer(), P999: s.P999.Pointer(),
		SamplesAbove: SamplesAbove{P50: s.P50.Above, P90: s.P90.Above, P99: s.P99.Above, P999: s.P999.Above},
	}
	if s.Timed < s.Count {
		l.Timed = &s.Timed
	}
	return l
}

// LatencyOfHistogram is LatencyOf(h.Summary()), or null for an empty histogram.
func LatencyOfHistogram(h *metrics.Histogram) *Latency {
	if h == nil || h.Count() == 0 {
		return nil
	}
	l := LatencyOf(h.Summary())
	return &l
}

// OutOfRange counts the samples that the histogram's range does not hold.
type OutOfRange struct {
	Below int64 `json:"below"` // under 100 ns
	Above int64 `json:"above"` // over 60 s
}

// Summary condenses the finished rounds of a cell. metrics/stats fills it.
type Summary struct {
	TPS       Interval       `json:"tps"`
	LatencyNS LatencySummary `json:"latency_ns"`
	PerLimit  *Interval      `json:"tps_per_limit"` // each round's TPS divided by the same round's limit
	FlushesPS Interval       `json:"flushes_per_s"` // system calls
	GroupMean *Interval      `json:"group_size_mean"`
	BusyShare *Interval      `json:"flush_busy_share"`
	CPUNS     *Interval      `json:"cpu_ns_per_commit"`
	AtRisk    *AtRisk        `json:"at_risk"` // the worst over the rounds
	Settled   bool           `json:"settled"` // no round drifted
	// ResidentMax is the largest Memory.ResidentMax of the rounds, partial ones
	// included; null: no round has one.
	ResidentMax *int64 `json:"resident_max,omitempty"`
}

// Interval is a median over rounds with its lower and upper end.
type Interval struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	N      int     `json:"n"` // rounds that had a figure
	// Method names the interval, e.g. "lowest..highest of 5"; Confidence is the
	// probability that it covers the true median, from order statistics.
	Method     string  `json:"method"`
	Confidence float64 `json:"confidence"`
}

// LatencySummary holds an interval over rounds for each latency figure; one
// that no round shows is null.
type LatencySummary struct {
	Mean *Interval `json:"mean"`
	P50  *Interval `json:"p50"`
	P90  *Interval `json:"p90"`
	P99  *Interval `json:"p99"`
	P999 *Interval `json:"p999"`
	Max  *Interval `json:"max"`
}

// Find returns the first cell for which match holds, or nil.
func (r *Result) Find(match func(*Cell) bool) *Cell {
	i := slices.IndexFunc(r.Cells, func(c Cell) bool { return match(&c) })
	if i < 0 {
		return nil
	}
	return &r.Cells[i]
}
