package result

// Round is one measured interval of one cell.
type Round struct {
	Round     int     `json:"round"`      // 1, 2, ...: the same number as the limit loop's
	Order     int     `json:"order"`      // place in the seeded random order of the round, from 1
	StartedNS int64   `json:"started_ns"` // begin of the measured interval, since Result.Started
	DurationS float64 `json:"duration_s"` // length of the measured interval
	TPS       float64 `json:"tps"`        // Commits / DurationS
	Commits   int64   `json:"commits"`    // acknowledged in the measured interval
	Errors    int64   `json:"errors"`     // commits that failed
	Partial   bool    `json:"partial"`    // ended before its time

	LatencyNS     Latency      `json:"latency_ns"`
	Histogram     string       `json:"histogram"` // of the latency: HDR V2, compressed, base64
	OutOfRange    OutOfRange   `json:"out_of_range"`
	ServiceNS     *Latency     `json:"service_ns"`      // from the call itself; null in a closed loop, where it is the latency
	ScheduleLagNS *ScheduleLag `json:"schedule_lag_ns"` // the pacer's own lateness; null in a closed loop
	OpenLoop      *OpenLoop    `json:"open_loop,omitempty"`

	Flushes        Flushes       `json:"flushes"`
	FlushNS        *Latency      `json:"flush_ns"` // duration of the flush calls
	FlushHistogram string        `json:"flush_histogram"`
	Bytes          Bytes         `json:"bytes"`
	GroupSizeMean  float64       `json:"group_size_mean"` // commits per flush that had any; 0: none
	Groups         int64         `json:"groups"`          // flushes that covered a commit
	GroupSizes     []GroupBucket `json:"group_sizes"`
	BytesPerFlush  float64       `json:"bytes_per_flush_mean"`

	Limit RoundLimit `json:"limit"`
	// FlushBusyShare is the share of the interval with a flush in flight while
	// somebody waited for one; null when nobody ever waits (policies 0 and 2).
	FlushBusyShare  *float64    `json:"flush_busy_share"`
	CPUNSPerCommit  float64     `json:"cpu_ns_per_commit"` // of the process, user and system
	Idle            Idle        `json:"idle"`
	MallocsPerTxn   *float64    `json:"mallocs_per_commit"`
	StagesNS        Stages      `json:"stages_ns"`
	AtRisk          *AtRisk     `json:"at_risk"` // null when not tracked
	AtRiskSeries    *RiskSeries `json:"at_risk_series"`
	Series          *Series     `json:"series"`
	Stalls          Stalls      `json:"stalls"`
	Checkpoints     int64       `json:"checkpoints"`
	LittlesLaw      *LittlesLaw `json:"littles_law"` // null on paced cells
	Verify          *Verify     `json:"verify"`      // null when not verified
	DrainNS         int64       `json:"drain_ns"`    // after the interval, until nothing was at risk
	WarmupCommits   int64       `json:"warmup_commits"`
	Background      *Background `json:"background,omitempty"` // I/O beside the cell, warm-up included; null: none was asked for
	StealPercent    float64     `json:"steal_percent"`        // of all processors' time, taken by the hypervisor during the interval
	StealNS         int64       `json:"steal_ns,omitempty"`   // the same as processor time, summed over processors, in steps of 10 ms
	Disturbed       bool        `json:"disturbed,omitempty"`  // of a sweep: because of that it decided nothing
	ThrottledNS     int64       `json:"throttled_ns"`         // CPU quota used up
	ContextSwitches *int64      `json:"context_switches"`     // of the process; null: unknown
	Warnings        []Warning   `json:"warnings"`
	Memory          *Memory     `json:"memory,omitempty"`   // of the process; null: the system does not say, or an older result
	Database        *Database   `json:"database,omitempty"` // transactional workloads, on the engine
	Server          *Server     `json:"server,omitempty"`   // of a cell on a real server

	// OtherCPUPercent is what other processes took of all processors' time, from the begin
	// of the warm-up to the end of the interval; null: unknown, as in older results.
	OtherCPUPercent *float64 `json:"other_cpu_percent,omitempty"`
}

