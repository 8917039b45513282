// Package scenario holds everything that a run can be asked for in one
// validated value: a Scenario is a list of values on each axis and the
// settings that all cells share. It comes from flags, from YAML, or from both.
//
// The axes themselves, their names and their help, live in the packages that
// give them meaning; this package only collects them. One table (fields) feeds
// flags, YAML and the messages, so no name stands twice.
//
// A Scenario is plain data; nothing here measures, writes or reads a file.
package scenario

import (
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/target"
)

// Scenario is what a run is asked for. Make one with Default; Validate before
// use. In JSON sizes are bytes and durations nanoseconds; the YAML keys are the
// names of the flags.
type Scenario struct {
	// Target is what to measure, none: auto; see Targets. Start adds private servers.
	Target             List[Target]         `json:"target" yaml:"target"`
	Start              List[target.Product] `json:"start" yaml:"start"`
	ServerLogBuffering List[Buffering]      `json:"server_log_buffering" yaml:"server-log-buffering"`
	ServerSet          Assignments          `json:"server_set" yaml:"server-set"`
	ServerOption       Assignments          `json:"server_option" yaml:"server-option"` // of private servers

	Workload Kind   `json:"workload" yaml:"workload"`
	Preset   Preset `json:"preset" yaml:"preset"`

	Policy        List[groupcommit.Policy] `json:"policy" yaml:"policy"`
	Policy0Style  groupcommit.Style        `json:"policy0_style" yaml:"policy0-style"`
	FlushMethod   List[vfs.Method]         `json:"flush_method" yaml:"flush-method"`
	Growth        List[vfs.Growth]         `json:"growth" yaml:"growth"`
	FlushInterval time.Duration            `json:"flush_interval_ns" yaml:"flush-interval"` // IntervalOff: no timer
	FlushFloor    time.Duration            `json:"flush_floor_ns" yaml:"flush-floor"`       // above 0: not this disk's figures any more

	LogBuffer          List[redo.BufferKind] `json:"log_buffer" yaml:"log-buffer"`
	LogBufferSize      List[Size]            `json:"log_buffer_bytes" yaml:"log-buffer-size"`
	LogCapacity        List[Size]            `json:"log_capacity_bytes" yaml:"log-capacity"`
	LogFiles           int                   `json:"log_files" yaml:"log-files"`
	Tail               redo.Tail             `json:"tail" yaml:"tail"`
	CheckpointDistance Size                  `json:"checkpoint_distance_bytes" yaml:"checkpoint-distance"` // 0: the engine's default

	GroupCommit List[groupcommit.Strategy] `json:"group_commit" yaml:"group-commit"`
	GroupDelay  List[groupcommit.Delay]    `json:"group_delay" yaml:"group-delay"`
	GroupCount  int                        `json:"group_count" yaml:"group-count"` // 0: a delay is never cut short

	Clients    List[int]           `json:"clients" yaml:"clients"`
	ClientMode List[workload.Mode] `json:"client_mode" yaml:"client-mode"`
	Rate       List[Rate]          `json:"rate" yaml:"rate"`
	// Of paced cells; see the fields of driver.Config.
	Arrival      List[workload.Arrival] `json:"arrival" yaml:"arrival"`
	LatencyLimit time.Duration          `json:"latency_limit_ns" yaml:"latency-limit"` // 0: none
	// BackgroundIO is what happens to the disk beside the load.
	BackgroundIO List[workload.Background] `json:"background_io" yaml:"background-io"`
	MaxBacklog   int                       `json:"max_backlog" yaml:"max-backlog"` // 0: the arrivals of 10 s
	// TimeOneIn times one commit of so many where none waits for a flush; 0, as in
	// older results, and 1: each.
	TimeOneIn int `json:"time_one_in" yaml:"time-one-in"`

	RecordBytes List[workload.Sizes] `json:"record_bytes" yaml:"record-bytes"`
	ThinkTime   time.Duration        `json:"think_time_ns" yaml:"think-time"`
	TxnCPU      time.Duration        `json:"txn_cpu_ns" yaml:"txn-cpu"`

	// Of the workloads with rows: the database under them.
	SyncBinlog     List[int]                  `json:"sync_binlog" yaml:"sync-binlog"`
	CommitProtocol List[groupcommit.Protocol] `json:"commit_protocol" yaml:"commit-protocol"`
	Binlog         Switch                     `json:"binlog" yaml:"binlog"`
	BinlogFormat   List[binlog.Format]        `json:"binlog_format" yaml:"binlog-format"`
	BinlogImage    binlog.RowImage            `json:"binlog_row_image" yaml:"binlog-row-image"`
	BinlogGrowth   List[vfs.Growth]           `json:"binlog_growth" yaml:"binlog-growth"`
	BinlogOverlap  List[Switch]               `json:"binlog_overlap" yaml:"binlog-overlap"`
	MaxBinlogSize  Size                       `json:"max_binlog_bytes" yaml:"max-binlog-size"`
	BinlogCache    Size                       `json:"binlog_cache_bytes" yaml:"binlog-cache-size"`
	BufferPool     List[Size]                 `json:"buffer_pool_bytes" yaml:"buffer-pool"`
	Doublewrite    List[Switch]               `json:"doublewrite" yaml:"doublewrite"`
	Durability     List[engine.Durability]    `json:"durability" yaml:"durability"`
	Isolation      engine.Isolation           `json:"isolation" yaml:"isolation"`

	// Of the workloads with rows: the load.
	Rows            int                 `json:"rows" yaml:"rows"`
	RowBytes        int                 `json:"row_bytes" yaml:"row-bytes"`
	KeyDistribution List[workload.Keys] `json:"key_distribution" yaml:"key-distribution"`
	RowsPerTxn      List[int]           `json:"rows_per_txn" yaml:"rows-per-txn"` // 0: the workload's own
	ReadShare       workload.Share      `json:"read_share" yaml:"read-share"`
	RollbackShare   workload.Share      `json:"rollback_share" yaml:"rollback-share"`
	StatementBytes  Size                `json:"statement_bytes" yaml:"statement-bytes"` // 0: as long as it is
	UnsafeShare     workload.Share      `json:"unsafe_share" yaml:"unsafe-share"`
	// LongView is an extra session that holds a read view and reads; 0: none.
	LongView List[workload.LongView] `json:"long_view" yaml:"long-view"`

	Duration time.Duration `json:"duration_ns" yaml:"duration"` // 0: by the preset
	Warmup   time.Duration `json:"warmup_ns" yaml:"warmup"`     // below 0: by the preset
	Rounds   int           `json:"rounds" yaml:"rounds"`        // 0: by the preset
	Seed     uint64        `json:"seed" yaml:"seed"`            // 0: the runner draws one

	// CPULatency is how long an idle processor may take to wake, held for the whole run;
	// 0: it polls, nil: the machine is left as it is.
	CPULatency *time.Duration `json:"cpu_latency_ns" yaml:"cpu-latency"`

	Dir           string `json:"dir" yaml:"dir"`
	LogDir        string `json:"log_dir" yaml:"log-dir"`                 // of the redo log; "": Dir, as for the next two
	BinlogDir     string `json:"binlog_dir" yaml:"binlog-dir"`           //
	DataDir       string `json:"data_dir" yaml:"data-dir"`               // of the pages
	MaxWriteBytes Size   `json:"max_write_bytes" yaml:"max-write-bytes"` // 0: no limit

	// Asked is set when something was asked for that only a matrix of the
	// user's own answers; see Matrix.
	Asked bool `json:"matrix" yaml:"-"`

	// given are the settings that only workloads with rows have and that a flag or a file
	// asked for; see CheckGiven.
	given []string
}

