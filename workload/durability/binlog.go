package durability

import (
	"fmt"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// WithBinlog is Tier for an engine with a second log: what was acknowledged
// outlives a crash only where both logs do. sync is sync_binlog, method how the
// binlog is flushed.
//
// A transaction whose PREPARE is kept and whose Xid is not is rolled back though
// it was acknowledged; one whose COMMIT is kept too stays in the engine and is
// missing in the binlog. Policy 3 flushes the COMMIT before it is acknowledged:
// the engine keeps all, and what the binlog lacks it has alone. So it does under any
// policy that flushes if the protocol is not the two-phase one: nobody is rolled back
// for what the other log lacks. There a crash between the two commits leaves one log
// with what the other lacks, too, whatever the policies are.
func (s Setting) WithBinlog(sync int, method vfs.Method) Tier {
	t := s.withBinlog(sync, method)
	if between := s.between(); between != "" {
		t.Words += "; " + between
	}
	return t
}

// between says what a crash between the commits to the two logs leaves; "": the same
// in both.
func (s Setting) between() string {
	switch s.Protocol {
	case groupcommit.RedoFirst:
		return "without two-phase commit any crash may leave the engine with transactions that the binlog lacks"
	case groupcommit.BinlogFirst:
		return "without two-phase commit any crash may leave the binlog with transactions that the engine lacks"
	}
	return ""
}

func (s Setting) withBinlog(sync int, method vfs.Method) Tier {
	t := s.Tier()
	engineKeeps := (s.Policy == groupcommit.Policy3 || s.Protocol != groupcommit.TwoPhase) && t.OS && t.Power
	var words, loss string
	switch {
	case !method.Durable():
		words, loss = "the binlog is never made durable: ", "unbounded"
	case sync == 1 || method.WriteThrough():
		return t
	case sync == 0:
		words, loss = "the binlog is not flushed at commits: ", "unbounded"
	default:
		words, loss = fmt.Sprintf("the binlog is flushed with every %d-th group: ", sync), fmt.Sprintf("%d groups", sync-1)
	}
	for _, k := range []Kind{OS, Power} {
		if t.Loss[k] == Nothing.String() {
			t.Loss[k] = loss
		}
	}
	t.OS, t.Power = false, false
	if loss == "unbounded" {
		loss = "anything that was acknowledged"
	} else {
		loss = fmt.Sprintf("up to %d acknowledged groups", sync-1)
	}
	t.Words += "; " + words + "a kernel crash or a power cut takes " + loss + " from it"
	if engineKeeps {
		t.Words += "; the engine keeps all, and is ahead of it"
	} else {
		t.Words += ", and rolls back those that only it held"
	}
	return t
}
