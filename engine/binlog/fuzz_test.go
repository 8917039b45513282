package binlog

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"flushbench/engine/vfs"
)

// FuzzDecode: no bytes make the decoder panic, and whatever it accepts prints.
func FuzzDecode(f *testing.F) {
	files, _ := history(f, vfs.GrowAppend, true, true)
	for _, b := range [][]byte{files[FileName(1)], mustRead(f)} {
		for off := int64(magicSize); off < int64(len(b)); {
			h := parseHeader(b[off:])
			f.Add(b[off : off+int64(h.Size)])
			off += int64(h.Size)
		}
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		d := Decoder{table: TableMap{ID: tableID, Width: 100}, known: true}
		p, err := d.Decode(event)
		if err != nil {
			return
		}
		_ = Event{Header: parseHeader(event), Payload: p}.String()
		if rows, ok := p.(Rows); ok {
			again := appendRowsHead(nil, rows.Kind, 1, rows.Before, rows.After)
			for _, c := range rows.Changes {
				if rows.Kind != TypeWriteRows {
					again = appendImage(again, &c.Before, rows.Before, 100)
				}
				if rows.Kind != TypeDeleteRows {
					again = appendImage(again, &c.After, rows.After, 100)
				}
			}
			again = closeEvent(again, 0)
			if len(again) != len(event) || !bytes.Equal(again[headerSize+8:len(again)-4], event[headerSize+8:len(event)-4]) {
				t.Errorf("written again: % x\nwas % x", again, event)
			}
		}
	})
}

func mustRead(f *testing.F) []byte {
	b, err := os.ReadFile("testdata/mariadb-10.11.bin")
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzScan: no file makes the scan or the reader panic; what is accepted is cut
// to a log that is accepted again with the same transactions. The bytes come
// after a sound head; sealed, their events get right ends and CRCs, so that
// what stands in them is looked at.
func FuzzScan(f *testing.F) {
	head := len(build())
	for _, sealed := range []bool{false, true} {
		f.Add(build(gtidEvent(11, 0), queryEvent, xidEvent(1), stopEvent)[head:], uint16(0), sealed)
		f.Add(build(gtidEvent(11, gtidStandalone), queryEvent, gtidEvent(12, 0))[head:], uint16(400), sealed)
		f.Add(make([]byte, 40), uint16(0), sealed)
	}
	f.Fuzz(func(t *testing.T, tail []byte, flushed uint16, sealed bool) {
		file := append(build(), tail...)
		for off := head; sealed && off+minEvent <= len(file); {
			size := int(le.Uint32(file[off+atSize:]))
			if size < minEvent || size > len(file)-off {
				break
			}
			seal(file[off:off+size], 1, int64(off+size))
			off += size
		}
		checkScan(t, file, Pos(flushed))
	})
}

// checkScan holds what Scan must do with any file.
func checkScan(t *testing.T, file []byte, flushed Pos) {
	disk := diskWith(t, map[string][]byte{IndexName: []byte("./binlog.000001\n"), FileName(1): file})
	reader, err := NewReader(disk, dir)
	for err == nil {
		_, err = reader.Next()
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(disk, dir, flushed)
	if err != nil {
		var c *CorruptionError
		if !errors.As(err, &c) {
			t.Fatalf("Scan = %v; want corruption", err)
		}
		return
	}
	if r.ValidPos > int64(len(file)) || Pos(r.ValidPos) < flushed {
		t.Fatalf("valid up to %d of %d bytes, flushed %d", r.ValidPos, len(file), flushed)
	}
	recoverLog(t, disk)
	again, err := Scan(disk, dir, 0)
	if err != nil || !again.Clean || !slices.Equal(again.Committed, r.Committed) {
		t.Fatalf("Scan after Truncate = %+v, %v; want %+v", again, err, r)
	}
}

// FuzzIndex: no index makes the scan panic.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("./binlog.000001\n./binlog.000002\n"))
	f.Add([]byte("./binlog.000001"))
	f.Add([]byte("./binlog.999999\n./binlog.1000000\n"))
	f.Fuzz(func(t *testing.T, index []byte) {
		disk := diskWith(t, map[string][]byte{IndexName: index, FileName(1): build()})
		numbers, err := readIndex(disk, dir)
		if err != nil {
			return
		}
		var text []byte
		for _, n := range numbers {
			text = append(text, "./"+FileName(n)+"\n"...)
		}
		if !bytes.Equal(text, index) {
			t.Errorf("%q was read as %v", index, numbers)
		}
	})
}
