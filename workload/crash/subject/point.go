package subject

import (
	"flushbench/engine"
	"flushbench/engine/axis"
	"flushbench/groupcommit"
)

// Point is where in a commit to two logs a crash strikes. The zero value is Anywhere.
type Point uint8

// The points. But for the first and the last they are the engine's crash points.
const (
	Anywhere Point = iota
	BeforeRedoFlush
	BeforeBinlog
	BeforeSync
	BeforeEngine
	AfterEngine
	AfterAcknowledge
	BetweenLogs
)

// Points is the table of the axis.
var Points = axis.Table[Point]{
	Axis: "crash point",
	Values: []axis.Value[Point]{
		{Value: Anywhere, Name: "any", Help: "at a random moment, whatever anybody does"},
		{Value: BetweenLogs, Name: "between-logs", Help: "the first log of the commit protocol has the group, the second has nothing of it"},
		{Value: BeforeRedoFlush, Name: "before-redo-flush", Alias: []string{"A"}, Help: "nothing is flushed"},
		{Value: BeforeBinlog, Name: "before-binlog", Alias: []string{"B"}, Help: "the redo log is as safe as the policy asks"},
		{Value: BeforeSync, Name: "before-sync", Alias: []string{"C"}, Help: "written to the binlog, not flushed there"},
		{Value: BeforeEngine, Name: "before-engine", Alias: []string{"D"}, Help: "about to be committed in the engine"},
		{Value: AfterEngine, Name: "after-engine", Alias: []string{"E"}, Help: "committed in the engine, not flushed there"},
		{Value: AfterAcknowledge, Name: "after-acknowledge", Alias: []string{"F"}, Help: "the whole commit is done, the client about to be told"},
	},
}

// String returns the name of p.
func (p Point) String() string { return Points.Name(p) }

// MarshalText implements encoding.TextMarshaler.
func (p Point) MarshalText() ([]byte, error) { return Points.MarshalText(p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Point) UnmarshalText(text []byte) error { return Points.UnmarshalText(p, text) }

// Of returns the engine's crash point under a commit protocol; false for Anywhere.
func (p Point) Of(protocol groupcommit.Protocol) (at engine.CrashPoint, named bool) {
	switch p {
	case Anywhere:
		return 0, false
	case BetweenLogs:
		return engine.BetweenLogs(protocol), true
	}
	return engine.BeforeRedoFlush + engine.CrashPoint(p-BeforeRedoFlush), true
}