// Database is what a transactional workload adds to a round, counted in the
// measured interval unless it says otherwise.
type Database struct {
	Rollbacks    int64 `json:"rollbacks"` // that the workload asked for
	ReadOnly     int64 `json:"read_only"` // of the commits: they changed nothing
	Deadlocks    int64 `json:"deadlocks"`
	LockTimeouts int64 `json:"lock_timeouts"`
	LockWaits    int64 `json:"lock_waits"`
	LockWaitNS   int64 `json:"lock_wait_ns"`

	HitRate            float64          `json:"hit_rate"`      // of page requests, 0 to 1
	PagesFlushed       map[string]int64 `json:"pages_flushed"` // by reason
	DataFlushes        int64            `json:"data_flushes"`  // of data files
	DoublewriteBytes   int64            `json:"doublewrite_bytes"`
	DoublewriteFlushes int64            `json:"doublewrite_flushes"`
	FreeCheckStalls    int64            `json:"free_check_stalls"` // users that waited for room in the log
	FreeCheckNS        int64            `json:"free_check_ns"`
	PoolBytes          int64            `json:"pool_bytes"` // memory of the buffer pool

	RedoBytes             int64   `json:"redo_bytes,omitempty"` // of redo log; absent: unknown
	CheckpointAgeMax      int64   `json:"checkpoint_age_max"`   // bytes, over the samples
	CheckpointAgeCapacity int64   `json:"checkpoint_age_capacity"`
	CheckpointAge         []int64 `json:"checkpoint_age"` // bytes, at SampleNS
	HistoryLengthMax      int64   `json:"history_length_max"`
	HistoryLengthMean     float64 `json:"history_length_mean"`
	HistoryLength         []int64 `json:"history_length"` // undo logs that purge has not reached, at SampleNS
	SampleNS              []int64 `json:"sample_ns"`      // since the begin of the interval
	PurgedLogs            int64   `json:"purged_logs"`    //
	UndoBytes             int64   `json:"undo_bytes"`     //

	Binlog   *Binlog   `json:"binlog,omitempty"`
	LongView *LongView `json:"long_view,omitempty"` // null: no such session
}

// LongView is what the extra session did that reads the table, row by row and over
// again, through a read view that it keeps open.
type LongView struct {
	Rows      int64   `json:"rows"` // that it looked up in the interval
	RowsPS    float64 `json:"rows_per_s"`
	Views     int64   `json:"views"`       // opened, over the whole cell
	Passes    int64   `json:"passes"`      // through the whole table in one view, over the whole cell; each saw the same rows as the first one of its view
	CatchUpNS int64   `json:"catch_up_ns"` // after the cell, until purge had worked off what the view had kept; 0: not waited for
	Left      int64   `json:"left"`        // undo logs that purge had not reached then
}

// Binlog counts the stages and the second log.
type Binlog struct {
	FlushGroups   int64 `json:"flush_groups"` // of the FLUSH stage
	SyncGroups    int64 `json:"sync_groups"`
	CommitGroups  int64 `json:"commit_groups"`
	CommitFlushes int64 `json:"commit_flushes"` // of the binlog, that commits waited for: every sync_binlog-th SYNC group
	Rotations     int64 `json:"rotations"`
	Transactions  int64 `json:"transactions"`
	Bytes         int64 `json:"bytes"`
	Spills        int64 `json:"spills"` // transactions' caches that went to a temporary file
	SpilledBytes  int64 `json:"spilled_bytes"`
	GatherNS      int64 `json:"gather_ns"`
}

// Background is I/O on the redo log's disk that has nothing to do with the commits.
type Background struct {
	DurationS float64         `json:"duration_s"`
	Achieved  float64         `json:"achieved"` // share of what was asked for that was done, at most 1; of the kind that fell behind most
	Read      *BackgroundKind `json:"read"`     // null: none was asked for
	Write     *BackgroundKind `json:"write"`
}

// BackgroundKind is what the reads or the writes came to.
type BackgroundKind struct {
	Operations int64   `json:"operations"`
	BytesPS    float64 `json:"bytes_per_s"`
	Skipped    int64   `json:"skipped"` // left out: more than a second late
	LatencyNS  Latency `json:"latency_ns"`
}

