package server

import (
	"bytes"
	"io"
	"testing"
)

// script is a server that says what it says, whatever it hears.
type script struct {
	io.Reader
	heard bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) { return s.heard.Write(p) }

func TestPing(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  *kind
		says  string
		ready bool
		heard string
	}{
		{"greeting", mariadb, "\x4a\x00\x00\x00\x0a10.11.6-MariaDB\x00", true, ""},
		{"too many connections", mariadb, "\x17\x00\x00\x00\xff\x10\x04Too many connections", false, ""},
		{"still in recovery", mysql, "", false, ""},
		{"ready", postgres, "R\x00\x00\x00\x08\x00\x00\x00\x00S\x00\x00\x00\x07a\x00\x00Z\x00\x00\x00\x05I", true,
			"\x00\x00\x00\x1f\x00\x03\x00\x00user\x00me\x00database\x00mine\x00\x00X\x00\x00\x00\x04"},
		{"starting up", postgres, "E\x00\x00\x00\x5bSFATAL\x00", false, "\x00\x00\x00\x1f\x00\x03\x00\x00user\x00me\x00database\x00mine\x00\x00"},
		{"broken off", postgres, "R\x00\x00\x00\x08\x00\x00", false, "\x00\x00\x00\x1f\x00\x03\x00\x00user\x00me\x00database\x00mine\x00\x00"},
		{"absurd size", postgres, "R\x7f\xff\xff\xff", false, "\x00\x00\x00\x1f\x00\x03\x00\x00user\x00me\x00database\x00mine\x00\x00"},
	} {
		s := &script{Reader: bytes.NewReader([]byte(c.says))}
		err := c.kind.ping(&conversation{ReadWriter: s, user: "me", database: "mine"})
		if (err == nil) != c.ready || s.heard.String() != c.heard {
			t.Errorf("%s: %v after we said %q; want ready %v and %q", c.name, err, s.heard.String(), c.ready, c.heard)
		}
	}
}

// FuzzPing: a server may say what it likes.
func FuzzPing(f *testing.F) {
	f.Add([]byte("\x4a\x00\x00\x00\x0a"))
	f.Add([]byte("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"))
	f.Fuzz(func(t *testing.T, says []byte) {
		for _, k := range kinds {
			err := k.ping(&conversation{ReadWriter: &script{Reader: bytes.NewReader(says)}, user: "me", database: "mine"})
			if err == nil && len(says) < 5 {
				t.Errorf("%v is ready after %q", k.product, says)
			}
		}
	})
}
