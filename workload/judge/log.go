package judge

import (
	"flushbench/engine"
	"flushbench/engine/lsn"
)

// read recovers and fills found.
func (t *trial) read() error {
	if t.Subject.Transactional() {
		return t.readDatabase()
	}
	return t.readLog()
}

// readLog reads workload log: what lies after the checkpoint byte for byte, what
// lies before it by the sequences that the checkpoint has saved. That a client's
// sequences go on without a gap the recovery has checked itself.
func (t *trial) readLog() error {
	bodies, err := t.Subject.Bodies()
	if err != nil {
		return err
	}
	rec, err := engine.Recover(t.FS, t.Subject.Dir, func(client uint32, seq uint64, body []byte, end lsn.LSN) error {
		if t.earlier(client, seq) {
			return nil // of an earlier trial, judged then
		}
		if err := bodies.Verify(client, seq, body); err != nil {
			t.out.HalfPresent++
			t.out.violate("client %d: sequence %d, which ends at LSN %v, is not what was committed: %v", client, seq, end, err)
		}
		return nil
	})
	t.found.end = uint64(rec.End)
	for c := range max(t.Subject.Clients, len(rec.Seqs)) {
		seq := rec.LastSeq(uint32(c))
		if c >= t.Subject.Clients && seq > 0 {
			t.out.Phantom++
			t.out.violate("client %d: sequence %d, but there are only %d clients", c, seq, t.Subject.Clients)
			continue
		}
		t.found.engine = append(t.found.engine, seq)
	}
	t.out.Books = &Books{Seqs: t.found.engine}
	return err
}

// earlier reports whether a sequence was there before this trial.
func (t *trial) earlier(client uint32, seq uint64) bool {
	return int(client) < len(t.State.Clients) && seq <= t.base(int(client))
}
