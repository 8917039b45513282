package rebuild

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/table"

	"pgregory.net/rapid"
)

// A table is a map with an order, whatever the keys and the lengths of c.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab Table
		want := map[uint64]binlog.Row{}
		keys := rapid.SliceOfN(rapid.OneOf(rapid.Uint64Range(0, 300), rapid.Uint64Range(1<<20, 1<<20+300), rapid.Uint64Range(1<<40, 1<<62)), 1, 20).Draw(t, "keys")
		widest := rapid.SampledFrom([]int{0, 3, 300, 3000}).Draw(t, "widest")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				if _, ok := want[key]; tab.Delete(key) != ok {
					t.Fatalf("Delete(%d) = %v", key, !ok)
				}
				delete(want, key)
			case 1:
				if r, ok := want[key]; ok {
					r.K++
					want[key] = r
					tab.SetK(key, r.K)
				}
			default:
				r := binlog.Row{Key: key, K: rapid.Int64().Draw(t, "k"), C: rapid.SliceOfN(rapid.Byte(), 0, widest).Draw(t, "c")}
				want[key] = r
				tab.Put(r.Key, r.K, r.C)
			}
		}
		for _, key := range keys {
			r, ok := tab.Get(key)
			if have, there := want[key]; ok != there || ok && !same(&r, &have) {
				t.Fatalf("Get(%d) = %+v, %v; want %+v, %v", key, r, ok, have, there)
			}
		}
		if wrong := differs(&tab, want); wrong != "" {
			t.Fatal(wrong)
		}
		var order []uint64
		from := rapid.SampledFrom(keys).Draw(t, "from")
		for r := range tab.from(from) {
			order = append(order, r.Key)
		}
		if !slices.IsSorted(order) || len(order) > 0 && order[0] < from {
			t.Fatalf("from %d: %v", from, order)
		}
	})
}

// What the log names stays named when the table is laid out anew.
func TestTouchedStays(t *testing.T) {
	tab := Table{unknown: 1 << 30}
	tab.touch(7)
	tab.Put(5000, 1, make([]byte, 10))
	tab.touch(5000)
	tab.Put(9, 1, make([]byte, 5000))
	for key, want := range map[uint64]bool{7: true, 5000: true, 9: false, 8: false} {
		if tab.Known(key) != want {
			t.Errorf("Known(%d) = %v", key, !want)
		}
	}
	if _, ok := tab.Get(7); ok || !tab.Partial() || tab.Len() != 2 {
		t.Errorf("row 7: %v, %d rows", ok, tab.Len())
	}
}

// A million rows take little more than their bytes.
func TestTableIsSmall(t *testing.T) {
	tab := new(Table)
	c := make([]byte, 120)
	for key := range uint64(200_000) {
		tab.Put(key, 1, c)
	}
	size := 0
	for n := range tab.chunks(0) {
		ch := tab.dense[n]
		size += len(ch.c) + 2*len(ch.size) + 8*len(ch.k) + 8*len(ch.present)
	}
	if per := size / 200_000; per > 135 {
		t.Errorf("a row of 120 bytes takes %d", per)
	}
}

// Compare finds each kind of difference, within the keys and beyond, keeps the first
// ones, and says nothing about what it does not know.
func TestCompare(t *testing.T) {
	tab := new(Table)
	for _, r := range []binlog.Row{{Key: 0, K: 1, C: []byte("a")}, {Key: 1, K: 1, C: []byte("a")}, {Key: 2, K: 1, C: []byte("a")}, {Key: 3, K: 3}, {Key: 99, K: 9}} {
		tab.Put(r.Key, r.K, r.C)
	}
	engine := rowsOf{0: {K: 1, C: []byte("a")}, 1: {K: 2, C: []byte("a")}, 2: {K: 1, C: []byte("b")}, 4: {K: 4}}
	d, err := Compare(tab, engine, 10, 3)
	if err != nil || d.Equal != 1 || d.Different != 2 || d.OnlyBinlog != 2 || d.OnlyEngine != 1 || d.Unknown != 0 || d.Total() != 5 || len(d.Rows) != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	first, third := d.Rows[0], d.Rows[2]
	if first.Key != 1 || first.Kind != Different || first.Engine.K != 2 || first.Binlog.K != 1 || third.Key != 3 || third.Kind != OnlyBinlog || third.Engine != nil || third.Binlog.K != 3 {
		t.Errorf("%+v, %+v", first, third)
	}
	if !bytes.Equal(d.Rows[1].Engine.C, []byte("b")) || !bytes.Equal(d.Rows[1].Binlog.C, []byte("a")) {
		t.Errorf("row 2: %+v, %+v", d.Rows[1].Engine, d.Rows[1].Binlog)
	}
	tab.unknown = 5
	tab.touch(0)
	if d, err := Compare(tab, engine, 10, 0); err != nil || d.Equal != 1 || d.Unknown != 4 || d.OnlyBinlog != 1 || len(d.Rows) != 0 {
		t.Errorf("in part: %+v, %v", d, err)
	}
	if _, err := Compare(tab, broken{}, 10, 0); err == nil {
		t.Error("a broken engine compares")
	}
}

type broken struct{}

func (broken) Read(uint64, *table.Row) (bool, error) { return false, errors.New("broken") }

// A point in time is printed as it is read; nothing else is one.
func TestParseUntil(t *testing.T) {
	zone := time.FixedZone("here", 3600)
	for text, want := range map[string]Until{
		"":                     {},
		"0-1-500":              {Kind: UntilGTID, GTID: binlog.GTID{Server: 1, Seq: 500}},
		"binlog.000012:4711":   {Kind: UntilPos, File: "binlog.000012", Pos: 4711},
		"2026-11-22 14:03:00":  {Kind: UntilTime, Time: time.Date(2026, 11, 22, 14, 3, 0, 0, zone)},
		"2026-11-22T14:03:00":  {Kind: UntilTime, Time: time.Date(2026, 11, 22, 14, 3, 0, 0, zone)},
		"2026-11-22T14:03:00Z": {Kind: UntilTime, Time: time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)},
	} {
		got, err := ParseUntil(text, zone)
		if err != nil || got.Kind != want.Kind || got.GTID != want.GTID || got.File != want.File || got.Pos != want.Pos || !got.Time.Equal(want.Time) {
			t.Errorf("ParseUntil(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"5", "0-1", "0-1-0", "0-1-99999999999999999999", "-1-1-1", "binlog.1:5", "binlog.000001", "binlog.000001:-5", "yesterday", "2026-13-01 00:00:00", "14:03:00"} {
		if got, err := ParseUntil(text, zone); err == nil || got != (Until{}) {
			t.Errorf("ParseUntil(%q) = %+v; want an error", text, got)
		}
	}
	if !later("binlog.1000000", "binlog.999999") || later("binlog.000001", "binlog.000001") || !later("binlog.000010", "binlog.000009") {
		t.Error("files in the wrong order")
	}
}

// FuzzUntil: what is accepted is printed as something that means the same.
func FuzzUntil(f *testing.F) {
	for _, text := range []string{"0-1-500", "binlog.000002:4711", "2026-11-22 14:03:00", "2026-11-22T14:03:00.5+02:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseUntil(text, time.UTC)
		if err != nil {
			return
		}
		again, err := ParseUntil(u.String(), time.UTC)
		if err != nil || again.String() != u.String() || again.Kind != u.Kind || !again.Time.Equal(u.Time) {
			t.Errorf("%q is %v, and again %v, %v", text, u, again, err)
		}
	})
}
