// Package audit says what a server that is in service keeps: what a process crash,
// a kernel crash and a power cut may take of what it has acknowledged, which of
// its settings make its policy mean less than its name says, and what to look at
// next.
//
// The rules are one pure function: [Assess] turns Facts into a Report. [Observe]
// collects the facts, by reading alone: statements of the Server's Settings and
// Counters, and on the server's machine /proc, /sys and the layout of the redo log.
// What a crash keeps for a policy and a flush method is package durability's to
// say; here stands what a server adds to it: its second log, its settings, its
// file systems.
//
// It measures no loss. What it says may be lost is the most that the settings
// allow; flushbench crash shows what really goes.
//
// INVARIANTS: nothing is changed, on the server or on its disk; no password is in
// Facts or Report.
package audit

import (
	"flushbench/engine/axis"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// Facts is everything that a Report follows from.
type Facts struct {
	Address  string // as target.Address.String gives it
	Info     target.Info
	Settings target.Settings
	Load     Load
	// Places are the folders of the server with their file systems and devices,
	// where they are on this machine and could be looked at; folders on one file
	// system are one place.
	Places []result.Place
	Redo   RedoLog
	// Writeback is about how long the kernel keeps written bytes before it sends
	// them to the device by itself, in seconds; 0: not known, 35 is taken.
	Writeback float64
	// Unknown says in sentences what could not be found out, and what it takes.
	Unknown []string
}

// RedoLog is how the server has its redo log open and what its file looks like.
type RedoLog struct {
	Path       string `json:"path,omitempty"`
	FlagsKnown bool   `json:"flags_known"` // the next two were seen in /proc
	Direct     bool   `json:"direct"`      // O_DIRECT
	Sync       bool   `json:"sync"`        // O_SYNC or O_DSYNC
	// Bytes of the file, and those of them that lie in blocks which were
	// allocated and never written; known only if LayoutKnown.
	LayoutKnown    bool  `json:"layout_known"`
	Bytes          int64 `json:"bytes"`
	UnwrittenBytes int64 `json:"unwritten_bytes"`
}

// Load is what the server did while it was watched. A figure that it does not
// count is null.
type Load struct {
	Seconds         float64  `json:"seconds"`
	CommitsPS       *float64 `json:"commits_per_s"` // transactions that changed something
	FlushesPS       *float64 `json:"flushes_per_s"` // fsync and fdatasync calls, all files
	RedoFlushesPS   *float64 `json:"redo_flushes_per_s"`
	BinlogFlushesPS *float64 `json:"binlog_flushes_per_s"`
	RedoBytes       *float64 `json:"redo_bytes_per_commit"`
	BinlogBytes     *float64 `json:"binlog_bytes_per_commit"`
	RollbacksPS     *float64 `json:"rollbacks_per_s"`
	DeadlocksPS     *float64 `json:"deadlocks_per_s"`
	// Active is how many sessions were running a statement, on average over the
	// samples, the watching one left out.
	Active *float64 `json:"active_sessions"`
}

// Extent is how much of what was acknowledged a crash may take.
type Extent uint8

// The extents, smallest first. Zero is illegal, so that nothing is safe by
// omission.
const (
	Nothing   Extent = iota + 1
	Lag              // what the log writer has not followed up on
	Groups           // a number of commit groups
	Interval         // what one flush interval acknowledges
	Unbounded        // nothing is promised
)

// Extents is the table of the extents.
var Extents = axis.Table[Extent]{
	Axis: "extent of loss",
	Values: []axis.Value[Extent]{
		{Value: Nothing, Name: "nothing", Help: "an acknowledged commit is safe"},
		{Value: Lag, Name: "milliseconds", Help: "what the log writer has not followed up on"},
		{Value: Groups, Name: "groups", Help: "a number of commit groups"},
		{Value: Interval, Name: "interval", Help: "what one flush interval acknowledges"},
		{Value: Unbounded, Name: "unbounded", Help: "nothing is promised"},
	},
}

// String returns the name of e.
func (e Extent) String() string { return Extents.Name(e) }

// MarshalText implements encoding.TextMarshaler.
func (e Extent) MarshalText() ([]byte, error) { return Extents.MarshalText(e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Extent) UnmarshalText(text []byte) error { return Extents.UnmarshalText(e, text) }

// Loss is what a crash may take from one of the logs.
type Loss struct {
	Extent Extent `json:"extent"`
	// Seconds is about how long before the crash a commit may have been
	// acknowledged and still be gone; Most is what a late timer may make of it.
	// 0 where there is no such figure, and for nothing.
	Seconds float64 `json:"seconds,omitempty"`
	Most    float64 `json:"most_seconds,omitempty"`
	Groups  int     `json:"groups,omitempty"` // of commits; any number of commits each
}

// Crash is what a crash of one kind may take.
type Crash struct {
	Kind   durability.Kind `json:"kind"`
	Tables Loss            `json:"tables"`
	Binlog *Loss           `json:"binlog"` // null: the server has none
	// Commits is the larger of the two at the rate that was seen, in commits;
	// null where there is no bound or no rate, as of a server at rest.
	Commits *float64 `json:"commits"`
	// Damaged: beyond lost commits, what stays may be damaged: pages torn or
	// missing, so that the tables as a whole are at stake.
	Damaged bool `json:"damaged"`
}

// Grade is how much a finding matters.
type Grade uint8

// The grades, gravest first. Zero is illegal.
const (
	Voids Grade = iota + 1 // the policy does not keep what its name says
	Loses                  // the policy itself gives something up
	Notes                  // worth knowing
)

// Grades is the table of the grades.
var Grades = axis.Table[Grade]{
	Axis: "grade",
	Values: []axis.Value[Grade]{
		{Value: Voids, Name: "voids", Help: "the policy does not keep what its name says"},
		{Value: Loses, Name: "loses", Help: "the policy itself gives something up"},
		{Value: Notes, Name: "note", Help: "worth knowing"},
	},
}

// String returns the name of g.
func (g Grade) String() string { return Grades.Name(g) }

// MarshalText implements encoding.TextMarshaler.
func (g Grade) MarshalText() ([]byte, error) { return Grades.MarshalText(g) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Grade) UnmarshalText(text []byte) error { return Grades.UnmarshalText(g, text) }

// Finding is one thing that the settings, or what is below them, do to durability.
type Finding struct {
	Code  string `json:"code"` // stable, so that other programs can look for it
	Grade Grade  `json:"grade"`
	Text  string `json:"text"`          // sentences
	Fix   string `json:"fix,omitempty"` // a statement, an option or a command
}

// Step is what to look at next.
type Step struct {
	Why     string `json:"why"`
	Command string `json:"command"` // SQL, or a command line of flushbench
}

// Report is the answer.
type Report struct {
	Kind     string          `json:"kind"` // "audit"
	Version  int             `json:"version"`
	Address  string          `json:"address"`
	Product  target.Product  `json:"product"`
	Server   string          `json:"server_version"`
	Local    bool            `json:"local"`
	Settings []Meaning       `json:"settings"` // in plain words, those that matter most
	All      target.Settings `json:"all_settings"`
	Places   []result.Place  `json:"places"`
	Redo     RedoLog         `json:"redo_log"`
	Load     Load            `json:"load"`
	Crashes  []Crash         `json:"crashes"` // one a kind, the mildest first
	Answer   []string        `json:"answer"`  // sentences
	Findings []Finding       `json:"findings"`
	Next     []Step          `json:"next"`
	Unknown  []string        `json:"unknown"`
}

// What Report.Kind and Report.Version say.
const (
	ReportKind    = "audit"
	ReportVersion = 1
)

// Meaning is a setting and what it does.
type Meaning struct {
	target.Setting
	Means string `json:"means"`
}

// Assess says what follows from f. It is pure.
func Assess(f *Facts) *Report {
	r := &Report{
		Kind: ReportKind, Version: ReportVersion,
		Address: f.Address, Product: f.Info.Product, Server: f.Info.Version, Local: f.Info.Local,
		All: f.Settings, Places: f.Places, Redo: f.Redo, Load: f.Load, Unknown: f.Unknown,
	}
	p := promiseOf(f)
	r.Settings = meanings(f, p)
	r.Crashes = crashes(f, p)
	r.Findings = findings(f, p, r.Crashes)
	r.Answer = answer(r, p)
	r.Next = next(f, p, r)
	return r
}
