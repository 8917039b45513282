package engine

import (
	"errors"
	"fmt"
	"io"

	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// Recovered is what stands on disk: the sequences saved by the checkpoint and
// the records after it.
type Recovered struct {
	Checkpoint  redo.Checkpoint
	Incarnation uint32 // the highest that was seen
	End         lsn.LSN
	EndReason   string // what stands at End instead of a record
	Records     uint64 // commit records after the checkpoint
	// Seqs holds each client's last sequence. Client c has exactly the
	// sequences 1..Seqs[c], without a gap.
	Seqs []uint64
}

// LastSeq returns the last recovered sequence of a client, 0 when none.
func (r *Recovered) LastSeq(client uint32) uint64 {
	if int64(client) >= int64(len(r.Seqs)) {
		return 0
	}
	return r.Seqs[client]
}

// Recover reads the log in dir from its checkpoint to its end without
// changing anything, and checks on the way that each client's sequences go on
// without a gap. visit, if not nil, is told of every commit record after the
// checkpoint, in log order; its error ends the reading. body is valid during
// the call.
func Recover(fs vfs.FS, dir string, visit func(client uint32, seq uint64, body []byte, end lsn.LSN) error) (Recovered, error) {
	r, err := redo.OpenReader(fs, dir)
	if err != nil {
		return Recovered{}, err
	}
	rec, err := recoverFrom(fs, dir, r, visit)
	return rec, errors.Join(err, r.Close())
}

func recoverFrom(fs vfs.FS, dir string, r *redo.Reader, visit func(uint32, uint64, []byte, lsn.LSN) error) (Recovered, error) {
	rec := Recovered{Checkpoint: r.Checkpoint()}
	var err error
	if rec.Seqs, err = readSide(fs, dir, rec.Checkpoint); err != nil {
		return rec, err
	}
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			rec.End, rec.EndReason, rec.Incarnation = r.Pos(), r.EndReason(), r.Incarnation()
			return rec, nil
		}
		if err != nil {
			return rec, err
		}
		if record.Type == redo.TypePad {
			continue
		}
		client, seq, body, ok := record.Commit()
		if !ok || client >= MaxClients {
			return rec, fmt.Errorf("engine: record at LSN %v: type %v of %d bytes is not a commit", record.Start, record.Type, len(record.Payload))
		}
		for int64(client) >= int64(len(rec.Seqs)) {
			rec.Seqs = append(rec.Seqs, 0)
		}
		if want := rec.Seqs[client] + 1; seq != want {
			return rec, fmt.Errorf("engine: record at LSN %v: client %d has sequence %d, want %d", record.Start, client, seq, want)
		}
		rec.Seqs[client] = seq
		rec.Records++
		if visit != nil {
			if err := visit(client, seq, body, record.End); err != nil {
				return rec, err
			}
		}
	}
}
