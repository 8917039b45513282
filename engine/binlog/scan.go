package binlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"flushbench/engine/vfs"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// Committed is a transaction that stands in the last file.
type Committed struct {
	Xid uint64
	Seq uint64 // of its GTID
	End int64  // offset in the file after its Xid event
}

// Recovered is what Scan has found.
type Recovered struct {
	Files []File // of the index; the last one's Size is what the file has
	Clean bool   // the last file was closed: whole and durable, nothing to cut
	// Committed lists the complete transactions of the last file in order.
	// Those of earlier files were committed in the engine, durably, before
	// the file was left.
	Committed []Committed
	LastSeq   uint64 // of the last GTID up to ValidPos, over all files
	ValidPos  int64  // end of the last event in the last file after which no transaction is open
	Ended     bool   // that event is Rotate or Stop
	Reason    string // why the scan ended there, in words
	// What a crash took with it: events after the first damaged one that are
	// whole but cannot count, because the flush that would have kept the
	// damaged one was never done.
	DroppedEvents int
	DroppedTrx    int

	serverID, time uint32 // of the event that ends at ValidPos
}

// Last returns the name of the last file.
func (r Recovered) Last() string { return r.Files[len(r.Files)-1].Name }

// End returns the position of ValidPos.
func (r Recovered) End() Pos { return r.Files[len(r.Files)-1].Base + Pos(r.ValidPos) }

// Scan reads the index and the last file of the log in dir, and the heads of
// the other files. It changes nothing.
//
// flushed is a position up to which the caller knows the log to be durable, 0
// if it knows nothing. The events themselves tell of a position too, see
// Begin.Lag. What is damaged below either is a *CorruptionError, as are a
// sound event after damage that no crash can explain, a damaged head or index,
// a missing file, and events in an impossible order. A tail that a crash cut
// off or left with holes is none: the scan ends before it. A directory without
// a log gives vfs.ErrNotExist.
func Scan(fs vfs.FS, dir string, flushed Pos) (Recovered, error) {
	var r Recovered
	numbers, err := readIndex(fs, dir)
	if err != nil {
		return r, err
	}
	last := len(numbers) - 1
	for i, n := range numbers {
		w, err := openWindow(fs, dir, FileName(n))
		if errors.Is(err, vfs.ErrNotExist) {
			err = &CorruptionError{File: filepath.Join(dir, FileName(n)), Reason: "the index names it, but it is missing"}
		}
		if err != nil {
			return r, err
		}
		file := File{Name: FileName(n), Size: w.size}
		if i > 0 {
			file.Base = r.Files[i-1].Base + Pos(r.Files[i-1].Size)
		}
		r.Files = append(r.Files, file)
		if i < last {
			err = checkClosed(w)
		} else {
			err = r.scanLast(w, flushed)
		}
		if err = errors.Join(err, w.close()); err != nil {
			return r, err
		}
	}
	if err := checkOthers(fs, dir, numbers[last]); err != nil {
		return r, err
	}
	return r, checkXids(filepath.Join(dir, r.Last()), r.Committed)
}

// checkClosed reads the head of a file that is not the last one.
func checkClosed(w *window) error {
	_, g, err := readHead(w)
	if err == nil && g.inUse {
		err = w.damaged(inUseOffset, "marked as in use, but it is not the last file of the index")
	}
	return err
}

// readHead reads what every file begins with: durable before the index named
// the file, so that anything wrong with it is damage. It returns the head's end.
func readHead(w *window) (int64, *grammar, error) {
	start, err := w.at(0, magicSize)
	if err != nil {
		return 0, nil, err
	}
	if string(start) != magic {
		return 0, nil, w.damaged(0, "it does not begin as a binlog does")
	}
	g := new(grammar)
	off := int64(magicSize)
	for g.state == inHead {
		event, why, err := w.event(off)
		if err != nil {
			return 0, nil, err
		}
		if why != "" {
			return 0, nil, w.damaged(off, "in the head of the file: %s", why)
		}
		if _, _, err := g.step(event); err != nil {
			return 0, nil, w.damaged(off, "malformed: %v", err)
		}
		off += int64(len(event))
	}
	return off, g, nil
}

