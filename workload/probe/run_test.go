package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// small is a probe that takes some milliseconds, without page cells.
func small(t *testing.T) Config {
	t.Helper()
	return Config{
		Dir: t.TempDir(), Duration: 60 * time.Millisecond, Rounds: 2, Seed: 1, FileBytes: 1 << 20, Sizes: []int64{512, 4096, 16384},
		AllowVolatile: true, BesideLiveDatabase: true, NoPages: true,
	}
}

// empty holds that nothing was left in the folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
}

func TestRun(t *testing.T) {
	cfg := small(t)
	var planned Plan
	cfg.Planned = func(p Plan) { planned = p }
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Result
	if !r.Complete || r.Interrupted || r.Error != "" || r.Kind != result.KindProbe || r.Finished == nil {
		t.Errorf("result: complete %v, interrupted %v, error %q, kind %q", r.Complete, r.Interrupted, r.Error, r.Kind)
	}
	refused := map[string]bool{}
	for _, m := range r.Probe.Refused {
		refused[m.Method] = true
	}
	for _, m := range vfs.Methods.All() {
		for _, op := range Ops() {
			for _, size := range cfg.Sizes {
				i := slices.IndexFunc(r.Probe.Rows, func(row result.ProbeRow) bool {
					return row.Method == m.String() && row.Op == op && row.SizeBytes == size
				})
				want := !refused[m.String()] && (!m.Direct() || size%4096 == 0)
				if (i >= 0) != want {
					t.Errorf("%v, %s, %d: row %v; want %v", m, op, size, i >= 0, want)
				}
				if i >= 0 {
					checkRow(t, &r.Probe.Rows[i], m)
				}
			}
		}
	}
	if planned.MaxBytes != r.BytesPlanned || r.BytesWritten > planned.MaxBytes || r.BytesWritten == 0 {
		t.Errorf("%d bytes written, %d planned (%d said)", r.BytesWritten, r.BytesPlanned, planned.MaxBytes)
	}
	if len(r.Probe.Checks) != 5 || r.Probe.Verdict == "" || r.Probe.Fio == "" {
		t.Errorf("checks %d, verdict %q, fio %q", len(r.Probe.Checks), r.Probe.Verdict, r.Probe.Fio)
	}
	if _, err := result.Encode(r); err != nil {
		t.Errorf("the result cannot be written: %v", err)
	}
	empty(t, cfg.Dir)
}

func checkRow(t *testing.T, row *result.ProbeRow, m vfs.Method) {
	t.Helper()
	h, err := metrics.Decode(row.Histogram)
	if err != nil || h.Count() > row.Count {
		t.Errorf("%s, %s: histogram of %v: %v", row.Method, row.Op, h, err)
	}
	if row.Count < 2 || row.RatePerS <= 0 || row.MaxNS < row.MeanNS || row.Direct != m.Direct() || row.Durable != m.Durable() {
		t.Errorf("row = %+v", row)
	}
}

// TestRunCountsWhatItAsks holds the flush count against the file system's own.
func TestRunCountsWhatItAsks(t *testing.T) {
	cfg := small(t)
	cfg.Methods, cfg.Ops, cfg.Sizes, cfg.Rounds = []vfs.Method{vfs.Fdatasync}, []string{result.OpOverwrite}, []int64{4096}, 3
	fs := vfs.NewOS()
	cfg.FS = fs
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := report.Result.Probe
	// The row, the self-test of pairs, and one turn of warm-up a slice.
	got := int64(fs.Counts().Fdatasync)
	if least := p.Rows[0].Count + 2*3; got < least {
		t.Errorf("%d fdatasyncs; want at least %d", got, least)
	}
	if p.Flushes.Asked != 0 && p.Flushes.Asked != got-2*3 {
		t.Errorf("asked %d flushes in the slices; want %d", p.Flushes.Asked, got-2*3)
	}
	if c := report.Result.FlushSyscalls; c.Setup.Add(c.Cells).Fdatasync != got {
		t.Errorf("flush_syscalls = %+v; want %d fdatasyncs", c, got)
	}
}

func TestRunGentle(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Gentle: true, Duration: 300 * time.Millisecond, AllowVolatile: true}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	rows := report.Result.Probe.Rows
	if len(rows) != 1 || rows[0].Method != "fdatasync" || rows[0].Count < 1 || rows[0].Count > 16 {
		t.Errorf("rows = %+v; want some 6 flushes of fdatasync", rows)
	}
	if report.Result.BytesWritten > 2<<20 || len(report.Result.Probe.Advice) > 0 {
		t.Errorf("%d bytes written, advice %q; want little and none", report.Result.BytesWritten, report.Result.Probe.Advice)
	}
	empty(t, cfg.Dir)
}

