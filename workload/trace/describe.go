package trace

import (
	"slices"

	"flushbench/metrics/result"
	"flushbench/workload"
)

// maxStatement is how much of a statement is kept.
const maxStatement = 120

// sql is a statement as a server would be sent it, long values cut short.
func sql(op *workload.Op) string {
	short := *op
	short.SQLBytes = 0
	if len(short.Value) > 16 {
		short.Value = append(slices.Clone(short.Value[:13]), "..."...)
	}
	text := string(short.AppendSQL(nil))
	if len(text) > maxStatement {
		text = text[:maxStatement-3] + "..."
	}
	return text
}

// logsRows reports whether the binlog gets the rows of a statement, and not its text.
func (r *run) logsRows(unsafe bool) bool {
	return r.db.Options().Binlog.Format.Rows(unsafe)
}

// describe says what was traced.
func (r *run) describe(b *builder) {
	t, o := &r.out, r.db.Options()
	t.Workload, t.Policy = r.cfg.Load.Kind.String(), o.Commit.Policy.String()
	t.Method, t.Growth, t.Clients, t.Client = o.Method.String(), o.Growth.String(), r.cfg.Clients, traced
	if !o.Commit.NoTimer {
		t.FlushInterval = int64(o.Commit.FlushInterval())
	}
	t.Disk, t.Filesystem = "real", r.cfg.FileSystem.Type
	if r.cfg.Memory {
		t.Disk = "memory"
	}
	t.TrxID, t.BinlogSeq = b.id(), r.first.seq
	set := r.cfg.setting()
	tier := set.Tier()
	if o.Binlog.Enabled {
		sync := o.Stages.SyncBinlog
		t.SyncBinlog, t.CommitProtocol, t.BinlogMethod = &sync, o.Stages.Protocol.String(), o.Binlog.Method.String()
		tier = set.WithBinlog(sync, o.Binlog.Method)
	}
	t.Promise, t.Assumes = tier.Words, set.Assumes()
	if !o.Method.Durable() {
		t.Notes = append(t.Notes, "flush method "+t.Method+": once pages are written or a checkpoint is taken, a crash may leave files that cannot be recovered at all")
	}
	if t.Retries > 0 {
		t.Notes = append(t.Notes, "it was the victim of a deadlock and begun again; this is its last try")
	}
	if !slices.ContainsFunc(t.Steps, func(s result.TraceStep) bool { return s.Name == "checkpoint" }) {
		t.Notes = append(t.Notes, "no checkpoint was taken beyond the transaction")
	}
}

// id is the transaction's.
func (b *builder) id() (id uint64) {
	for i := range b.events {
		if e := &b.events[i]; e.kind == evAppended {
			return uint64(e.id)
		}
	}
	return 0
}
