package result

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the schema that this program writes. It grows only when a field
// changes its meaning; added fields leave it alone.
const Version = 1

// The kinds of result: what Result.Kind may say.
const (
	KindRun    = "run"
	KindProbe  = "probe"
	KindCrash  = "crash"
	KindSweep  = "sweep"
	KindPlan   = "plan"
	KindLesson = "lesson"
	KindMerge  = "merge"
	KindTrace  = "trace"
)

// Kinds returns every legal value of Result.Kind.
func Kinds() []string {
	return []string{KindRun, KindProbe, KindCrash, KindSweep, KindPlan, KindLesson, KindMerge, KindTrace}
}

// Result is one result.json. It is plain data: one goroutine at a time may
// change it.
type Result struct {
	Schema      int      `json:"schema"`       // Version
	Kind        string   `json:"kind"`         // run, probe, crash, sweep, plan, lesson, merge, trace
	Name        string   `json:"name"`         // last part of the folder's name
	Complete    bool     `json:"complete"`     // false until everything asked for was measured
	Interrupted bool     `json:"interrupted"`  // the user stopped it
	ToolVersion string   `json:"tool_version"` //
	CommandLine []string `json:"command_line"` //
	Seed        uint64   `json:"seed"`         // orders the cells and drives the clients
	// Started and Finished are UTC; Finished is null while the run goes on.
	Started     time.Time       `json:"started"`
	Finished    *time.Time      `json:"finished"`
	Preset      string          `json:"preset"` // default, quick, thorough, or "" for a matrix of the user's own
	Environment Environment     `json:"environment"`
	Scenario    json.RawMessage `json:"scenario"` // every axis as validated; workload/scenario owns its shape
	Warnings    []Warning       `json:"warnings"` // about the run as a whole; the host's own are in Environment
	Limit       *LimitSummary   `json:"limit"`    // null when no limit loop ran
	// BinlogLimit is the same loop on the disk of the binlog, where that is another.
	BinlogLimit *LimitSummary `json:"binlog_limit,omitempty"`
	Cells       []Cell        `json:"cells"`
	// FlushSyscalls counts what the whole process issued, by phase. Their sum
	// equals what strace counts for the process.
	FlushSyscalls FlushSyscalls `json:"flush_syscalls"`
	BytesPlanned  int64         `json:"bytes_planned"` // the most that the run would write, said beforehand
	BytesWritten  int64         `json:"bytes_written"` //
	Probe         *Probe        `json:"probe,omitempty"`
	CrashTrials   []CrashTrial  `json:"crash_trials,omitempty"`
	Sweep         *Sweep        `json:"sweep,omitempty"` // of kind sweep
	Merge         *Merge        `json:"merge,omitempty"` // of kind merge, whose environment and cells are empty: each host has its own
	Lessons       []Lesson      `json:"lessons,omitempty"`
	Trace         *Trace        `json:"trace,omitempty"` // of kind trace
	Error         string        `json:"error,omitempty"` // why the run failed, "" when it did not
}

// End notes that what was measured is over now: interrupted, failed or complete. Why an
// interrupted one failed nobody asks.
func (r *Result) End(interrupted bool, failed error) {
	now := time.Now().UTC()
	r.Finished = &now
	r.Interrupted, r.Complete = interrupted, failed == nil && !interrupted
	if failed != nil && !interrupted {
		r.Error = failed.Error()
	}
}

// SetScenario stores v, which must marshal to JSON, as the scenario.
func (r *Result) SetScenario(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("result: scenario: %w", err)
	}
	r.Scenario = b
	return nil
}

// FlushCounts counts the system calls that make bytes durable.
type FlushCounts struct {
	Fsync       int64 `json:"fsync"`
	Fdatasync   int64 `json:"fdatasync"`
	DsyncWrites int64 `json:"dsync_writes"` // writes that return durable: O_SYNC, O_DSYNC, RWF_DSYNC
}

// Add returns the sum of c and d.
func (c FlushCounts) Add(d FlushCounts) FlushCounts {
	return FlushCounts{c.Fsync + d.Fsync, c.Fdatasync + d.Fdatasync, c.DsyncWrites + d.DsyncWrites}
}

// Sub returns c less d, for the difference of two readings of a counter.
func (c FlushCounts) Sub(d FlushCounts) FlushCounts {
	return FlushCounts{c.Fsync - d.Fsync, c.Fdatasync - d.Fdatasync, c.DsyncWrites - d.DsyncWrites}
}

// Total returns the sum over the calls.
func (c FlushCounts) Total() int64 { return c.Fsync + c.Fdatasync + c.DsyncWrites }

// FlushSyscalls splits the flushes of the whole process by phase.
type FlushSyscalls struct {
	Setup  FlushCounts `json:"setup"`  // creating and zero-filling files
	Limit  FlushCounts `json:"limit"`  // the limit loop
	Warmup FlushCounts `json:"warmup"` // warm-up of the cells, the calibration too
	Cells  FlushCounts `json:"cells"`  // measured intervals
	Drain  FlushCounts `json:"drain"`  // after a cell, until nothing is at risk
	Verify FlushCounts `json:"verify"` // reading back
	Result FlushCounts `json:"result"` // result.json and its folder
}

// Total returns the sum over the phases.
func (f FlushSyscalls) Total() FlushCounts {
	return f.Setup.Add(f.Limit).Add(f.Warmup).Add(f.Cells).Add(f.Drain).Add(f.Verify).Add(f.Result)
}
