package hostinfo

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

func TestDescribe(t *testing.T) {
	f, err := fixture(t, "cloud", PathFacts{Path: "/srv/" + strings.Repeat("long/", 30) + "dir", MountID: 27, FreeBytes: 1 << 30, TotalBytes: 100 << 30}).Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	f.Env.Host = "db-3"
	lines := Describe(f.Env)
	for _, line := range lines {
		if n := len([]rune(line)); n > lineWidth || strings.TrimRight(line, " ") != line {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if want := "db-3: xfs on nvme0n1 (virtual disk, write-back cache)"; lines[0] != want {
		t.Errorf("first line %q; want %q", lines[0], want)
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"stack    nvme0n1p1 (part) > nvme0n1 (disk)", "limits   1.5 processors; 259:0 500 writes/s", "warning  only 1.00 GiB of 100 GiB are free."} {
		if !strings.Contains(text, want) {
			t.Errorf("Describe lacks %q:\n%s", want, text)
		}
	}
	if lines := Describe(result.Environment{}); len(lines) < 2 || lines[0] != "this host: unknown file system on an unknown device" {
		t.Errorf("Describe of nothing = %q", lines)
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, text := range []string{"", "short", strings.Repeat("word ", 40) + "end", long, "a " + long + " b", strings.Repeat("ü", 100)} {
		lines := wrap(text, "    ")
		var back strings.Builder
		for i, line := range lines {
			if len([]rune(line)) > lineWidth || i > 0 && !strings.HasPrefix(line, "    ") {
				t.Errorf("wrap(%q) has %q", text, line)
			}
			back.WriteString(line)
		}
		strip := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if strip(back.String()) != strip(text) {
			t.Errorf("wrap(%q) = %q: text was lost", text, lines)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 512: "512 B", 1023: "1023 B", 1024: "1.00 KiB", 1536: "1.50 KiB", 999 << 10: "999 KiB", 1000 << 10: "0.98 MiB",
		10 << 30: "10.0 GiB", 100 << 30: "100 GiB", 2 << 40: "2.00 TiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q; want %q", n, got, want)
		}
	}
}