// ScheduleLag is how late the pacer itself was: begin of a transaction less
// its intended start, where the client was idle.
type ScheduleLag struct {
	P50   *int64 `json:"p50"`
	P99   *int64 `json:"p99"`
	Max   int64  `json:"max"`
	Count int64  `json:"count"`
}

// OpenLoop is what became of the arrivals of a paced round, counted in the measured
// interval. BacklogBegin + Offered = commits + rollbacks + Skipped + BacklogEnd.
type OpenLoop struct {
	Seed    uint64 `json:"seed"`    // of the schedule
	Offered int64  `json:"offered"` // intended starts
	Skipped int64  `json:"skipped"` // never started: later than latency_limit_ns, or beyond max_backlog
	Late    int64  `json:"late"`    // commits that took longer than latency_limit_ns
	// Due, and neither done nor skipped; what is under way counts.
	BacklogBegin int64 `json:"backlog_begin"`
	BacklogEnd   int64 `json:"backlog_end"`
	BacklogMax   int64 `json:"backlog_max"`
	// Overloaded: what was offered and not done grew over the whole interval, or
	// beyond max_backlog. The latencies then depend on how long the round lasted.
	Overloaded       bool   `json:"overloaded"`
	ServiceHistogram string `json:"service_histogram"`      // HDR V2, compressed, base64
	LagHistogram     string `json:"schedule_lag_histogram"` // the same; empty: nobody was ever idle
}

// Reasons for a flush: the keys of Flushes.ByReason.
const (
	ReasonCommit     = "commit"
	ReasonTimer      = "timer"
	ReasonCheckpoint = "checkpoint"
	ReasonWAL        = "wal"
	ReasonRotation   = "rotation"
	ReasonBuffer     = "buffer" // a full log buffer
	ReasonClose      = "close"
)

// Flushes counts flushes at three depths: asked by the engine, issued as
// system calls, seen by the device.
type Flushes struct {
	Asked    int64 `json:"asked"`
	Syscalls int64 `json:"syscalls"` // Fsync + Fdatasync + DsyncWrites
	// Device is what /proc/diskstats counted for the leaf device; null where
	// it cannot be told. DeviceNote says why it may differ from Syscalls.
	Device     *int64 `json:"device"`
	DeviceNote string `json:"device_note"`
	// DeviceSyscalls are those of Syscalls that went to the devices of Device, where
	// some went elsewhere; absent: all.
	DeviceSyscalls *int64           `json:"device_syscalls,omitempty"`
	Redo           int64            `json:"redo"`      // asked, for the redo log
	Binlog         int64            `json:"binlog"`    // asked, for the binlog
	ByReason       map[string]int64 `json:"by_reason"` // asked, by the Reason constants
	Fsync          int64            `json:"fsync"`
	Fdatasync      int64            `json:"fdatasync"`
	DsyncWrites    int64            `json:"dsync_writes"`
}

// Bytes counts what was written in the interval.
type Bytes struct {
	Log    int64  `json:"log"`    // to the log files, rewritten tails included
	Writes int64  `json:"writes"` // write calls
	Device *int64 `json:"device"` // what the leaf device saw, other processes included; null: unknown
}

// GroupBucket counts the commit groups of SizeMin to SizeMax commits.
type GroupBucket struct {
	SizeMin int64 `json:"size_min"`
	SizeMax int64 `json:"size_max"`
	Groups  int64 `json:"groups"`
	Commits int64 `json:"commits"`
}

// RoundLimit is the limit loop of the same round.
type RoundLimit struct {
	FlushPerS  float64  `json:"flush_per_s"`
	FlushNSP50 *int64   `json:"flush_ns_p50"`
	BusyShare  *float64 `json:"busy_share"` // share of the loop's time with the flush in flight
}

// Idle tells how much of the interval nothing happened.
type Idle struct {
	CPUShare  *float64 `json:"cpu_share"`     // of the machine's CPU time; null: unknown
	Unawaited *float64 `json:"unawaited"`     // share of the interval in which nobody waited for a flush; null: not measured
	Flusher   *float64 `json:"flusher_share"` // share of the interval without a flush in flight; null: not measured
}

