package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// compared is a made-up run of three closed-loop cells and a paced one, speed
// times as fast as the usual, of which the CPU bounds the last closed one.
func compared(rounds int, speed float64) *result.Result {
	r := &result.Result{
		Schema: result.Version, Kind: result.KindRun, Complete: true, Name: "run", Started: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
		Limit: &result.LimitSummary{FlushMethod: "fdatasync"},
		Environment: result.Environment{
			Host: "db-3", Filesystem: "xfs", Kernel: "6.18.0", CPU: result.CPU{Model: "Some CPU", Cores: 8},
			Device: result.Device{Name: "nvme1n1", Model: "SAMSUNG", Kind: result.DeviceNVMe},
		},
	}
	for i, name := range []string{"speed,policy=1,clients=1", "speed,policy=1,clients=64,delay=adaptive", "speed,policy=2,clients=64", "risk,policy=1"} {
		c := result.Cell{Name: name, Section: result.SectionSpeed, Bound: result.BoundFlush, Params: result.Params{Policy: "1", Clients: 1 + i, Load: result.LoadClosed}}
		factor := speed
		switch i {
		case 2:
			c.Bound, c.Params.Policy, factor = result.BoundCPU, "2", 1
		case 3:
			c.Section, c.Bound, c.Params.Load, c.Params.Rate = result.SectionRisk, result.BoundRate, result.LoadPaced, 2600
		}
		for n := range rounds {
			// Every round has a place of its own, and no two figures tie.
			drift := 1 + float64(n)/200
			limit := 14_000 * drift
			flush, busy := int64(1e9/limit), 0.5
			mean := int64(float64(70_000+700*n) / factor)
			c.Rounds = append(c.Rounds, result.Round{
				Round: n + 1, DurationS: 1, TPS: 13_000 * float64(i+1) * factor * drift * (1 + float64(n*n%7)/1000), Commits: 13_000,
				LatencyNS: result.Latency{Mean: mean, P50: &mean, Count: 13_000}, Limit: result.RoundLimit{FlushPerS: limit, FlushNSP50: &flush}, FlushBusyShare: &busy,
			})
			if i == 0 {
				r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: n + 1, FlushPerS: limit})
			}
		}
		r.Cells = append(r.Cells, c)
	}
	stats.SummarizeResult(r)
	return r
}

