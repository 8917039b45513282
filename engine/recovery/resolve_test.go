package recovery

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/undo"
)

var errResolve = errors.New("injected")

func active(id trx.ID) undo.Unfinished { return undo.Unfinished{ID: id, State: undo.Active} }

func prepared(id trx.ID, xid uint64) undo.Unfinished {
	return undo.Unfinished{ID: id, State: undo.Prepared, XID: xid}
}

func noNote(uint64) (lsn.LSN, error) { return 0, nil }

// inBinlog are transactions of the last file, whose sequences end at last.
func inBinlog(last uint64, xids ...uint64) (all []binlog.Committed) {
	for i, x := range xids {
		all = append(all, binlog.Committed{Xid: x, Seq: last - uint64(len(xids)) + uint64(i) + 1})
	}
	return all
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name       string
		unfinished []undo.Unfinished
		committed  []binlog.Committed
		engineSeq  uint64
		noBinlog   bool
		lastSeq    uint64
		done       string // in their order: =seq noted, +id committed, -id rolled back
		want       Report // what is counted
	}{
		{name: "nothing"},
		{name: "an active one", unfinished: []undo.Unfinished{active(5)}, done: "-5", want: Report{Active: 1, RolledBack: 1}},
		{name: "an active one whose id is an Xid", unfinished: []undo.Unfinished{active(5)}, committed: inBinlog(1, 5), engineSeq: 1, lastSeq: 1, done: "-5",
			want: Report{Active: 1, RolledBack: 1}},
		{name: "prepared, not in the binlog", unfinished: []undo.Unfinished{prepared(5, 5)}, done: "-5", want: Report{Prepared: 1, RolledBack: 1}},
		{name: "prepared, in the binlog", unfinished: []undo.Unfinished{prepared(5, 5)}, committed: inBinlog(1, 5), lastSeq: 1, done: "=1 +5",
			want: Report{Prepared: 1, Committed: 1}},
		{name: "the Xid counts, not the id", unfinished: []undo.Unfinished{prepared(5, 7), prepared(7, 9)}, committed: inBinlog(1, 7), lastSeq: 1, done: "=1 +5 -7",
			want: Report{Prepared: 2, Committed: 1, RolledBack: 1}},
		{name: "in the binlog's order, rollbacks last", unfinished: []undo.Unfinished{active(2), prepared(3, 3), prepared(4, 4), prepared(6, 6)},
			committed: inBinlog(12, 6, 3), engineSeq: 10, lastSeq: 12, done: "=11 +6 =12 +3 -2 -4", want: Report{Active: 1, Prepared: 3, Committed: 2, RolledBack: 2}},
		{name: "committed in both", committed: inBinlog(3, 7, 8, 9), engineSeq: 3, lastSeq: 3},
		{name: "the binlog alone", committed: inBinlog(3, 7, 8, 9), engineSeq: 1, lastSeq: 3, want: Report{BinlogAhead: 2}},
		{name: "the binlog alone, with a hole", unfinished: []undo.Unfinished{prepared(9, 9)}, committed: inBinlog(3, 7, 8, 9), engineSeq: 1, lastSeq: 3, done: "+9",
			want: Report{Prepared: 1, Committed: 1, BinlogAhead: 1}},
		{name: "the engine alone", committed: inBinlog(3, 7, 8, 9), engineSeq: 8, lastSeq: 3, want: Report{EngineAhead: 5}},
		{name: "the engine alone, an empty last file", engineSeq: 8, lastSeq: 6, want: Report{EngineAhead: 2}},
		{name: "no binlog", unfinished: []undo.Unfinished{prepared(5, 5), active(6)}, noBinlog: true, engineSeq: 4, done: "-5 -6", want: Report{Active: 1, Prepared: 1, RolledBack: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := Report{Binlog: !c.noBinlog, LastSeq: c.lastSeq}
			var done []string
			err := Resolve(c.unfinished, c.committed, c.engineSeq, func(u undo.Unfinished, commit bool) (lsn.LSN, error) {
				done = append(done, fmt.Sprintf("%c%d", map[bool]rune{true: '+', false: '-'}[commit], u.ID))
				return 0, nil
			}, func(seq uint64) (lsn.LSN, error) {
				done = append(done, fmt.Sprintf("=%d", seq))
				return 0, nil
			}, &rep)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(done, " "); got != c.done {
				t.Errorf("done: %s; want %s", got, c.done)
			}
			got := Report{Active: rep.Active, Prepared: rep.Prepared, Committed: rep.Committed, RolledBack: rep.RolledBack, BinlogAhead: rep.BinlogAhead, EngineAhead: rep.EngineAhead}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("counted: %+v; want %+v", got, c.want)
			}
			if rep.EngineLastSeq != c.engineSeq {
				t.Errorf("EngineLastSeq = %d; want %d", rep.EngineLastSeq, c.engineSeq)
			}
		})
	}
}

// Two transactions of one Xid cannot be told apart: nothing is decided.
func TestResolveDuplicateXID(t *testing.T) {
	rep := Report{Binlog: true}
	called := 0
	err := Resolve([]undo.Unfinished{prepared(5, 9), prepared(6, 9)}, inBinlog(1, 9), 0, func(undo.Unfinished, bool) (lsn.LSN, error) {
		called++
		return 0, nil
	}, noNote, &rep)
	if err == nil || called > 0 || !strings.Contains(err.Error(), "5 and 6") || !strings.Contains(err.Error(), "XID 9") {
		t.Errorf("Resolve = %v after %d decisions", err, called)
	}
}

// The first transaction that cannot be ended ends the recovery.
func TestResolveFails(t *testing.T) {
	for bad, want := range map[trx.ID]string{3: "commit transaction 3 (XID 3)", 2: "roll back transaction 2"} {
		rep := Report{Binlog: true, LastSeq: 2}
		last := trx.ID(0)
		err := Resolve([]undo.Unfinished{active(2), prepared(3, 3), prepared(4, 4)}, inBinlog(2, 3, 4), 0, func(u undo.Unfinished, _ bool) (lsn.LSN, error) {
			if last = u.ID; u.ID == bad {
				return 0, errResolve
			}
			return 0, nil
		}, noNote, &rep)
		if !errors.Is(err, errResolve) || last != bad || !strings.Contains(err.Error(), want) {
			t.Errorf("transaction %v fails: Resolve = %v, the last one is %v", bad, err, last)
		}
	}
}

// The report fits a terminal and names each divergence.
func TestReportString(t *testing.T) {
	for name, c := range map[string]struct {
		rep  Report
		want string
	}{
		"no binlog":    {Report{EndReason: "zeros"}, "binlog        none"},
		"in step":      {Report{Binlog: true, BinlogFile: "binlog.000002", LastSeq: 9}, "none: engine and binlog end with the same transaction (9)"},
		"binlog ahead": {Report{Binlog: true, BinlogAhead: 3}, "binlog ahead: 3 transactions"},
		"engine ahead": {Report{Binlog: true, EngineAhead: 4}, "engine ahead: 4 transactions"},
		"both":         {Report{Binlog: true, BinlogAhead: 3, EngineAhead: 4}, "engine ahead: 4 transactions"},
		"large":        {Report{Bytes: 1 << 30, ScanNs: 2e9, ApplyNs: 3e9}, "2.00 and 3.00 s per GiB"},
	} {
		text := c.rep.String()
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %q is missing in\n%s", name, c.want, text)
		}
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: a line of %d bytes: %s", name, len(line), line)
			}
		}
	}
}
