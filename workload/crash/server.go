package crash

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/scenario"
	"flushbench/workload/target"
)

// ServerSetting is what a cell has of a server.
type ServerSetting struct {
	Product   target.Product
	Options   target.Settings // of its command line
	Set       target.Settings // variables of the running server
	Buffering scenario.Buffering
	Pair      target.Pair
	// Overwritten: every block of the redo log was written before the load, as on a
	// server that has run for a while. A new log's are only reserved, and which of
	// them were written is metadata that a crash may take.
	Overwritten bool
	// Timer is the server's own flush timer, TimerName its variable: what stands in
	// place of a prediction, since a server has no watermarks.
	Timer     time.Duration
	TimerName string
}

// Binlog reports whether the server has a binlog.
func (s *ServerSetting) Binlog() bool { return s.Pair.SyncBinlog >= 0 }

// innodbTick is how often InnoDB looks at its timer.
const innodbTick = time.Second

// Oldest is how old a commit may be that a crash takes where nothing is promised, but
// for the time that a flush takes. InnoDB looks at its timer once a second, by a clock
// of whole seconds, and so may come a second late (srv_sync_log_buffer_in_background
// in MariaDB and MySQL 5.7; MySQL 8 counts from flush to flush and does not).
// PostgreSQL's three delays are its manual's.
func (s *ServerSetting) Oldest() time.Duration {
	if s.Product == target.PostgreSQL {
		return s.Timer
	}
	return s.Timer + innodbTick
}

// ControlServer is a server under policy 1 that is told to flush nothing.
const ControlServer = "server-nosync"

// PostgreSQL's timer: its WAL writer flushes what synchronous_commit=off has left
// within three times wal_writer_delay, says its manual; the delay is its default.
const postgresTimer = 3 * 200 * time.Millisecond

// checkServers says what a server cannot be asked for here, beyond what the scenario
// refuses.
func (m *Matrix) checkServers() error {
	s := &m.Scenario
	if !s.Servers() {
		if len(m.Overwritten) > 0 {
			return fmt.Errorf("crash: server-log-overwritten without a server: add --target mariadbd")
		}
		return nil
	}
	innodb := false
	for _, t := range s.Targets() {
		if t.Address.Scheme != "" {
			return fmt.Errorf("crash: target %v: only a private server is crashed (mariadbd, mysqld, postgres), never one that somebody uses", t)
		}
		innodb = innodb || t.Private == target.MariaDB || t.Private == target.MySQL
	}
	switch {
	case m.faulty() != subject.NoFault:
		return fmt.Errorf("crash: fault %v with a server: faults are planted in the engine's own files; leave it out", m.faulty())
	case s.ReadShare > 0 || s.RollbackShare > 0:
		return fmt.Errorf("crash: read-share and rollback-share with a server: what changes nothing leaves no note; leave them out")
	case len(m.Overwritten) > 0 && !innodb:
		return fmt.Errorf("crash: server-log-overwritten: PostgreSQL fills its WAL with zeroes when it makes it")
	case innodb && s.FlushInterval%time.Second != 0:
		return fmt.Errorf("crash: flush-interval %v: innodb_flush_log_at_timeout has whole seconds", s.FlushInterval)
	}
	return nil
}

// onServers are c on the server of its target: one cell, or two where it matters
// whether the blocks of the redo log were written before. That is so for a log that
// goes past the page cache and is written, not flushed, at a commit.
func (m *Matrix) onServers(c Cell, s scenario.Cell) []Cell {
	overwritten := m.Overwritten
	if len(overwritten) == 0 || s.Target.Private == target.PostgreSQL {
		overwritten = scenario.List[scenario.Switch]{false}
	}
	var out []Cell
	for _, over := range overwritten {
		if len(overwritten) > 1 && (c.Policy != groupcommit.Policy2 || s.Buffering == scenario.BufferingOn) {
			over, overwritten = false, nil // the only one
		}
		x := m.onServer(c, s)
		x.Server.Overwritten = bool(over)
		if over {
			x.Name += ",log-overwritten"
		}
		out = append(out, x)
		if overwritten == nil {
			break
		}
	}
	return out
}

// onServer is c on the server of a scenario's cell, as it is set.
func (m *Matrix) onServer(c Cell, s scenario.Cell) Cell {
	x := ServerSetting{
		Product: s.Target.Private, Buffering: s.Buffering, Pair: m.Scenario.Pair(s),
		Options: target.Settings(m.Scenario.ServerOption), Set: target.Settings(m.Scenario.ServerSet),
		Timer: c.interval(), TimerName: "innodb_flush_log_at_timeout",
	}
	if x.Product == target.PostgreSQL {
		x.Timer, x.TimerName = postgresTimer, "3 x wal_writer_delay"
	}
	// What counts in intervals counts in the server's.
	c.Engine.Commit.Interval, c.Database.Commit.Interval = x.Timer, x.Timer
	// Its log is no file of ours, and grows as it likes.
	c.Engine.Growth = vfs.GrowZero
	c.Server = &x
	return c
}

// serverControls are settings of a server that must lose something: one that
// flushes nothing, and a file system that keeps the flushes to itself.
func (m *Matrix) serverControls(s scenario.Cell) []Cell {
	var out []Cell
	for _, kind := range m.Kinds {
		if kind == vfs.CrashProcess {
			continue
		}
		for _, fs := range m.FS {
			out = append(out, m.serverControl(s, kind, fs, ControlServer))
			if kind == vfs.CrashPower && fs == "ext4" {
				out = append(out, m.serverControl(s, kind, fs, ControlBarrier))
			}
		}
	}
	return out
}