// saved writes r into a folder of its own and returns that.
func saved(t *testing.T, r *result.Result) string {
	t.Helper()
	dir, err := new(result.Saver).CreateFolder(filepath.Join(t.TempDir(), "results"), r)
	if err != nil {
		t.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs the command line in this process.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = executeContext(t.Context(), args, &out, &errOut)
	return out.String(), errOut.String(), code
}

func mustCompare(t *testing.T, a, b *result.Result) *comparison {
	t.Helper()
	c, err := newComparison(a, b, "results/20261121T090000Z-db-3-run", "results/20261121T100000Z-db-3-run", false)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestCompareScreen(t *testing.T) {
	b := compared(10, 0.8)
	b.Environment.Kernel, b.ToolVersion = "6.19.0", "v0.2.0"
	b.Cells[3].Params.Policy = "2"
	b.Cells[3].Name = "risk,policy=2"
	c := mustCompare(t, compared(10, 1), b)
	golden(t, "compare.golden", compareScreen(c, plain))
	testenv.Golden(t, "compare-markdown.golden", compareMarkdown(c))
	text, err := json.MarshalIndent(c.Diff.Cells[1], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Golden(t, "compare-json.golden", string(text)+"\n")
}

func TestCompareScreenSame(t *testing.T) {
	golden(t, "compare-same.golden", compareScreen(mustCompare(t, compared(10, 1), compared(10, 1)), plain))
}

func TestCompareScreenOtherHost(t *testing.T) {
	b := compared(3, 0.8)
	b.Environment.Host, b.Environment.Device.Model, b.Complete = "web-1", "", false
	golden(t, "compare-host.golden", compareScreen(mustCompare(t, compared(10, 1), b), plain))
}

func TestCompareScreenNothing(t *testing.T) {
	b := compared(10, 1)
	b.Cells = b.Cells[:0]
	golden(t, "compare-nothing.golden", compareScreen(mustCompare(t, compared(10, 1), b), plain))
}

func TestCompareExitCodes(t *testing.T) {
	base := saved(t, compared(10, 1))
	slow, few, less := saved(t, compared(10, 0.8)), saved(t, compared(4, 0.8)), compared(10, 1)
	less.Cells = less.Cells[:3]
	noisy := compared(10, 1)
	for k := range noisy.Cells[2].Rounds {
		noisy.Cells[2].Rounds[k].TPS *= []float64{0.6, 1.01}[k%2]
	}
	unclear := saved(t, noisy)
	other := compared(10, 1)
	other.Environment.Device.Name = "sdb"
	probe := probeResult()
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no gate", []string{base, slow}, 0, ""},
		{"same", []string{base, base, "--fail-if-slower", "5%"}, 0, ""},
		{"slower", []string{base, slow, "--fail-if-slower", "5%"}, 4, "3 of 4 cells slower by more than 5%"},
		{"not by so much", []string{base, slow, "--fail-if-slower", "0.3"}, 0, ""},
		{"faster", []string{slow, base, "--fail-if-slower", "5%"}, 0, ""},
		{"one of two", []string{base, base, slow, "--fail-if-slower", "5%"}, 4, filepath.Base(slow)},
		{"one of two, the other unclear", []string{base, unclear, slow, "--fail-if-slower", "5%"}, 4, "slower by more than 5%"},
		{"one of two, the other unclear", []string{base, slow, unclear, "--fail-if-slower", "5%"}, 4, "slower by more than 5%"},
		{"unclear", []string{base, unclear, "--fail-if-slower", "5%"}, 2, "cannot judge 1 of 4 cells: speed,policy=2,clients=64 may be slower by up to "},
		{"unclear, but not by so much", []string{base, unclear, "--fail-if-slower", "50%"}, 0, ""},
		{"few rounds", []string{base, few, "--fail-if-slower", "5%"}, 2, "cannot judge 4 of 4 cells: too few rounds"},
		{"cells gone", []string{base, saved(t, less), "--fail-if-slower", "5%"}, 2, "1 cells of"},
		{"other device", []string{base, saved(t, other), "--fail-if-slower", "5%"}, 2, "another device"},
		{"other device, wanted", []string{base, saved(t, other), "--fail-if-slower", "5%", "--across"}, 0, ""},
		{"a kind", []string{base, saved(t, probe)}, 2, "must be of one kind"},
		{"missing", []string{base, filepath.Join(base, "missing")}, 2, "there is no result"},
		{"one", []string{base}, 2, "compare: takes 2 RESULTs at least, not 1"},
		{"share", []string{base, slow, "--fail-if-slower", "5 %x"}, 2, "must be a share such as 5% or 0.05"},
		{"share", []string{base, slow, "--fail-if-slower", "100%"}, 2, "must be a share"},
		{"format", []string{base, slow, "--format", "bench"}, 2, "legal values are table, json, markdown"},
		{"latest", []string{base, "latest", "--results", filepath.Join(base, "missing")}, 2, "latest: there is no folder"},
	} {
		stdout, stderr, code := command(t, append([]string{"compare"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 1 {
			t.Errorf("%s: exit code %d, %q; want %d and %q in one line", c.name, code, stderr, c.code, c.want)
		}
		if (c.code == 0 || c.code == 4) && !strings.Contains(stdout, "ANSWER") {
			t.Errorf("%s: no answer on standard output: %q", c.name, stdout)
		}
	}
}

func TestCompareFormats(t *testing.T) {
	a, b := saved(t, compared(10, 1)), saved(t, compared(10, 0.8))
	stdout, _, code := command(t, "compare", a, filepath.Join(b, result.FileName), b, "--format", "json")
	var all []comparison
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != 0 || len(all) != 2 {
		t.Fatalf("exit code %d, %v: %d comparisons; want 2", code, err, len(all))
	}
	if d := all[0].Diff; len(d.Cells) != 4 || d.Cells[0].Outcome != stats.Slower || all[0].PathA != a || len(all[0].Sentences) == 0 {
		t.Errorf("comparison = %+v; want 4 cells, the first slower", all[0])
	}
	stdout, _, code = command(t, "compare", a, b, "--format", "markdown")
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, "|") != 9 && strings.Count(line, "|") != 5 {
			t.Errorf("a row of another width: %q", line)
		}
	}
	if code != 0 || !strings.Contains(stdout, "| slower |") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

func TestEscapeMarkdown(t *testing.T) {
	for text, want := range map[string]string{
		"policy=1,clients=8": "policy=1,clients=8", "<script>": "&lt;script&gt;", "a|b": `a\|b`, "a\n# b": "a # b", "`x`": "\\`x\\`", "[a](b)": `\[a\](b)`, "a_b*c": `a\_b\*c`, `a\b`: `a\\b`,
	} {
		if got := escapeMarkdown(text); got != want {
			t.Errorf("escapeMarkdown(%q) = %q; want %q", text, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	for text, want := range map[string]share{"5%": 0.05, "0.05": 0.05, "0": 0, " 7.5 %": 0.075, "99.9%": 0.999} {
		var s share
		if err := s.UnmarshalText([]byte(text)); err != nil || math.Abs(float64(s-want)) > 1e-12 {
			t.Errorf("share %q = %v, %v; want %v", text, s, err, want)
		}
	}
	for _, text := range []string{"", "%", "5", "-1%", "1", "NaN", "x%", "1e9"} {
		var s share
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("share %q = %v; want an error", text, s)
		}
	}
}

func FuzzShare(f *testing.F) {
	for _, text := range []string{"5%", "0.05", "0", "100%", "-1", "NaN%", "1e-3", "%%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s share
		if err := s.UnmarshalText([]byte(text)); err != nil {
			return
		}
		if !(s >= 0 && s < 1) {
			t.Errorf("share %q = %v; want 0 to below 1", text, float64(s))
		}
	})
}

func TestLatest(t *testing.T) {
	results := t.TempDir()
	r := compared(5, 1)
	var folders []string
	for i := range 3 {
		r.Started = r.Started.Add(time.Hour)
		dir, err := new(result.Saver).CreateFolder(results, r)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, dir)
		if i == 2 {
			break // a folder without a result
		}
		var s result.Saver
		if err := s.Save(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(results, "README.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{"latest": folders[1], "latest~0": folders[1], "latest~1": folders[0], folders[0]: folders[0]} {
		if _, path, err := findResult(arg, results); err != nil || path != want {
			t.Errorf("findResult(%s) = %s, %v; want %s", arg, path, err, want)
		}
	}
	for _, arg := range []string{"latest~2", "latest~-1", "latest~x", "latestx", folders[2]} {
		if _, path, err := findResult(arg, results); err == nil || exitCode(err, true) != 2 {
			t.Errorf("findResult(%s) = %s, %v; want exit code 2", arg, path, err)
		}
	}
}

func TestBreakName(t *testing.T) {
	for name, want := range map[string]string{
		"policy=1,clients=8":                       "policy=1,clients=8",
		"speed,policy=1,clients=64,delay=adaptive": "speed,policy=1,clients=64/  delay=adaptive",
		strings.Repeat("x", 40):                    strings.Repeat("x", 23) + "/  " + strings.Repeat("x", 17),
	} {
		if got := strings.Join(breakName(name), "/"); got != want {
			t.Errorf("breakName(%q) = %q; want %q", name, got, want)
		}
	}
}

func TestPercentText(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0.0", 0.9999: "0.0", 0.8: "-20.0", 1.234: "+23.4", 1e-5: "-100", 3: "+200", 11: "x11", 1234: "x1,200"} {
		if got := percentText(ratio); got != want {
			t.Errorf("percentText(%v) = %q; want %q", ratio, got, want)
		}
	}
}

// TestScreensFitAnyCompare: whatever the figures, no line passes 80 columns.
func TestScreensFitAnyCompare(t *testing.T) {
	a, b := compared(10, 1), compared(10, 1e-4)
	for i := range b.Cells {
		a.Cells[i].Rounds[0].TPS *= 100
		for _, r := range []*result.Result{a, b} {
			r.Cells[i].Name = fmt.Sprintf("binlog-format=statement,key-distribution=zipfian:0.99,clients=%d", 1024+i)
		}
	}
	fitsScreen(t, "compare", compareScreen(mustCompare(t, a, b), plain))
}
