package lsn

import "testing"

func TestAlign(t *testing.T) {
	for _, c := range []struct {
		l        LSN
		n        int
		down, up LSN
	}{
		{0, 4096, 0, 0},
		{1, 4096, 0, 4096},
		{4095, 4096, 0, 4096},
		{4096, 4096, 4096, 4096},
		{4097, 4096, 4096, 8192},
		{7, 1, 7, 7},
		{Max - 1, 8, (Max - 1) &^ 7, 1 << 63},
	} {
		if got := c.l.AlignDown(c.n); got != c.down {
			t.Errorf("%v.AlignDown(%d) = %v; want %v", c.l, c.n, got, c.down)
		}
		if got := c.l.AlignUp(c.n); got != c.up {
			t.Errorf("%v.AlignUp(%d) = %v; want %v", c.l, c.n, got, c.up)
		}
	}
}

func TestString(t *testing.T) {
	if got := LSN(8192).String(); got != "8192" {
		t.Errorf("String = %q", got)
	}
	if got := Max.String(); got != "9223372036854775807" {
		t.Errorf("Max.String = %q", got)
	}
}
