package workload

import (
	"strings"
	"testing"
)

func TestBackground(t *testing.T) {
	for text, want := range map[string]Background{
		"off":                                 {},
		"0":                                   {},
		"read=200M/s,write=50M/s,random=16Ki": {200 << 20, 50 << 20, 16 << 10},
		" READ=1GiB/s ":                       {Read: 1 << 30},
		"write=4096,random=4k":                {Write: 4096, Block: 4096},
	} {
		var got Background
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
		if b, err := got.MarshalText(); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if again := (Background{}); again.UnmarshalText(b) != nil || again != want {
			t.Errorf("%q: %q is read as %+v", text, b, again)
		}
	}
	for text, want := range map[string]string{
		"":                      "legal are off and",
		"fast":                  `unknown "fast"`,
		"read":                  "no size",
		"read=0":                "no size",
		"read=-1":               "no size",
		"read=1M,read=2M":       "twice",
		"random=16k":            "without read or write",
		"read=100":              "must be 4k to 64G",
		"write=65G/s":           "must be 4k to 64G",
		"read=1M,random=5000":   "power of two",
		"read=1M,random=8M":     "power of two",
		"read=64G/s,random=4k":  "operations a second",
		"read=1M/s,random=4k/s": "no size",
	} {
		v := Background{Read: 7}
		if err := v.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
		if v != (Background{Read: 7}) {
			t.Errorf("%q: changed to %+v", text, v)
		}
	}
	if (Background{}).Piece() != SequentialBlock || (Background{Read: 1, Block: 8192}).Piece() != 8192 {
		t.Error("Piece() is neither the block nor the piece of a sequence")
	}
}

func FuzzBackground(f *testing.F) {
	for _, s := range []string{"off", "read=200M/s,write=50M/s,random=16Ki", "read=1,read=2", "write=9999999999G/s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b Background
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		out, err := b.MarshalText()
		if err != nil {
			t.Fatalf("%q is read as %+v: %v", text, b, err)
		}
		var again Background
		if err := again.UnmarshalText(out); err != nil || again != b {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", text, b, out, again, err)
		}
	})
}
