package result

// What became of a crash: what CrashTrial.Verdict and CrashCell.Verdict may
// say, the mildest first.
const (
	// VerdictKept: recovery brought every acknowledged commit back.
	VerdictKept = "kept"
	// VerdictDiverged: every acknowledged commit is back in both logs; but one of them
	// has commits that nobody was told of and that the other lacks, as a setting
	// without two-phase commit allows.
	VerdictDiverged = "diverged"
	// VerdictLostWithin: some are gone; the policy allows it, and they are no
	// more than was at risk at that moment.
	VerdictLostWithin = "lost within the window"
	// VerdictNotPredicted: some are gone and the policy allows it, but how much
	// was at risk is not known well enough to compare: it proves nothing.
	VerdictNotPredicted = "lost, not predicted"
	// VerdictLostMore: the policy allows that some are gone, but they are more
	// than was at risk. The prediction is wrong.
	VerdictLostMore = "lost more than predicted"
	// VerdictViolation: something is gone that the policy does not allow to go,
	// or what was recovered is not what was committed.
	VerdictViolation = "violation"
)

// CrashVerdicts returns every legal verdict, the mildest first.
func CrashVerdicts() []string {
	return []string{VerdictKept, VerdictDiverged, VerdictLostWithin, VerdictNotPredicted, VerdictLostMore, VerdictViolation}
}

// CrashTrial is one crash and what recovery brought back.
type CrashTrial struct {
	Cell           string       `json:"cell"`    // Cell.Name
	Trial          int          `json:"trial"`   // 1 and up, within the cell
	Kind           string       `json:"kind"`    // process, os, power
	Control        bool         `json:"control"` // a trial that must lose something
	Moment         Moment       `json:"moment"`
	Filesystem     string       `json:"filesystem"`
	FSOptions      string       `json:"fs_options,omitempty"` // mkfs and mount options beyond the defaults
	Workload       string       `json:"workload"`
	Policy         string       `json:"policy"`
	SyncBinlog     *int         `json:"sync_binlog"`
	CommitProtocol string       `json:"commit_protocol,omitempty"` // redo-first, binlog-first; absent: two-phase commit, or no binlog
	FlushMethod    string       `json:"flush_method"`
	Acked          int64        `json:"acked"`
	Recovered      int64        `json:"recovered"` // of the acknowledged ones
	Lost           int64        `json:"lost"`      // of the acknowledged ones, from the engine and from the binlog
	EngineAhead    int64        `json:"engine_ahead"`
	BinlogAhead    int64        `json:"binlog_ahead"`
	Differences    []Difference `json:"differences,omitempty"` // the transactions behind these two; at most MaxDifferences
	// DivergedRows are the keys, ascending, under which the recovered engine and a table
	// made of the binlog hold different rows; at most MaxDivergedRows. DivergedRowCount
	// counts all.
	DivergedRows     []uint64     `json:"diverged_rows,omitempty"`
	DivergedRowCount int          `json:"diverged_row_count,omitempty"`
	Missing          int64        `json:"missing"`         // of the acknowledged ones, from one log at least: lost, or in the other alone
	SafeGone         int64        `json:"safe_gone"`       // of these, what the last sample before the crash had called safe
	LostAgeNS        int64        `json:"lost_age_ns"`     // of the oldest lost commit, at the crash
	UnackedKept      int64        `json:"unacked_present"` // found though nobody was told: allowed
	AtRiskAtCrash    *RiskAtCrash `json:"at_risk_at_crash"`
	Verdict          string       `json:"verdict"`
	Violations       []string     `json:"violations,omitempty"` // one line each; at most MaxViolations
	Unreadable       bool         `json:"unreadable,omitempty"` // the recovery itself failed: what was lost is not known
	Stalled          bool         `json:"stalled,omitempty"`    // nothing was acknowledged for longer than a flush interval before the crash: that nothing was lost proves nothing
	Damage           string       `json:"damage,omitempty"`     // why, if it was a torn page without doublewrite: no violation
	Seed             uint64       `json:"seed"`
	Fault            *CrashFault  `json:"fault,omitempty"`     // of --fault; null: none was asked for
	Evidence         string       `json:"evidence,omitempty"`  // folder beside result.json that holds what the crash left
	Reproduce        string       `json:"reproduce,omitempty"` // command line that runs this trial again
	Server           *CrashServer `json:"server,omitempty"`    // absent: the engine was crashed
	RecoveryNS       int64        `json:"recovery_ns"`         // from the restarted file system to the judge's answer
	TrialNS          int64        `json:"trial_ns"`            // the trial as a whole
}

