package table

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"

	"pgregory.net/rapid"
)

// Every key has a place of its own, within a page and behind its header.
func TestPlace(t *testing.T) {
	for _, bytes := range []int{MinRowBytes, 17, 200, 3000, 8160, 8161, MaxRowBytes} {
		l := Layout{RowBytes: bytes}
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		n := uint64(l.RowsPerPage())
		if n == 0 || int(n)*l.SlotBytes() > bufpool.PageSize-bufpool.HeaderSize || int(n+1)*l.SlotBytes() <= bufpool.PageSize-bufpool.HeaderSize {
			t.Errorf("%d bytes: %d rows a page", bytes, n)
		}
		type place struct {
			id  bufpool.PageID
			off int
		}
		seen := map[place]uint64{}
		for key := range 3 * n {
			id, off := l.Place(key)
			if other, ok := seen[place{id, off}]; ok {
				t.Fatalf("%d bytes: keys %d and %d are both at %v, %d", bytes, other, key, id, off)
			}
			seen[place{id, off}] = key
			if before, at := l.Place(key - min(key, 1)); key > 0 && before == id && off-at < l.SlotBytes() {
				t.Fatalf("%d bytes: the slot of key %d begins at %d, within the one at %d", bytes, key, off, at)
			}
			if off < bufpool.HeaderSize || off+l.SlotBytes() > bufpool.PageSize || id.Space != bufpool.SpaceTable || uint64(id.No) != key/n {
				t.Fatalf("%d bytes: Place(%d) = %v, %d", bytes, key, id, off)
			}
		}
		if id, _ := l.Place(l.MaxKey()); id.No != bufpool.MaxPageNo {
			t.Errorf("%d bytes: the largest key is in page %v; want %d", bytes, id, uint32(bufpool.MaxPageNo))
		}
		if l.Pages(0) != 0 || l.Pages(1) != 1 || l.Pages(n) != 1 || l.Pages(n+1) != 2 {
			t.Errorf("%d bytes: pages of 0, 1, %d, %d rows: %d, %d, %d, %d", bytes, n, n+1, l.Pages(0), l.Pages(1), l.Pages(n), l.Pages(n+1))
		}
	}
	for _, bytes := range []int{0, MinRowBytes - 1, MaxRowBytes + 1, -5} {
		if (Layout{RowBytes: bytes}).Validate() == nil {
			t.Errorf("rows of %d bytes are legal", bytes)
		}
	}
}

// What is put into a slot comes out, and nothing else is touched.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{RowBytes: rapid.IntRange(MinRowBytes, 300).Draw(t, "bytes")}
		r := Row{Key: rapid.Uint64().Draw(t, "key"), K: rapid.Int64().Draw(t, "k"), C: rapid.SliceOfN(rapid.Byte(), l.CBytes(), l.CBytes()).Draw(t, "c")}
		h := Header{FlagPresent | rapid.SampledFrom([]uint8{0, FlagDeleted}).Draw(t, "flags"), trx.ID(rapid.Uint64Range(0, uint64(trx.MaxID)).Draw(t, "trx")), trx.RollPtr(rapid.Uint64().Draw(t, "roll"))}
		slot := make([]byte, l.SlotBytes())
		PutRow(slot, h, &r)
		var got Row
		DecodeRow(slot, &got)
		if g := DecodeHeader(slot); g != h || Key(slot) != r.Key || K(slot) != r.K || !SameC(slot, r.C) {
			t.Fatalf("header %+v, want %+v", g, h)
		}
		if got.Key != r.Key || got.K != r.K || !bytes.Equal(got.C, r.C) {
			t.Fatalf("DecodeRow = %+v; want %+v", got, r)
		}
		if err := l.Check(slot, r.Key); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(slot, r.Key+1); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("Check with another key = %v; want ErrCorrupt", err)
		}
		var copied Row
		copied.CopyFrom(&got)
		slot[OffC-1]++
		if copied.K != r.K || h.Live() == (h.Flags&FlagDeleted != 0) || !h.Present() {
			t.Fatalf("copy %+v, header %+v", copied, h)
		}
	})
}

