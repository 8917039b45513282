package binlog

import (
	"bytes"
	"errors"
	"fmt"
)

// Decoder reads the contents of events. A row event can only be read after the
// table map before it, so that one Decoder must see the events of a file in
// order. The zero value is ready; it is not safe for concurrent use.
type Decoder struct {
	table TableMap
	known bool
	raw   []byte // of the table map that into has read last
}

var errShort = errors.New("too short")

// Decode reads the body of an event whose frame is sound (header, size and
// CRC). What is returned points into event. An error says what is wrong with
// the body, without file and offset.
func (d *Decoder) Decode(event []byte) (Payload, error) {
	if len(event) < minEvent {
		return nil, errShort
	}
	h := parseHeader(event)
	b := event[headerSize : len(event)-trailerSize]
	p, err := d.decode(h, b)
	if err != nil {
		return nil, fmt.Errorf("%v event: %w", h.Type, err)
	}
	return p, nil
}

func (d *Decoder) decode(h Header, b []byte) (Payload, error) {
	switch h.Type {
	case TypeFormatDescription:
		return decodeFormat(h, b)
	case TypeGTIDList:
		return decodeGTIDList(b)
	case TypeCheckpoint:
		if len(b) < 4 || int64(len(b)-4) < int64(le.Uint32(b)) {
			return nil, errShort
		}
		return Checkpoint{string(b[4 : 4+le.Uint32(b)])}, nil
	case TypeGTID:
		return decodeBegin(h, b)
	case TypeTableMap:
		t, err := decodeTableMap(b)
		d.table, d.known = t, err == nil
		return t, err
	case TypeWriteRows, TypeUpdateRows, TypeDeleteRows:
		var p Rows
		err := d.decodeRows(&p, h, b)
		return p, err
	case TypeQuery:
		return decodeQuery(b)
	case TypeXid:
		if len(b) != 8 {
			return nil, errShort
		}
		return Xid{le.Uint64(b)}, nil
	case TypeRotate:
		if len(b) <= 8 {
			return nil, errShort
		}
		return Rotate{File: string(b[8:]), Pos: le.Uint64(b)}, nil
	case TypeStop:
		return Stop{}, nil
	}
	return nil, errors.New("of a type that this log does not write")
}

func decodeFormat(h Header, b []byte) (Payload, error) {
	if len(b) < 2+versionSize+4+1 {
		return nil, errShort
	}
	if v := le.Uint16(b); v != binlogVersion {
		return nil, fmt.Errorf("binlog version %d, want %d", v, binlogVersion)
	}
	version, _, _ := bytes.Cut(b[2:2+versionSize], []byte{0})
	if n := b[2+versionSize+4]; n != headerSize {
		return nil, fmt.Errorf("headers of %d bytes, want %d", n, headerSize)
	}
	if alg := b[len(b)-1]; alg != checksumCRC32 {
		return nil, fmt.Errorf("checksum algorithm %d, want %d (CRC-32)", alg, checksumCRC32)
	}
	return FormatDescription{Server: string(version), Created: le.Uint32(b[2+versionSize:]), InUse: h.Flags&flagInUse != 0}, nil
}

func decodeGTIDList(b []byte) (Payload, error) {
	if len(b) < 4 {
		return nil, errShort
	}
	n := int(le.Uint32(b) & (1<<28 - 1)) // the upper bits are flags
	b = b[4:]
	if n > len(b)/16 {
		return nil, errShort
	}
	var p GTIDList
	for range n {
		p.Last = append(p.Last, GTID{Domain: le.Uint32(b), Server: le.Uint32(b[4:]), Seq: le.Uint64(b[8:])})
		b = b[16:]
	}
	return p, nil
}

func decodeBegin(h Header, b []byte) (Payload, error) {
	if len(b) < 13 {
		return nil, errShort
	}
	flags := b[12]
	p := Begin{
		GTID:       GTID{Domain: le.Uint32(b[8:]), Server: h.ServerID, Seq: le.Uint64(b)},
		Standalone: flags&gtidStandalone != 0,
		Lag:        MaxLag,
	}
	b = b[13:]
	if flags&gtidGroupCommit != 0 {
		if len(b) < 8 {
			return nil, errShort
		}
		p.CommitID, b = le.Uint64(b), b[8:]
	}
	if len(b) >= 6 {
		p.Lag = uint64(b[1]) | uint64(b[2])<<8 | uint64(b[3])<<16 | uint64(b[4])<<24 | uint64(b[5])<<32
	}
	return p, nil
}

