package result

import (
	"maps"
	"slices"
)

// ServerFacts is a real server under test as it was found.
type ServerFacts struct {
	Target  string `json:"target"`  // as Params.Target
	Product string `json:"product"` // mariadb, mysql, postgres
	Address string `json:"address"` // without password and options
	Version string `json:"version"` // as the server says it
	Private bool   `json:"private"` // started and removed by the run
	// Settings bear on durability, as they were before anything was changed.
	Settings []ServerSetting `json:"settings"`
	// Changed are the values that the run put back at its end.
	Changed []ServerSetting `json:"changed,omitempty"`
	// RedoLogFlags says how the server has its redo log open: "O_DIRECT", "O_DSYNC" or
	// "O_SYNC", two of them with a bar between, or "buffered"; "": not known.
	RedoLogFlags string    `json:"redo_log_flags"`
	Warnings     []Warning `json:"warnings"`
}

// ServerSetting is a variable of a server.
type ServerSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // as the server spells it
}

// Server is what a cell on a real server adds to a round.
type Server struct {
	// Counters are what the server counted in the measured interval; null: they
	// could not be read.
	Counters *ServerCounters `json:"counters"`
	// CPUNSPerCommit is of all processes of the server, user and system, beside the
	// clients' of Round; null: they cannot be seen from here.
	CPUNSPerCommit *float64 `json:"cpu_ns_per_commit"`
	// ErrorsByKind counts the failures of clients: connection lost, read only, too
	// many connections, no space, other. Of deadlock and lock wait timeout it counts
	// what was tried again, over the whole cell.
	ErrorsByKind map[string]int64 `json:"errors_by_kind,omitempty"`
}

// Retried kinds of ErrorsByKind end nothing: the transaction was run again.
var retriedKinds = []string{"deadlock", "lock wait timeout"}

// Failure is the most frequent kind of what ended a round on a real server before its
// time; "": the round is whole, or ended for another reason.
func (r *Round) Failure() (kind string) {
	if !r.Partial || r.Server == nil {
		return ""
	}
	for _, k := range slices.Sorted(maps.Keys(r.Server.ErrorsByKind)) {
		if n := r.Server.ErrorsByKind[k]; n > 0 && !slices.Contains(retriedKinds, k) && (kind == "" || n > r.Server.ErrorsByKind[kind]) {
			kind = k
		}
	}
	return kind
}

// Failure is that of the cell's last round where no round has figures, since each of
// them failed; "": some have, or none was run.
func (c *Cell) Failure() (kind string) {
	for i := range c.Rounds {
		if kind = c.Rounds[i].Failure(); kind == "" {
			return ""
		}
	}
	return kind
}

// ServerCounters are counts of a server over an interval; null: it does not count
// that.
type ServerCounters struct {
	Commits       *int64 `json:"commits"`
	Rollbacks     *int64 `json:"rollbacks"`
	Flushes       *int64 `json:"flushes"`        // fsync and fdatasync, on all of its files
	RedoFlushes   *int64 `json:"redo_flushes"`   // of Flushes
	BinlogFlushes *int64 `json:"binlog_flushes"` // of Flushes
	RedoBytes     *int64 `json:"redo_bytes"`
	BinlogBytes   *int64 `json:"binlog_bytes"`
	Deadlocks     *int64 `json:"deadlocks"`
}
