package result

// The phases of a traced commit: what TraceStep.Phase may say.
const (
	TraceStatement = "statement" // until the client asks for the commit
	TraceCommit    = "commit"    // until it is told
	TraceLater     = "later"     // what follows by itself
)

// Where bytes may stand: what the places of a TraceStep may say. "" before there are any.
const (
	PlaceMemory    = "memory"     // of the process: log buffer, binlog cache, buffer pool
	PlacePageCache = "page cache" // of the kernel: outlives the process
	PlaceDiskCache = "disk cache" // outlives the kernel, not the power
	PlaceDisk      = "disk"       // outlives all
)

// What may become of the transaction: what the outcomes of a TraceCrash may say.
const (
	FateRolledBack  = "rolled back"           // nobody was told that it is committed, and it is not
	FateRecovered   = "committed by recovery" // PREPARE in the redo log and the Xid in the binlog: recovery commits it
	FateCommitted   = "committed"             // its COMMIT is in the redo log, and the binlog has it, if there is one
	FateLost        = "lost"                  // the client was told that it is committed, and both logs lack it
	FateEngineAhead = "engine ahead"          // diverges: the engine has it, the binlog lacks it
	FateBinlogAhead = "binlog ahead"          // diverges: the binlog has it, the engine lacks it
)

// Fates returns every legal outcome, the harmless ones first.
func Fates() []string {
	return []string{FateRolledBack, FateRecovered, FateCommitted, FateEngineAhead, FateBinlogAhead, FateLost}
}

// Trace is one commit, followed through all layers.
type Trace struct {
	Workload string `json:"workload"`
	Policy   string `json:"policy"`
	// SyncBinlog is null without a binlog.
	SyncBinlog     *int   `json:"sync_binlog"`
	CommitProtocol string `json:"commit_protocol"` // "" without a binlog
	Method         string `json:"flush_method"`
	BinlogMethod   string `json:"binlog_flush_method"` // "" without a binlog
	Growth         string `json:"growth"`
	FlushInterval  int64  `json:"flush_interval_ns"` // 0: no timer
	Clients        int    `json:"clients"`           // the traced one included
	Disk           string `json:"disk"`              // real, memory
	Filesystem     string `json:"filesystem"`
	// The transaction.
	Client     int      `json:"client"`
	Statements []string `json:"statements"` // as a server would be sent them, long values cut short
	TrxID      uint64   `json:"trx_id"`     // and XID
	BinlogSeq  uint64   `json:"binlog_seq"` // its number in the binlog, 0 without one
	// Retries counts how often it was rolled back as the victim of a deadlock and begun
	// again; what is traced is the last try.
	Retries int   `json:"retries"`
	AskedNS int64 `json:"asked_ns"`        // when the client asked for the commit, ns since the begin
	AckedNS int64 `json:"acknowledged_ns"` // when it was told, ns since the begin; 0: never
	// Promise says in a sentence what an acknowledged commit survives; Assumes what must
	// hold for that.
	Promise string      `json:"promise"`
	Assumes []string    `json:"assumes"`
	Steps   []TraceStep `json:"steps"` // in the order in which they ended
	Notes   []string    `json:"notes,omitempty"`
}

// TraceStep is one step of a traced commit.
type TraceStep struct {
	Name  string `json:"name"`  // redo flushed, ...
	Phase string `json:"phase"` // statement, commit, later
	Text  string `json:"text"`  // what was done, one sentence without a full stop
	By    string `json:"by"`    // who did it: client, group, background, followers, cleaner, checkpointer, shutdown
	// BeganNS and EndedNS count from the begin of the transaction.
	BeganNS int64 `json:"began_ns"`
	EndedNS int64 `json:"ended_ns"`
	// LSN is the end of what the step appended, wrote, flushed or covered; 0: none.
	LSN        uint64 `json:"lsn"`
	BinlogFile string `json:"binlog_file,omitempty"`
	BinlogPos  int64  `json:"binlog_pos,omitempty"` // offset of the end in that file
	Page       string `json:"page,omitempty"`       // file and number of a page
	Bytes      int64  `json:"bytes,omitempty"`
	// Where the bytes are once the step has ended, each as far as it is surely safe: the
	// newest of the transaction's redo records, its events of the binlog, the page of
	// its first row.
	Redo    string       `json:"redo"`
	Binlog  string       `json:"binlog"`
	Data    string       `json:"data"`
	Acked   bool         `json:"acknowledged"` // the client has been told
	Event   int          `json:"event"`        // its number among all that was recorded
	Crashes []TraceCrash `json:"crashes"`      // by kind: process, os, power
}

// TraceCrash is what a crash at the end of a step would do to the transaction.
type TraceCrash struct {
	Kind string `json:"kind"`
	// Outcomes has more than one where it depends on what the kernel, or the disk, has
	// written by itself.
	Outcomes []string `json:"outcomes"`
}