// scanLast reads the last file.
func (r *Recovered) scanLast(w *window, flushed Pos) error {
	off, g, err := readHead(w)
	if err != nil {
		return err
	}
	r.Clean, r.ValidPos, r.LastSeq = !g.inUse, off, g.seq
	r.serverID, r.time = g.serverID, g.time
	why := ""
	for off < w.size {
		var event []byte
		if event, why, err = w.event(off); err != nil {
			return err
		}
		if why != "" {
			break
		}
		boundary, xid, err := g.step(event)
		if err != nil {
			return w.damaged(off, "malformed: %v", err)
		}
		off += int64(len(event))
		if xid != 0 {
			r.Committed = append(r.Committed, Committed{Xid: xid, Seq: g.seq, End: off})
		}
		if boundary {
			r.ValidPos, r.LastSeq, r.Ended = off, g.seq, g.ended
			r.serverID, r.time = g.serverID, g.time
		}
	}
	known := int64(0)
	if base := r.Files[len(r.Files)-1].Base; flushed > base {
		known = int64(flushed - base)
	}
	switch {
	case why != "":
		err = r.judge(w, off, known, why)
	case g.state == inTrx:
		r.Reason = fmt.Sprintf("the file ends within transaction %v", g.trx.GTID)
	default:
		r.Reason = "end of file"
	}
	switch {
	case err != nil:
		return err
	case r.ValidPos < known:
		return w.damaged(r.ValidPos, "%s, but it was flushed up to %d", r.Reason, known)
	case r.Clean && (r.ValidPos < w.size || !r.Ended):
		return w.damaged(r.ValidPos, "%s, but it was closed", r.Reason)
	}
	return nil
}

// judge decides whether the bytes at off, where why says that there is no
// sound event, are the tail that a crash left or damage. known is the offset
// up to which the file is known to be flushed.
func (r *Recovered) judge(w *window, off, known int64, why string) error {
	if zeros, err := w.zeros(off, w.size); err != nil {
		return err
	} else if zeros {
		r.Reason = fmt.Sprintf("zeros from %d on", off)
		return nil
	}
	if off < known {
		return w.damaged(off, "%s, and it was flushed up to %d", why, known)
	}
	first := int64(0) // sound event after off
	for at := off + 1; ; {
		pos, event, err := w.next(at)
		if err != nil {
			return err
		}
		if event == nil {
			break
		}
		if first == 0 {
			first = pos
		}
		if p, err := new(Decoder).Decode(event); err == nil {
			if b, ok := p.(Begin); ok {
				r.DroppedTrx++
				if b.Lag != MaxLag && pos-int64(b.Lag) > off {
					return w.damaged(off, "%s, and it was flushed up to %d, as %v at %d says", why, pos-int64(b.Lag), b.GTID, pos)
				}
			}
		}
		r.DroppedEvents++
		at = pos + int64(len(event))
	}
	r.Reason = fmt.Sprintf("no sound event at %d: %s", off, why)
	if first == 0 {
		return nil
	}
	lost, err := lostSector(w, off)
	if err == nil && !lost {
		err = w.damaged(off, "%s, and a sound event follows at %d", why, first)
	}
	return err
}

// lostSector reports whether the event at off lacks a whole sector, as it does
// when a crash keeps later sectors of a write and not this one: the sector is
// as it was before, which is zero from off on.
func lostSector(w *window, off int64) (bool, error) {
	head, err := w.at(off, headerSize)
	if err != nil {
		return false, err
	}
	end := off + int64(len(head))
	if len(head) == headerSize {
		if h := parseHeader(head); checkHeader(h, off) == "" {
			end = off + int64(h.Size)
		}
	}
	for from := off; from < end; {
		to := (from/sector + 1) * sector
		if zeros, err := w.zeros(from, to); zeros || err != nil {
			return zeros, err
		}
		from = to
	}
	return false, nil
}

// checkXids looks for two transactions of one number.
func checkXids(path string, list []Committed) error {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Committed) int {
		switch {
		case a.Xid < b.Xid, a.Xid == b.Xid && a.End < b.End:
			return -1
		}
		return 1
	})
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Xid == sorted[i-1].Xid {
			return &CorruptionError{File: path, Offset: sorted[i].End, Reason: fmt.Sprintf("malformed: Xid %d ends transactions %d and %d", sorted[i].Xid, sorted[i-1].Seq, sorted[i].Seq)}
		}
	}
	return nil
}

// checkOthers looks for files that a damaged index no longer names.
func checkOthers(fs vfs.FS, dir string, last int) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("binlog: list %s: %w", dir, err)
	}
	for _, name := range names {
		if n, ok := fileNumber(name); ok && n > last {
			if err := checkOrphan(fs, dir, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkOrphan refuses the n-th file, if there is one and it holds
// transactions: the index does not name it, and so it must not.
func checkOrphan(fs vfs.FS, dir string, n int) error {
	w, err := openWindow(fs, dir, FileName(n))
	if errors.Is(err, vfs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for off := int64(magicSize); err == nil; {
		var event []byte
		if off, event, err = w.next(off); event == nil {
			break
		}
		if Type(event[atType]) == TypeGTID {
			err = &CorruptionError{File: filepath.Join(dir, IndexName), Reason: FileName(n) + " holds transactions, but the index does not name it"}
		}
		off += int64(len(event))
	}
	return errors.Join(err, w.close())
}