// Flags that no change leaves, and bytes in an empty slot, are damage.
func TestCheck(t *testing.T) {
	l := Layout{RowBytes: 20}
	slot := make([]byte, l.SlotBytes())
	if err := l.Check(slot, 5); err != nil {
		t.Errorf("an empty slot: %v", err)
	}
	for _, c := range []struct {
		at int
		b  byte
	}{{0, FlagDeleted}, {0, 4}, {0, 0xff}, {1, 1}, {8, 1}, {15, 1}} {
		s := bytes.Clone(slot)
		s[c.at] = c.b
		if err := l.Check(s, 5); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d = %d: Check = %v; want ErrCorrupt", c.at, c.b, err)
		}
	}
	if err := l.CheckRow(&Row{Key: l.MaxKey(), C: make([]byte, 4)}); err != nil {
		t.Error(err)
	}
	for _, r := range []Row{{C: make([]byte, 3)}, {C: make([]byte, 5)}, {Key: l.MaxKey() + 1, C: make([]byte, 4)}} {
		if l.CheckRow(&r) == nil {
			t.Errorf("row %+v is legal", r)
		}
	}
}

// Load puts every row where Place looks for it, as transaction 0's.
func TestLoad(t *testing.T) {
	disk := vfs.NewMem()
	if err := errors.Join(disk.Mkdir("d"), bufpool.Create(disk, "d", vfs.Fdatasync)); err != nil {
		t.Fatal(err)
	}
	pool, err := bufpool.Open(bufpool.Options{FS: disk, Dir: "d", Method: vfs.Fdatasync, Bytes: bufpool.MinBytes(1), Mtrs: 1, ForcePages: true})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	l := Layout{RowBytes: 1000}
	const rows = 100
	err = Load(pool, l, rows, func(r *Row) { r.K = int64(r.Key) * 3; copy(r.C, fmt.Sprint("row ", r.Key)) })
	if err != nil {
		t.Fatal(err)
	}
	var m bufpool.Mtr
	for key := range uint64(rows + 5) {
		if err := pool.BeginRead(&m); err != nil {
			t.Fatal(err)
		}
		id, off := l.Place(key)
		pg, err := m.Read(id)
		if err != nil {
			t.Fatal(err)
		}
		slot := l.Slot(pg.Bytes(), off)
		var r Row
		DecodeRow(slot, &r)
		h := DecodeHeader(slot)
		want := Header{}
		if key < rows {
			want.Flags = FlagPresent
			if r.Key != key || r.K != int64(key)*3 || !bytes.HasPrefix(r.C, []byte(fmt.Sprint("row ", key))) {
				t.Errorf("row %d is %+v", key, r)
			}
		}
		if h != want || l.Check(slot, key) != nil {
			t.Errorf("key %d: header %+v; want %+v", key, h, want)
		}
		m.Abandon()
	}
	if err := Load(pool, l, l.MaxKey()+2, nil); err == nil {
		t.Error("more rows than keys were loaded")
	}
}

// Check of any bytes says yes or ErrCorrupt, and what it accepts can be decoded.
func FuzzCheck(f *testing.F) {
	l := Layout{RowBytes: 24}
	f.Add(make([]byte, l.SlotBytes()), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, key uint64) {
		slot := make([]byte, l.SlotBytes())
		copy(slot, b)
		if err := l.Check(slot, key); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("Check = %v; want ErrCorrupt", err)
			}
			return
		}
		var r Row
		DecodeRow(slot, &r)
		again := make([]byte, len(slot))
		if h := DecodeHeader(slot); h.Present() {
			PutRow(again, h, &r)
			if !bytes.Equal(again, slot) {
				t.Errorf("%x is put back as %x", slot, again)
			}
		}
	})
}