func decodeTableMap(b []byte) (t TableMap, err error) {
	if len(b) < 8 {
		return t, errShort
	}
	t.ID = tableIDOf(b)
	b = b[8:]
	for _, name := range []*string{&t.Database, &t.Table} {
		if len(b) < 1 || len(b) < int(b[0])+2 {
			return t, errShort
		}
		end := 1 + int(b[0])
		*name = string(b[1:end])
		b = b[end+1:] // a zero byte follows
	}
	want := []byte{columnCount, typeLongLong, typeLongLong, typeVarchar, 2}
	if len(b) < len(want)+3 || !bytes.Equal(b[:len(want)], want) {
		return t, errors.New("not the columns id BIGINT, k BIGINT, c VARBINARY(n)")
	}
	t.Width = int(le.Uint16(b[len(want):]))
	return t, nil
}

func tableIDOf(b []byte) uint64 {
	return uint64(le.Uint32(b)) | uint64(le.Uint16(b[4:]))<<32
}

// into is Decode for the events within a transaction, in memory of c that the next
// one reuses.
func (d *Decoder) into(c *Contents, event []byte) (err error) {
	b := event[headerSize : len(event)-trailerSize]
	switch c.Type {
	case TypeTableMap:
		if !d.known || !bytes.Equal(b, d.raw) { // mostly it is the one before
			d.table, err = decodeTableMap(b)
			d.known, d.raw = err == nil, append(d.raw[:0], b...)
		}
		c.TableMap = d.table
	case TypeWriteRows, TypeUpdateRows, TypeDeleteRows:
		return d.decodeRows(&c.Rows, c.Header, b)
	case TypeQuery:
		c.Query, err = decodeQuery(b)
	default:
		return errors.New("within a transaction")
	}
	return err
}

// decodeRows reads a row event into p, whose memory it uses again.
func (d *Decoder) decodeRows(p *Rows, h Header, b []byte) error {
	if len(b) < 10 {
		return errShort
	}
	*p = Rows{Kind: h.Type, TableID: tableIDOf(b), StmtEnd: le.Uint16(b[6:])&rowsStmtEnd != 0, Changes: p.Changes[:0]}
	if !d.known || d.table.ID != p.TableID {
		return fmt.Errorf("rows of table number %d, which no table map announced", p.TableID)
	}
	if b[8] != columnCount {
		return fmt.Errorf("rows of %d columns, want %d", b[8], columnCount)
	}
	b = b[9:]
	for _, cols := range []*Columns{&p.Before, &p.After} {
		if h.Type == TypeWriteRows && cols == &p.Before || h.Type == TypeDeleteRows && cols == &p.After {
			continue
		}
		if len(b) == 0 {
			return errShort
		}
		if *cols = Columns(b[0]); *cols&^allColumns != 0 {
			return fmt.Errorf("column bitmap %02x", b[0])
		}
		b = b[1:]
	}
	for len(b) > 0 {
		var c Change
		var err error
		if h.Type != TypeWriteRows {
			if c.Before, b, err = parseImage(b, p.Before, d.table.Width); err != nil {
				return err
			}
		}
		if h.Type != TypeDeleteRows {
			if c.After, b, err = parseImage(b, p.After, d.table.Width); err != nil {
				return err
			}
		}
		p.Changes = append(p.Changes, c)
	}
	return nil
}

func decodeQuery(b []byte) (p Query, err error) {
	if len(b) < 13 {
		return p, errShort
	}
	p.Session = le.Uint32(b)
	db, status := int(b[8]), int(le.Uint16(b[11:]))
	b = b[13:]
	if len(b) < status+db+1 {
		return p, errShort
	}
	p.Database = database // mostly: no memory is taken for it
	if name := b[status : status+db]; string(name) != database {
		p.Database = string(name)
	}
	p.SQL = b[status+db+1:]
	return p, nil
}
