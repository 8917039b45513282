package hostinfo

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// The second figure counts, in pages of the machine; what cannot be read is unknown, and
// not 0. Each reading is a new one.
func TestResident(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statm")
	say := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openResident(path, 4096); err == nil {
		t.Error("what is not there could be opened")
	}
	say("")
	r, err := openResident(path, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		pages int64
	}{
		{"317000 24000 3100 900 0 250000 0\n", 24000},
		{"317000 24001 3100 900 0 250000 0\n", 24001},
		{"9 999999999999 1\n", 999999999999},
		{"9 9999999999999 1\n", 0},
		{"", 0}, {"317000", 0}, {"317000 \n", 0}, {"317000 2400", 0}, // cut off: of how many digits?
		{"9 0 0 0 0 0 0\n", 0}, {"9 -4 0 0 0 0 0\n", 0}, {"9 many 0 0 0 0 0\n", 0},
	} {
		say(c.text)
		if got, ok := r.Bytes(); ok != (c.pages > 0) || ok && got != c.pages*16<<10 {
			t.Errorf("%q: %d bytes, %v; want %d pages", c.text, got, ok, c.pages)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if n, ok := r.Bytes(); ok {
		t.Errorf("after Close: %d bytes", n)
	}
}

// The machine's own figure follows what is touched, and a reading takes nothing itself.
func TestResidentHere(t *testing.T) {
	r, err := OpenResident()
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Error(err)
		}
		return
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	const size = 256 << 20 // more than what a collector gives back meanwhile
	before, ok := r.Bytes()
	memory := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		memory[i] = 1
	}
	after, _ := r.Bytes()
	runtime.KeepAlive(memory)
	if !ok || before < 1<<20 || after < size {
		t.Errorf("resident %d bytes, after %d were touched %d", before, size, after)
	}
	if n := testing.AllocsPerRun(100, func() { r.Bytes() }); n > 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

func BenchmarkResident(b *testing.B) {
	r, err := OpenResident()
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Bytes()
	}
	if err := r.Close(); err != nil {
		b.Error(err)
	}
}
