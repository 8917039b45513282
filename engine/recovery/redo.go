package recovery

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// Applier redoes one record on the pages that do not have it yet; it is
// (*bufpool.Pool).Apply.
type Applier func(start, end lsn.LSN, body []byte) error

// SyncLog flushes the files of the redo log. What a process that died left in
// the page cache is read as part of the log; a page that it is applied to may be
// written at any time, and no page may go before its log.
func SyncLog(fs vfs.FS, dir string, m vfs.Method) error {
	for i := range redo.MaxFiles {
		path := filepath.Join(dir, redo.FileName(i))
		f, err := fs.Open(path, m)
		if errors.Is(err, vfs.ErrNotExist) && i > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("recovery: open %s: %w", path, err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("recovery: flush %s: %w", path, err)
		}
	}
	return nil
}

// Redo reads the log in dir from its checkpoint to its end and applies every
// mini-transaction. REQUIRES: SyncLog.
func Redo(fs vfs.FS, dir string, apply Applier, rep *Report) error {
	r, err := redo.OpenReader(fs, dir)
	if err != nil {
		return err
	}
	return errors.Join(rep.redo(r, apply), r.Close())
}

func (r *Report) redo(log *redo.Reader, apply Applier) error {
	r.Checkpoint = log.Checkpoint()
	start := clock.Now()
	defer func() { r.ScanNs = clock.Now() - start - r.ApplyNs }()
	for {
		record, err := log.Next()
		if errors.Is(err, io.EOF) {
			r.End, r.EndReason, r.Incarnation = log.Pos(), log.EndReason(), log.Incarnation()
			r.Bytes = uint64(r.End - r.Checkpoint.LSN)
			return nil
		}
		if err != nil {
			return err
		}
		switch record.Type {
		case redo.TypePad:
			continue
		case redo.TypeMtr:
		default:
			return fmt.Errorf("recovery: record at LSN %v: type %v: not of a log of transactions", record.Start, record.Type)
		}
		_, body, ok := record.Mtr()
		if !ok {
			return fmt.Errorf("recovery: record at LSN %v: a mini-transaction of %d bytes", record.Start, len(record.Payload))
		}
		began := clock.Now()
		if err := apply(record.Start, record.End, body); err != nil {
			return err
		}
		r.ApplyNs += clock.Now() - began
		r.Records++
	}
}