// WarmupByPreset as Scenario.Warmup leaves the warm-up to the preset.
const WarmupByPreset time.Duration = -1

// Default returns the scenario of a run without flags.
func Default() Scenario {
	return Scenario{
		Policy:        List[groupcommit.Policy]{groupcommit.Policy1, groupcommit.Policy2, groupcommit.Policy0},
		FlushMethod:   List[vfs.Method]{vfs.Fdatasync},
		Growth:        List[vfs.Growth]{vfs.GrowZero},
		FlushInterval: groupcommit.DefaultInterval,
		LogBuffer:     List[redo.BufferKind]{redo.LockFree},
		LogBufferSize: List[Size]{redo.DefaultBuffer},
		LogCapacity:   List[Size]{redo.DefaultCapacity},
		LogFiles:      redo.DefaultFiles,
		GroupCommit:   List[groupcommit.Strategy]{groupcommit.Dedicated},
		GroupDelay:    List[groupcommit.Delay]{{}},
		Clients:       List[int]{1, 8, 64},
		ClientMode:    List[workload.Mode]{workload.Parked},
		TimeOneIn:     workload.DefaultTimeOneIn,
		Rate:          List[Rate]{0},
		Arrival:       List[workload.Arrival]{{}},
		RecordBytes:   List[workload.Sizes]{workload.FixedSize(workload.DefaultRecordBytes)},
		Rows:          workload.DefaultRows, RowBytes: workload.DefaultRowBytes,
		SyncBinlog:         List[int]{1},
		CommitProtocol:     List[groupcommit.Protocol]{groupcommit.TwoPhase},
		Binlog:             true,
		BinlogFormat:       List[binlog.Format]{binlog.FormatRow},
		BinlogGrowth:       List[vfs.Growth]{vfs.GrowAppend},
		BinlogOverlap:      List[Switch]{true},
		MaxBinlogSize:      binlog.DefaultMaxSize,
		BinlogCache:        binlog.DefaultCacheSize,
		BufferPool:         List[Size]{engine.DefaultBufferPool},
		Doublewrite:        List[Switch]{true},
		Durability:         List[engine.Durability]{engine.DurabilityRedo},
		KeyDistribution:    List[workload.Keys]{{}},
		RowsPerTxn:         List[int]{0},
		LongView:           List[workload.LongView]{0},
		BackgroundIO:       List[workload.Background]{{}},
		ServerLogBuffering: List[Buffering]{BufferingOwn},
		Warmup:             WarmupByPreset,
		Dir:                ".",
	}
}

// Matrix reports whether the cells are the user's own cross product (Cells)
// rather than the default run: when an axis that the default run sets itself
// was given (policy, clients, rate, client mode, group commit and its delay,
// think time), any axis has several values, or the workload has rows. Other
// settings, such as one flush method, apply to the default run as they are.
func (s *Scenario) Matrix() bool {
	return s.Asked || len(s.FlushMethod) > 1 || len(s.Growth) > 1 || len(s.LogBuffer) > 1 || len(s.LogBufferSize) > 1 || len(s.LogCapacity) > 1 ||
		len(s.RecordBytes) > 1 || len(s.KeyDistribution) > 1 || len(s.RowsPerTxn) > 1 || s.Workload.Transactional() || s.Servers()
}

// Timing returns rounds, warm-up and duration of a matrix: what was asked for,
// the rest by the preset. A paced cell of policies 0 and 2 may take longer,
// see Cell.Duration.
func (s *Scenario) Timing() Timing {
	t := matrixTimings[s.Preset]
	if s.Rounds > 0 {
		t.Rounds = s.Rounds
	}
	if s.Warmup >= 0 {
		t.Warmup = s.Warmup
	}
	if s.Duration > 0 {
		t.Duration = s.Duration
	}
	return t
}
