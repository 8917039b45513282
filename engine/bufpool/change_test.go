package bufpool

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestChangesRoundTrip(t *testing.T) {
	body := appendInit(nil, PageID{SpaceUndo, 7}, 3)
	body = appendSet(body, PageID{SpaceUndo, 7}, 40, []byte("undo"))
	body = appendSet(body, PageID{SpaceTable, MaxPageNo}, PageSize-1, []byte{9})
	if want := changeHeader + SetSize(4) + SetSize(1); len(body) != want {
		t.Errorf("the body has %d bytes; want %d", len(body), want)
	}
	var got []Change
	if err := Changes(body, func(c Change) error { got = append(got, c); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{Kind: KindInit, ID: PageID{SpaceUndo, 7}, Type: 3},
		{Kind: KindSet, ID: PageID{SpaceUndo, 7}, Offset: 40, Bytes: []byte("undo")},
		{Kind: KindSet, ID: PageID{SpaceTable, MaxPageNo}, Offset: PageSize - 1, Bytes: []byte{9}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Changes = %+v; want %+v", got, want)
	}
	stop := errors.New("stop")
	if err := Changes(body, func(Change) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Changes with a callback that fails = %v", err)
	}
}

func TestChangesRefuse(t *testing.T) {
	good := appendSet(nil, PageID{SpaceTable, 1}, 40, []byte("abc"))
	edit := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"cut header":    {good[:9], "9 bytes left"},
		"cut bytes":     {good[:12], "set of 3 bytes; 2 are left"},
		"kind":          {edit(0, 9), "unknown kind 9"},
		"space":         {edit(1, 2), "illegal page 2:1"},
		"page":          {edit(6, 255, 255, 255, 255), "illegal page"},
		"header":        {edit(2, HeaderSize-1, 0), "legal are [32, 16384)"},
		"end":           {edit(2, 0xfe, 0x3f), "legal are [32, 16384)"},
		"empty":         {edit(4, 0, 0), "set of bytes"},
		"init offset":   {edit(0, KindInit), "init with offset 40"},
		"init type":     {appendHeader(nil, KindInit, PageID{}, 0, 256), "type 256"},
		"second change": {append(bytes.Clone(good), 1), "at byte 13"},
	} {
		err := Changes(c.body, func(Change) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Changes = %v; want %q", name, err, c.says)
		}
	}
}

// A body is refused, or its changes encode to the same body and lie within pages.
func FuzzChanges(f *testing.F) {
	f.Add(appendSet(appendInit(nil, PageID{SpaceUndo, 7}, 3), PageID{SpaceTable, 1}, 40, []byte("abc")))
	f.Add([]byte{KindSet, 0, 32, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		var again []byte
		err := Changes(body, func(c Change) error {
			switch c.Kind {
			case KindInit:
				again = appendInit(again, c.ID, c.Type)
			case KindSet:
				if c.Offset < HeaderSize || c.Offset+len(c.Bytes) > PageSize {
					t.Errorf("a change of bytes [%d, %d)", c.Offset, c.Offset+len(c.Bytes))
				}
				again = appendSet(again, c.ID, c.Offset, c.Bytes)
			}
			return nil
		})
		if !bytes.HasPrefix(body, again) || err == nil && len(again) != len(body) {
			t.Errorf("Changes(%x) = %v; its changes encode to %x", body, err, again)
		}
	})
}

func TestVerifyPage(t *testing.T) {
	id := PageID{SpaceUndo, 5}
	good := make([]byte, PageSize)
	good[100] = 1
	stamp(good, id, 77)
	seal(good)
	for name, c := range map[string]struct {
		edit func(b []byte)
		id   PageID
		says string
	}{
		"good":          {func([]byte) {}, id, ""},
		"never written": {func(b []byte) { clear(b) }, id, ""},
		"a bit":         {func(b []byte) { b[PageSize-1] ^= 1 }, id, "CRC"},
		"the checksum":  {func(b []byte) { b[0] ^= 1 }, id, "CRC"},
		"no header":     {func(b []byte) { clear(b[:HeaderSize]) }, id, "no header"},
		"other page":    {func([]byte) {}, PageID{SpaceUndo, 6}, "it is page 1:5"},
		"other space":   {func([]byte) {}, PageID{SpaceTable, 5}, "it is page 1:5"},
	} {
		b := bytes.Clone(good)
		c.edit(b)
		wrong := verify(b, c.id)
		if (wrong == "") != (c.says == "") || !strings.Contains(wrong, c.says) {
			t.Errorf("%s: verify = %q; want %q", name, wrong, c.says)
		}
	}
}
