package groupcommit

import (
	"fmt"

	"flushbench/engine/lsn"
)

// SecondLog is the binlog and the engine's end of a commit, as the stages
// drive them. All three write calls come in the order of the stages' locks: one
// Write at a time, one Flush at a time, one Commit at a time; a Flush may run
// beside the Write of the next group. Commits come in the order of the binlog, after
// the Write of their group; under RedoFirst a whole group's right before it.
type SecondLog interface {
	// Write copies a group's transactions into the binlog in the order of the
	// list (see Staged.Next), with as few write calls as it can.
	Write(group *Staged) error
	// Flush makes durable what was written before the call.
	Flush() error
	// Commit commits one transaction in the engine, in memory and in the log
	// buffer: no flush. It makes the change visible, gives its locks back, and
	// returns where its COMMIT ends in the redo log.
	Commit(s *Staged) (end lsn.LSN, err error)
	// Full reports whether the binlog's file should be rotated.
	Full() bool
	// Rotate starts the next file. Every transaction in the files before it is
	// committed in the engine, and the redo log is flushed up to there.
	Rotate() error
}

// StageConfig is one value on each axis that concerns the second log.
type StageConfig struct {
	// Protocol is the order in which a commit goes to the two logs, and whether it
	// is prepared before.
	Protocol Protocol
	// SyncBinlog is sync_binlog: flush the binlog with every SyncBinlog-th group
	// of the SYNC stage; 0: never.
	SyncBinlog int
	// Delay holds back: a fixed one the SYNC stage when a flush is due
	// (binlog_group_commit_sync_delay), the adaptive one the FLUSH stage.
	Delay Delay
	// Count ends the fixed delay early when so many transactions wait for the
	// SYNC stage (binlog_group_commit_sync_no_delay_count); 0: never.
	Count int
	// Serial keeps the FLUSH stage closed until the group before it has made both
	// its flushes, so that those of neighbouring groups do not overlap: until it has
	// left the SYNC stage, under BinlogFirst the COMMIT stage.
	Serial bool
	// Ungrouped takes one transaction through all stages at a time, with flushes
	// of its own: servers before group commit of the binlog. Serial, Delay and
	// Count mean nothing then.
	Ungrouped bool
}

// MaxSyncBinlog is MySQL's limit of sync_binlog.
const MaxSyncBinlog = 1<<32 - 1

// Validate says what is out of range.
func (c StageConfig) Validate() error {
	if c.SyncBinlog < 0 || c.SyncBinlog > MaxSyncBinlog {
		return fmt.Errorf("sync_binlog %d: must be 0 (never) to %d", c.SyncBinlog, MaxSyncBinlog)
	}
	if c.Count < 0 || c.Count > MaxGroupCount {
		return fmt.Errorf("group count %d: must be 0 (no limit) to %d", c.Count, MaxGroupCount)
	}
	return nil
}

// Staged is one transaction's place in the stages. It is reused from commit to
// commit without allocation: one per session.
type Staged struct {
	// Prepared is the end LSN of the transaction's PREPARE; nobody looks at it
	// where there is none.
	Prepared lsn.LSN
	// Owner belongs to the caller: what SecondLog needs to know.
	Owner any

	// Sample asks for Times to be filled in.
	Sample bool
	Times  StageTimes

	next *Staged
	err  error
	ch   chan struct{} // capacity 1
}

// StageTimes are the moments of a sampled commit, as clock.Now.
type StageTimes struct {
	Cut int64 // its group was closed in the FLUSH stage
	// Prepared: the redo log was as safe as the policy asks, with its PREPARE or,
	// under RedoFirst, its COMMIT; as Cut under BinlogFirst.
	Prepared int64
	Written  int64 // the binlog's write had returned
	Synced   int64 // the SYNC stage was done
	// Done: committed in the engine, and as safe there as it must be: flushed under
	// policy 3, under BinlogFirst as the policy asks.
	Done int64
}

// NewStaged returns an idle place for a session.
func NewStaged(owner any) *Staged { return &Staged{Owner: owner, ch: make(chan struct{}, 1)} }

// Next returns the transaction after s in its group.
func (s *Staged) Next() *Staged { return s.next }