// CrashServer is a server that was crashed: how it was set, and of a trial what was
// seen of it.
type CrashServer struct {
	Product string   `json:"product"`           // mariadb, mysql, postgres
	Options []string `json:"options,omitempty"` // of its command line, beyond those that every trial has
	Set     []string `json:"set,omitempty"`     // variables of the running server, beyond the policy
	// LogBuffering is innodb_log_file_buffering as it was asked for: off, on; "": not.
	LogBuffering   string `json:"log_buffering,omitempty"`
	LogOverwritten bool   `json:"log_overwritten"` // every block of the redo log was written before the load
	// Timer is the server's own flush timer, by the variable that sets it. It stands
	// in place of a prediction: a server has no watermarks.
	Timer   string `json:"timer"`
	TimerNS int64  `json:"timer_ns"`

	// Of a trial.
	Version string `json:"version,omitempty"`
	// LogFlags is how the redo log was open, as ServerFacts.RedoLogFlags says it; "":
	// not seen, or an older result's buffered.
	LogFlags string `json:"log_flags,omitempty"`
	// What of the redo log's files was ever written, and what was only reserved, just
	// before the crash, in bytes (FIEMAP); null: the file system does not say.
	LogWritten   *int64   `json:"log_written_bytes,omitempty"`
	LogUnwritten *int64   `json:"log_unwritten_bytes,omitempty"`
	RecoveryNS   int64    `json:"recovery_ns,omitempty"`   // from the start of the process to its first answer
	RecoverySaid []string `json:"recovery_said,omitempty"` // the server's own words about it
}

// Difference is a transaction that one log has and the other lacks.
type Difference struct {
	Log    string   `json:"log"`              // that has it: engine, binlog
	Client int      `json:"client"`           //
	Seq    uint64   `json:"seq"`              // of the client's transactions, from 1
	Number uint64   `json:"number,omitempty"` // in the binlog (GTID sequence)
	Acked  bool     `json:"acked"`            // the client was told
	Rows   []uint64 `json:"rows"`             // keys that it changes, ascending; at most MaxDivergedRows
}

// What Difference.Log may say.
const (
	LogEngine = "engine"
	LogBinlog = "binlog"
)

// The bounds of CrashTrial.Differences, and of the rows of a trial and of each of them.
const (
	MaxDifferences  = 100
	MaxDivergedRows = 200
)

// MaxViolations bounds CrashTrial.Violations; the last line says how many more
// there were.
const MaxViolations = 20

// Moment is when the crash struck.
type Moment struct {
	Frozen  bool  `json:"frozen"`   // clients were held still, so that at risk is exact
	AtNS    int64 `json:"at_ns"`    // since the load began
	EndedNS int64 `json:"ended_ns"` // likewise: when the crash was over
	// Point is the crash point of a commit at which somebody had been stopped, and all
	// others behind them; "": the crash came whatever anybody did.
	Point string `json:"point,omitempty"`
}

// RiskAtCrash is what the tracker said at that moment.
type RiskAtCrash struct {
	Commits int64 `json:"commits"`
	AgeNS   int64 `json:"age_ns"`
	// Lost is what neither log was sure to keep: the bound that the loss is held
	// against. With one log it is Commits.
	Lost int64 `json:"lost"`
	// SampleAgeNS is how long before the crash the tracker had looked last. What
	// was acknowledged since is counted as at risk.
	SampleAgeNS int64 `json:"sample_age_ns"`
	// With a binlog, what the engine and what the binlog alone may have at the
	// most: the bounds of engine_ahead and binlog_ahead.
	EngineAhead int64 `json:"engine_ahead,omitempty"`
	BinlogAhead int64 `json:"binlog_ahead,omitempty"`
}