// Stages are the sampled parts of a commit's latency.
type Stages struct {
	Samples int64  `json:"samples"`
	Execute *Stage `json:"execute,omitempty"` // transactional workloads: the statements, lock waits among them
	Buffer  *Stage `json:"buffer"`            // waiting for space in the log buffer, and the copy
	Group   *Stage `json:"group"`             // waiting for the group's turn
	Write   *Stage `json:"write"`             // the write call
	Flush   *Stage `json:"flush"`             // the flush call
	// With a binlog: PREPARE as safe as the policy asks, the binlog's write, the
	// SYNC stage (queue, delay, flush), the COMMIT stage (queue, engine commit).
	Prepare     *Stage `json:"prepare,omitempty"`
	BinlogWrite *Stage `json:"binlog_write,omitempty"`
	BinlogFlush *Stage `json:"binlog_flush,omitempty"`
	Engine      *Stage `json:"engine,omitempty"`
	Wakeup      *Stage `json:"wakeup"` // from the end of the last one until the client runs
}

// Stage is one part of a commit's latency; null where a policy has no such part.
type Stage struct {
	Mean int64  `json:"mean"`
	P99  *int64 `json:"p99"`
}

// AtRisk tells, per crash kind, what had been acknowledged and was not yet
// safe at the worst moment.
type AtRisk struct {
	Process Risk `json:"process"`
	OS      Risk `json:"os"`
	Power   Risk `json:"power"`
}

// Risk is the loss window of one crash kind.
type Risk struct {
	CommitsMax int64  `json:"commits_max"`
	BytesMax   int64  `json:"bytes_max"`
	AgeNSMax   int64  `json:"age_ns_max"` // since the oldest was acknowledged
	AgeNSP99   *int64 `json:"age_ns_p99"` // over the samples; null when too few
	Samples    int64  `json:"samples"`
	Truncated  bool   `json:"truncated"` // the tracker was full: the figures are lower bounds
	// With a binlog CommitsMax counts what either log would lack. Of them, at the
	// worst moment each: what the binlog would have alone (Xid kept, PREPARE not),
	// and what the engine would (COMMIT kept, Xid not).
	BinlogAheadMax int64 `json:"binlog_ahead_max,omitempty"`
	EngineAheadMax int64 `json:"engine_ahead_max,omitempty"`
	// LostMax counts those that neither log would have, at their worst moment, to
	// within the transactions that were being acknowledged.
	LostMax int64 `json:"lost_max,omitempty"`
}

// RiskSeries is the sawtooth: commits at risk over time, thinned so that the
// peaks and the troughs stay. The slices have equal lengths.
type RiskSeries struct {
	TNS     []int64 `json:"t_ns"` // since the begin of the interval
	Process []int64 `json:"process"`
	OS      []int64 `json:"os"`
	Power   []int64 `json:"power"`
}

// Series is the interval cut into buckets. The slices have equal lengths.
type Series struct {
	IntervalNS    int64   `json:"interval_ns"` // length of a bucket
	Commits       []int64 `json:"commits"`
	LatencyMeanNS []int64 `json:"latency_mean_ns"`
	LatencyMaxNS  []int64 `json:"latency_max_ns"`
}

// Stalls counts waits for space.
type Stalls struct {
	Buffer   int64 `json:"buffer"`    // full log buffer
	Log      int64 `json:"log"`       // full log: the checkpoint had to move
	BufferNS int64 `json:"buffer_ns"` // time waited, summed over clients
	LogNS    int64 `json:"log_ns"`
}

// LittlesLaw compares the clients with throughput x mean latency, which must
// agree in a closed loop without think time.
type LittlesLaw struct {
	Clients     int     `json:"clients"`
	TPSxLatency float64 `json:"tps_x_latency"` // clients' worth of work in flight
	Error       float64 `json:"error"`         // TPSxLatency / Clients - 1
}

// Verify is what reading the log back after the round showed.
type Verify struct {
	OK      bool   `json:"ok"`
	Records int64  `json:"records"`
	FromLSN uint64 `json:"from_lsn"`
	ToLSN   uint64 `json:"to_lsn"`
	Error   string `json:"error,omitempty"`
}
