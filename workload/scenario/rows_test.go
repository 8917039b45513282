package scenario

import (
	"reflect"
	"strings"
	"testing"

	"flushbench/workload"
)

// parsed returns the default scenario with some flags.
func parsed(t *testing.T, flags ...string) Scenario {
	t.Helper()
	s, err := parse(t, flags...)
	if err != nil {
		t.Fatalf("%v: %v", flags, err)
	}
	return s
}

// The flags of the workloads with rows reach the generator's spec.
func TestRowFlags(t *testing.T) {
	s := parsed(t, "--workload", "oltp_write_only", "--table-size", "500", "--row-bytes=64", "--key-distribution", "hotspot:0.1,0.9,zipfian",
		"--rows-per-txn", "1,10", "--read-share", "25%", "--rollback-share", "0.1", "--statement-bytes", "1k", "--unsafe-share", "1",
		"--policy", "1", "--clients", "8")
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	cells, skipped := s.Cells()
	if len(cells) != 4 || len(skipped) != 0 || !s.Matrix() {
		t.Fatalf("%d cells, %d skipped; want 4 and 0", len(cells), len(skipped))
	}
	if want := "policy=1,clients=8,keys=hotspot:0.1;0.9,rows=10"; cells[1].Name != want {
		t.Errorf("cell %q; want %q", cells[1].Name, want)
	}
	want := workload.Spec{
		Kind: workload.KindWriteOnly, Rows: 500, RowBytes: 64, Keys: workload.Keys{Shape: workload.KeysHotspot, HotSet: 0.1, HotOps: 0.9},
		RowsPerTxn: 10, ReadShare: 0.25, RollbackShare: 0.1, StatementBytes: 1024, UnsafeShare: 1,
	}
	if got := s.Txns(cells[1]); got != want {
		t.Errorf("Txns() = %+v; want %+v", got, want)
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back := Default()
	if err := back.Decode(data, nil); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%s reads back as %+v, %v; want %+v", data, back, err, s)
	}
}

// What is not asked for is the generator's default.
func TestRowDefaults(t *testing.T) {
	s := parsed(t, "--workload", "bank")
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	got, want := s.Txns(cells[0]), workload.Spec{Kind: workload.KindBank}
	if got.Validate() != nil || want.Validate() != nil || got != want || len(cells) != 9 {
		t.Errorf("Txns() = %+v, %d cells; want %+v, 9", got, len(cells), want)
	}
}

func TestRowFlagsRefused(t *testing.T) {
	for flags, want := range map[string]string{
		"--workload=bank --rows=1":                  "1 row: bank moves",
		"--workload=bank --rows-per-txn=3":          "must be even",
		"--rows=0":                                  "rows 0: must be 1 to 4294967296",
		"--rows=-1":                                 "rows -1",
		"--row-bytes=20000":                         "row-bytes 20000: must be 1 to 16000",
		"--rows-per-txn=-1":                         "rows-per-txn -1: must be 1 to 10000, or 0",
		"--statement-bytes=2M":                      "statement-bytes 2MiB: must be 0 (as long as it is) to 1MiB",
		"--workload=update --client-mode=pipelined": "no cell is left: pipelined clients run workload log only",
		"--workload=update --key-distribution=latest,uniform,latest": "stands in the list twice",
	} {
		s := parsed(t, strings.Fields(flags)...)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Validate() = %v; want %q", flags, err, want)
		}
	}
	for flag, want := range map[string]string{
		"--read-share=2": "must be 0 to 1, or 0% to 100%", "--key-distribution=pareto": "must be uniform, zipfian:THETA", "--unsafe-share=x": "share",
	} {
		if _, err := parse(t, flag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", flag, err, want)
		}
	}
}

// An axis that means nothing to the workload is measured once, and the skipped
// combinations say so.
func TestAxesWithoutMeaning(t *testing.T) {
	for flags, want := range map[string]string{
		"--policy=1 --clients=1 --key-distribution=uniform,latest --rows-per-txn=0,2": whyNoRows,
		"--policy=1 --clients=1 --workload=update --record-bytes=128,256,512,1024":    whyNoRecords,
	} {
		s := parsed(t, strings.Fields(flags)...)
		cells, skipped := s.Cells()
		if len(cells) != 1 || len(skipped) != 3 || cells[0].Name != "policy=1,clients=1" {
			t.Fatalf("%s: cells %+v, %d skipped; want one and 3", flags, cells, len(skipped))
		}
		for _, skip := range skipped {
			if skip.Reason != want || skip.Name == cells[0].Name {
				t.Errorf("%s: skipped %+v; want %q and a name of its own", flags, skip, want)
			}
		}
	}
}
