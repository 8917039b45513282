package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Switch is on or off, as text too.
type Switch bool

// String returns on or off.
func (s Switch) String() string {
	if s {
		return "on"
	}
	return "off"
}

// MarshalText implements encoding.TextMarshaler.
func (s Switch) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads on, off, true, false, 1 or 0.
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(strings.TrimSpace(string(text))) {
	case "on", "true", "1", "yes":
		*s = true
	case "off", "false", "0", "no":
		*s = false
	default:
		return fmt.Errorf("%q: legal are on and off", text)
	}
	return nil
}

func (s *Scenario) databaseFields() []field {
	onOff := []string{"on", "off"}
	return []field{
		{name: "sync-binlog", heading: headDurability, matrix: true,
			usage: "`LIST` of after how many groups the binlog is flushed (sync_binlog); 0: never", value: &s.SyncBinlog},
		{name: "commit-protocol", heading: headDurability,
			usage: "`LIST` of how a commit keeps redo log and binlog in step" + legal(groupcommit.Protocols), values: groupcommit.Protocols.Names(), value: &s.CommitProtocol},
		{name: "binlog", alias: []string{"log-bin"}, heading: headDatabase,
			usage: "write a binlog, with two-phase commit, `SWITCH`: on, off", values: onOff, value: &s.Binlog},
		{name: "binlog-format", heading: headDatabase,
			usage: "`LIST` of what the binlog holds" + legal(binlog.Formats), values: binlog.Formats.Names(), value: &s.BinlogFormat},
		{name: "binlog-row-image", heading: headDatabase,
			usage: "columns of a changed row in the binlog, `IMAGE`" + legal(binlog.RowImages), values: binlog.RowImages.Names(), value: &s.BinlogImage},
		{name: "binlog-growth", heading: headDatabase,
			usage: "`LIST` of how binlog files get their blocks" + legal(vfs.Growths), values: vfs.Growths.Names(), value: &s.BinlogGrowth},
		{name: "binlog-overlap", heading: headDatabase,
			usage: "`LIST`: on: the log's flush of a group overlaps the binlog's of the group before; off", values: onOff, value: &s.BinlogOverlap},
		{name: "max-binlog-size", heading: headDatabase,
			usage: "`SIZE` at which the binlog goes on to its next file", value: &s.MaxBinlogSize},
		{name: "binlog-cache-size", heading: headDatabase,
			usage: "`SIZE` of a transaction's binlog cache; beyond it goes to a temporary file", value: &s.BinlogCache},
		{name: "buffer-pool", alias: []string{"innodb-buffer-pool-size"}, heading: headDatabase,
			usage: "`LIST` of sizes of the buffer pool", value: &s.BufferPool},
		{name: "doublewrite", alias: []string{"innodb-doublewrite"}, heading: headDatabase,
			usage: "`LIST` of whether pages are protected from torn writes: on, off", values: onOff, value: &s.Doublewrite},
		{name: "durability", heading: headDatabase,
			usage: "`LIST` of what makes a commit durable" + legal(engine.Durabilities), values: engine.Durabilities.Names(), value: &s.Durability},
		{name: "isolation", alias: []string{"transaction-isolation"}, heading: headDatabase,
			usage: "how long a read view lives, `LEVEL`" + legal(engine.Isolations), values: engine.Isolations.Names(), value: &s.Isolation},
	}
}

// checkDatabase says what is out of range in the database's settings, or does
// not go together.
func (s *Scenario) checkDatabase() error {
	for _, n := range s.SyncBinlog {
		if err := (groupcommit.StageConfig{SyncBinlog: n}).Validate(); err != nil {
			return err
		}
	}
	if s.Isolation == undoReadCommitted {
		for _, f := range s.BinlogFormat {
			if s.Binlog && f == binlog.FormatStatement {
				return fmt.Errorf("isolation read-committed with binlog format statement: replaying the text might see other rows; legal are row and mixed")
			}
		}
	}
	if !s.Workload.Transactional() {
		return nil
	}
	for _, m := range s.FlushMethod {
		if slices.Contains(s.Durability, engine.DurabilityForcePages) && !m.Durable() {
			return fmt.Errorf("durability force-pages with flush method %v: nothing would make a commit durable", m)
		}
	}
	for _, r := range s.Rate {
		if r.Auto() {
			return fmt.Errorf("rate auto with workload %v: only workload log is calibrated; name a rate", s.Workload)
		}
	}
	return nil
}

// canonicalDatabase sets what does not matter to the cell's database to its default.
func (s *Scenario) canonicalDatabase(c Cell) (Cell, string) {
	if !s.Workload.Transactional() || c.Durability == engine.DurabilityRedo {
		return c, ""
	}
	same := c
	c.Policy, c.GroupCommit, c.GroupDelay, c.GroupCount = groupcommit.Policy1, groupcommit.Dedicated, groupcommit.Delay{}, 0
	c.LogBuffer, c.BufferSize, c.Capacity = s.LogBuffer[0], s.LogBufferSize[0], s.LogCapacity[0]
	c.SyncBinlog, c.Protocol, c.Format, c.Binlog, c.Overlap = s.SyncBinlog[0], groupcommit.TwoPhase, s.BinlogFormat[0], s.BinlogGrowth[0], s.BinlogOverlap[0]
	if !reflect.DeepEqual(c, same) {
		return c, whyNoLog
	}
	return c, ""
}

// undoReadCommitted is the isolation level that text cannot be logged under.
const undoReadCommitted engine.Isolation = 1

// DatabaseOptions returns the database of a cell, without FS, folders and
// observers; its Options are EngineOptions. REQUIRES: a workload with rows.
func (s *Scenario) DatabaseOptions(c Cell) engine.DatabaseOptions {
	o := engine.DatabaseOptions{
		Options: s.EngineOptions(c), BufferPool: int64(c.BufferPool), NoDoublewrite: !bool(c.Doublewrite), Durability: c.Durability, Isolation: s.Isolation,
		Binlog: engine.BinlogOptions{
			Enabled: bool(s.Binlog) && c.Durability == engine.DurabilityRedo, Method: binlog.BufferedMethod(c.Method), Growth: c.Binlog,
			Format: c.Format, RowImage: s.BinlogImage, MaxSize: int64(s.MaxBinlogSize), CacheSize: int(s.BinlogCache),
		},
	}
	if o.Binlog.Enabled {
		o.Stages = groupcommit.StageConfig{SyncBinlog: c.SyncBinlog, Protocol: c.Protocol, Delay: c.GroupDelay, Count: c.GroupCount, Serial: !bool(c.Overlap),
			Ungrouped: c.GroupCommit == groupcommit.Serial}
	}
	return o
}