func (m *Matrix) serverControl(s scenario.Cell, kind vfs.CrashKind, fs, control string) Cell {
	s.Policy, s.SyncBinlog = groupcommit.Policy1, 1
	if control == ControlServer && s.Target.Private == target.MariaDB {
		s.Buffering = scenario.BufferingOn // what O_DIRECT has written may be safe without a flush
	}
	c := m.onServer(m.setting(s), s)
	c.Kind, c.FS, c.Device, c.Control = kind, fs, m.Device, control
	c.Mkfs, c.Mount = m.Mkfs, slices.Clone(m.Mount)
	if control == ControlBarrier {
		c.Mount = append(c.Mount, "barrier=0")
	} else {
		c.Server.Options = append(slices.Clone(c.Server.Options), noSync[c.Server.Product])
	}
	c.Trials = min(m.Trials, ControlTrials)
	c.Name = fmt.Sprintf("control=%s,%v,fs=%s", control, kind, fs)
	if len(m.Scenario.Targets()) > 1 {
		c.Name += ",target=" + c.Server.Product.String()
	}
	return c
}

// noSync is the option with which a server flushes nothing.
var noSync = map[target.Product]target.Setting{
	target.MariaDB:    {Name: "innodb-flush-method", Value: "nosync"},
	target.MySQL:      {Name: "innodb-flush-method", Value: "nosync"},
	target.PostgreSQL: {Name: "fsync", Value: "off"},
}

// serverDurability is what a crash keeps depends on, for the redo log of a server: it
// flushes with fdatasync what it has written. That a write with O_DIRECT may
// survive a kernel crash without that is nothing that a server promises.
func (c *Cell) serverDurability() durability.Setting {
	return durability.Setting{
		Policy: c.Policy, Interval: c.Server.Timer, Method: vfs.Fdatasync, FileSystem: durability.FileSystem{Type: c.FS},
		Device: durability.Device{Loop: c.Kind != vfs.CrashProcess, Simulated: c.Kind != vfs.CrashProcess},
	}
}

// Promises reports whether the cell's server promises that a crash of the cell's
// kind takes nothing that was acknowledged. A prepared transaction that the binlog
// has lost is rolled back, so both logs must keep it. REQUIRES: Server is set.
func (c *Cell) Promises() bool {
	redo := c.serverDurability().Extent(durability.Kind(c.Kind)) == durability.Nothing
	return redo && (!c.Server.Binlog() || c.Kind == vfs.CrashProcess || c.Server.Pair.SyncBinlog == 1)
}

// serverTier is what each crash kind keeps of the cell, in words.
func (c *Cell) serverTier() result.Durability {
	set := c.serverDurability()
	t := set.Tier()
	if c.Server.Binlog() {
		t = set.WithBinlog(c.Server.Pair.SyncBinlog, vfs.Fdatasync)
	}
	return result.Durability{Process: t.Process, OS: t.OS, Power: t.Power, Assumes: strings.Join(set.Assumes(), "; "), Words: t.Words}
}

// Describe returns the setting as the result has it.
func (s *ServerSetting) Describe() *result.CrashServer {
	x := &result.CrashServer{Product: s.Product.String(), LogOverwritten: s.Overwritten, Timer: s.TimerName, TimerNS: int64(s.Timer)}
	if s.Buffering != scenario.BufferingOwn {
		x.LogBuffering = s.Buffering.String()
	}
	for _, o := range s.Options {
		x.Options = append(x.Options, o.Name+"="+o.Value)
	}
	for _, o := range s.Set {
		x.Set = append(x.Set, o.Name+"="+o.Value)
	}
	return x
}

// serverParams are the axes that a cell on a server has: those of the engine are
// blank.
func (c *Cell) serverParams(p result.Params) result.Params {
	return result.Params{
		Target: c.Server.Product.String(), ServerLogBuffering: c.Server.Describe().LogBuffering, ServerLogOverwritten: c.Server.Overwritten,
		Workload: p.Workload, Policy: p.Policy, SyncBinlog: p.SyncBinlog, FlushIntervalNS: int64(c.Server.Timer),
		Rows: p.Rows, RowBytes: p.RowBytes, KeyDistribution: p.KeyDistribution, RowsPerTxn: p.RowsPerTxn,
	}
}

// serverBytes is what the files of a server take at the most: system tables and
// logs as they are made, the table, what a trial writes, and the binlog of a trial.
func (c *Cell) serverBytes() int64 {
	trial := c.mostRate * (2*c.interval() + 2*time.Second).Seconds() // transactions
	change := float64(max(2, c.Load.RowsPerTxn)) * float64(c.Load.RowBytes+512)
	n := int64(serverBase) + 4*int64(c.Load.Rows)*int64(c.Load.RowBytes+128)
	if c.Server.Binlog() {
		n += int64(trial * 2 * change)
	}
	if c.Load.Kind == workload.KindInsert || c.Server.Product == target.PostgreSQL { // which never updates in place
		n += int64(trial * change)
	}
	return n
}

// serverBase is what a server's files take before anything was done: measured 35
// MB of MariaDB with ServerLog, 60 MB of PostgreSQL with four WAL segments.
const serverBase = 160 << 20

// ServerLog is the size of the redo log of a server that is crashed, in bytes:
// small, so that it is made in no time, and large enough for a trial without a
// checkpoint that hurries.
const ServerLog = 32 << 20