func TestRunInterrupted(t *testing.T) {
	cfg := small(t)
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(done float64, _ time.Duration, _ string) {
		if done > 0 {
			cancel()
		}
	}
	cfg.Duration, cfg.Rounds = 100*time.Millisecond, 50
	report, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || report == nil {
		t.Fatalf("Run(cancelled) = %v, %v; want a report and context.Canceled", report, err)
	}
	r := report.Result
	if r.Complete || !r.Interrupted || len(r.Probe.Rows) == 0 {
		t.Errorf("complete %v, interrupted %v, %d rows; want a partial result", r.Complete, r.Interrupted, len(r.Probe.Rows))
	}
	empty(t, cfg.Dir)
}

func TestRunKeepsToTheBudget(t *testing.T) {
	cfg := small(t)
	cfg.MaxWriteBytes = 40 << 20
	cfg.Duration, cfg.Rounds = 10*time.Second, 100
	report, err := Run(t.Context(), cfg)
	if !errors.Is(err, workdir.ErrBudget) {
		t.Fatalf("Run = %v; want the budget used up", err)
	}
	// The few blocks that try the methods are not counted.
	if r := report.Result; r.BytesWritten > 41<<20 || r.Complete || !strings.Contains(r.Error, "budget") {
		t.Errorf("%d bytes written, complete %v, error %q", r.BytesWritten, r.Complete, r.Error)
	}
	empty(t, cfg.Dir)
}

func TestRunFailsOnce(t *testing.T) {
	cfg := small(t)
	cfg.Methods = []vfs.Method{vfs.Fdatasync}
	inner := vfs.NewOS()
	fs, err := vfs.NewFaulty(inner, vfs.Faults{{Kind: vfs.FailFlush, Path: "probe.*", N: 9}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = fs
	report, err := Run(t.Context(), cfg)
	if err == nil || report == nil || report.Result.Complete || report.Result.Error == "" {
		t.Fatalf("Run = %v, %v; want a partial report and the error", report, err)
	}
	if got := inner.Counts().Fdatasync + inner.Counts().Fsync; got > 12 {
		t.Errorf("%d flushes; want none after the ninth failed", got)
	}
	empty(t, cfg.Dir)
}

// refusing is a file system without O_DIRECT.
type refusing struct{ vfs.FS }

func (r refusing) Create(path string, m vfs.Method) (vfs.File, error) {
	if m.Direct() {
		return nil, vfs.ErrMethodRefused
	}
	return r.FS.Create(path, m)
}

func TestRunReportsRefusedMethods(t *testing.T) {
	cfg := small(t)
	cfg.FS = refusing{vfs.NewOS()}
	cfg.Sizes = []int64{4096}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(report.Result.Probe.Refused); got != 3 {
		t.Errorf("%d methods refused; want 3", got)
	}
	for _, row := range report.Result.Probe.Rows {
		if row.Direct {
			t.Errorf("a row of the refused %s", row.Method)
		}
	}
}

func TestRunRefusals(t *testing.T) {
	var refusal *workdir.Refusal
	if _, err := Run(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "missing")}); !errors.As(err, &refusal) {
		t.Errorf("missing folder: %v; want a refusal", err)
	}
	for name, c := range map[string]Config{
		"method":   {Methods: []vfs.Method{99}},
		"size":     {Sizes: []int64{1}},
		"big":      {Sizes: []int64{MaxSize + 1}},
		"op":       {Ops: []string{"rewind"}},
		"duration": {Duration: -1},
		"rounds":   {Rounds: -1},
		"budget":   {MaxWriteBytes: -1},
		"file":     {FileBytes: 1},
		"odd file": {FileBytes: 64<<20 + 1},
		"fill":     {FillBytes: 100},
	} {
		if _, err := Run(t.Context(), c); err == nil || errors.As(err, &refusal) {
			t.Errorf("%s: %v; want an error", name, err)
		}
	}
}

func TestPlan(t *testing.T) {
	c := Config{}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	cells := c.cells()
	p := c.plan(cells)
	// 9 methods, 2 operations, 6 sizes (5 for the 3 direct ones), 2 self-tests, 6 page cells.
	if want := 6*2*6 + 3*2*5 + 2 + 6; p.Cells != want {
		t.Errorf("%d cells; want %d", p.Cells, want)
	}
	if p.DiskBytes > 256<<20 || p.MaxBytes > 8<<30 {
		t.Errorf("a default probe takes %d bytes and writes %d; want no more than 256 MiB and 8 GiB", p.DiskBytes, p.MaxBytes)
	}
	total := time.Duration(0)
	for _, cell := range cells {
		total += c.slice(cells) * time.Duration(cell.weight*c.Rounds)
	}
	if total > c.Duration || total < c.Duration*9/10 {
		t.Errorf("slices take %v together; want about %v", total, c.Duration)
	}
}