// CrashFault is a flush that was made to fail, or a disk that was filled.
type CrashFault struct {
	Error      string `json:"error"`       // eio, enospc
	Seen       bool   `json:"seen"`        // it came before the crash did, and the engine had the time to notice; without it there was no trial of the fault
	AtNS       int64  `json:"at_ns"`       // when the flush failed, or a file met the end of the disk, since the load began; 0: not seen
	Text       string `json:"text"`        // what the engine said before the crash; "": it had not noticed
	AckedAfter int64  `json:"acked_after"` // commits acknowledged after it: above 0 is a violation
}

// CrashCell is what a cell of a crash matrix has instead of rounds: one
// combination of crash kind, file system and setting, crashed several times.
type CrashCell struct {
	Kind       string `json:"kind"`                 // process, os, power
	Filesystem string `json:"filesystem"`           // of the victim
	FSOptions  string `json:"fs_options,omitempty"` //
	Control    string `json:"control,omitempty"`    // what was broken on purpose; "": no control
	Fault      string `json:"fault,omitempty"`      // eio, enospc; "": none
	Point      string `json:"point,omitempty"`      // of a commit, at which each crash strikes; "": at any moment
	Device     string `json:"device,omitempty"`     // a partition of the user's own; "": an image
	// How the file system was made and mounted, as the kernel shows it, and what it
	// stood on.
	MkfsLine     string        `json:"mkfs,omitempty"`
	MountOptions string        `json:"mount_options"`
	Backing      string        `json:"backing,omitempty"`
	Asked        int           `json:"trials_asked"`
	Server       *CrashServer  `json:"server,omitempty"` // absent: the engine was crashed
	Summary      *CrashSummary `json:"summary"`          // null before the first trial
}

// CrashSummary condenses the trials of a cell. metrics/stats fills it.
type CrashSummary struct {
	Trials int `json:"trials"`
	Frozen int `json:"frozen"` // of them
	// Proofs are the trials that say something: commits were acknowledged until the
	// crash, the recovery worked, and the fault came if one was asked for. The others are
	// counted below; a trial may count in more than one.
	Proofs     int `json:"proofs"`
	Idle       int `json:"idle"`              // nothing was acknowledged
	Unreadable int `json:"unreadable"`        // the recovery failed
	Unstruck   int `json:"unstruck"`          // the fault did not come in time
	Stalled    int `json:"stalled,omitempty"` // nothing was acknowledged for longer than a flush interval
	// Unpredicted lost something that nobody had predicted: no proof that the
	// prediction holds.
	Unpredicted int `json:"unpredicted"`
	// RateReached is the commits a second that were acknowledged until the crash,
	// over all trials; 0: not known, or a fault ended the load.
	RateReached float64 `json:"rate_reached"`

	Verdict    string `json:"verdict"`     // the worst one
	Violations int    `json:"violations"`  // trials with one
	WithLoss   int    `json:"with_loss"`   // trials that lost something
	Acked      int64  `json:"acked"`       // sum
	LostMedian int64  `json:"lost_median"` // commits, of the proofs
	LostMax    int64  `json:"lost_max"`    //
	LostAgeMax int64  `json:"lost_age_ns_max"`
	// Of transactional workloads with a binlog; the last two are the most of one trial.
	Diverged       int   `json:"diverged,omitempty"` // trials in which one log had what the other lacks
	EngineAheadMax int64 `json:"engine_ahead_max"`
	BinlogAheadMax int64 `json:"binlog_ahead_max"`
	// Predicted is the most that was at risk at the moment of one of the
	// crashes; null when that is not known of any.
	Predicted *RiskAtCrash `json:"predicted"`
	// LossBound is, where no trial lost anything, the largest chance of a loss in
	// one crash that so many proofs leave possible at 95 %; null where some did, or
	// could not be read, and without a proof.
	LossBound *float64 `json:"loss_bound"`
	// Caught, of a control: a trial was a violation, and what was acknowledged was
	// gone. A recovery that failed is not enough.
	Caught bool `json:"caught"`
}
