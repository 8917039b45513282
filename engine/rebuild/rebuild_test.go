package rebuild

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
)

// history is a log of some files with rows.
func history(t testing.TB, image binlog.RowImage, transactions int) *writer {
	w := newWriter(t, func(o *binlog.Options) { o.RowImage, o.MaxSize, o.CacheSize = image, 4096, binlog.MinCacheSize }).create()
	rng := rand.New(rand.NewPCG(3, uint64(image)))
	for i := range transactions {
		w.now = started + uint32(i/3)
		w.changes(rng, 1+rng.IntN(4))
	}
	return w
}

// Every row image, through rotations, gives the rows that were written; and what the
// report says is so.
func TestRunRows(t *testing.T) {
	for _, image := range binlog.RowImages.All() {
		w := history(t, image, 120).close()
		table, rep, err := Run(options(w.fs))
		if err != nil {
			t.Fatal(err)
		}
		if wrong := differs(table, w.rows); wrong != "" {
			t.Errorf("%v: %s", image, wrong)
		}
		if rep.Transactions != 122 || rep.LastSeq != 122 || rep.Files < 3 || !rep.Closed || rep.EndReason != "end of file" || rep.LastTime != w.now || rep.Statements != 2 {
			t.Errorf("%v: %+v", image, rep)
		}
		size := 0
		for name, b := range w.files() {
			if name != binlog.IndexName {
				size += len(b)
			}
		}
		if rep.Bytes > int64(size)-23 || rep.Bytes < int64(size)-500 { // the Stop event, and the head of a file without transactions
			t.Errorf("%v: %d bytes read, of %d", image, rep.Bytes, size)
		}
	}
}

// A transaction that is larger than what is read at a time is applied whole.
func TestLargeTransaction(t *testing.T) {
	w := newWriter(t, func(o *binlog.Options) { o.Width = 60_000 }).create()
	w.commit(func(x *binlog.Txn) {
		_, _ = x.StartStatement(nil, true)
		for key := range uint64(60) {
			w.rows[key] = binlog.Row{Key: key, K: 1, C: []byte(strings.Repeat(string(rune('a'+key%26)), 50_000))}
			if err := x.Insert(w.rows[key]); err != nil {
				t.Fatal(err)
			}
		}
		x.EndStatement()
	})
	table, _, err := Run(options(w.close().fs))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := differs(table, w.rows); wrong != "" {
		t.Error(wrong[:60])
	}
}

// Each kind of Until stops where it says; one that is never reached is told.
func TestUntil(t *testing.T) {
	w := history(t, binlog.ImageFull, 60).close()
	tail, err := binlog.NewTail(w.fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	at := func(u Until, want uint64, stopped bool) {
		t.Helper()
		o := options(w.fs)
		o.Until = u
		table, rep, err := Run(o)
		if err != nil {
			t.Fatalf("until %v: %v", u, err)
		}
		if wrong := differs(table, w.states[want]); wrong != "" || rep.LastSeq != want || rep.Stopped != stopped {
			t.Errorf("until %v: %s, up to %d (stopped %v), want %d", u, wrong, rep.LastSeq, rep.Stopped, want)
		}
	}
	before, second := uint64(0), uint64(0) // last sequence of earlier seconds
	for seq := uint64(1); ; seq++ {
		u, err := tail.Next()
		if errors.Is(err, binlog.ErrPending) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if uint64(u.Time) != second {
			before, second = seq-1, uint64(u.Time)
		}
		at(Until{Kind: UntilGTID, GTID: u.Begin.GTID}, seq, true)
		at(Until{Kind: UntilPos, File: u.File, Pos: u.End}, seq, true)
		at(Until{Kind: UntilPos, File: u.File, Pos: u.End - 1}, seq-1, true)
		at(Until{Kind: UntilTime, Time: time.Unix(int64(u.Time), 0)}, before, true)
	}
	at(Until{Kind: UntilTime, Time: time.Unix(int64(second)+1, 0)}, 62, false)
	at(Until{Kind: UntilTime, Time: time.Unix(int64(second)-1, 1)}, before, true)
	at(Until{Kind: UntilPos, File: "binlog.000099"}, 62, false)
	at(Until{Kind: UntilGTID, GTID: binlog.GTID{Server: 1, Seq: 99}}, 62, false)
	o := options(w.fs)
	o.Until = Until{Kind: UntilGTID, GTID: binlog.GTID{Server: 2, Seq: 9}}
	if _, _, err := Run(o); err == nil || !strings.Contains(err.Error(), "until 0-2-9: the log has 0-1-9") {
		t.Errorf("a GTID of another server: %v", err)
	}
}

// A log goes on from a backup: what that holds is left out. One that begins later is
// refused, and so is a base that lacks what the log begins after.
func TestBase(t *testing.T) {
	w := history(t, binlog.ImageMinimal, 100).close()
	for seq := uint64(0); seq <= 102; seq += 17 {
		o := options(w.fs)
		state := w.states[seq]
		o.Base = Base{Seq: seq, Rows: 40, Row: func(key uint64, r *binlog.Row) (bool, error) {
			have, ok := state[key]
			*r = have
			return ok, nil
		}}
		table, rep, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := differs(table, w.rows); wrong != "" || rep.Skipped != seq || rep.Transactions != 102-seq || rep.LastSeq != 102 {
			t.Errorf("from %d: %s, %+v", seq, wrong, rep)
		}
	}
	files := w.files()
	files[binlog.IndexName] = []byte(strings.TrimPrefix(string(files[binlog.IndexName]), "./binlog.000001\n"))
	delete(files, "binlog.000001")
	purged := diskOf(t, files)
	if _, _, err := Run(options(purged)); err == nil || !strings.Contains(err.Error(), "begins after GTID sequence") || !strings.Contains(err.Error(), "binlog.000002") {
		t.Errorf("without the first file: %v", err)
	}
	o := options(purged)
	o.Base = Base{Rows: 1, Row: func(uint64, *binlog.Row) (bool, error) { return false, errors.New("broken") }, Seq: 90}
	if _, _, err := Run(o); err == nil || !strings.Contains(err.Error(), "row 0 of the base: broken") {
		t.Errorf("a base that cannot be read: %v", err)
	}
}

// Without a base, rows come from the images before their changes; rows that the log
// does not name are unknown, and what cannot be known is refused.
func TestImages(t *testing.T) {
	w := newWriter(t, nil).create()
	old := binlog.Row{Key: 3, K: 30, C: []byte("old")}
	w.commit(func(x *binlog.Txn) {
		_, _ = x.StartStatement(nil, true)
		if err := errors.Join(x.Update(old, binlog.Row{Key: 3, K: 31, C: []byte("old")}), x.Delete(binlog.Row{Key: 5, K: 1})); err != nil {
			t.Fatal(err)
		}
		x.EndStatement()
	})
	o := options(w.close().fs)
	o.Base = Base{Images: true, Rows: 10}
	table, rep, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := differs(table, map[uint64]binlog.Row{3: {Key: 3, K: 31, C: []byte("old")}}); wrong != "" || rep.Mismatched != 0 {
		t.Error(wrong, rep.Mismatched)
	}
	for key, known := range map[uint64]bool{3: true, 5: true, 4: false, 9: false, 10: true} {
		if table.Known(key) != known {
			t.Errorf("Known(%d) = %v", key, !known)
		}
	}
	o.Base = Base{}
	var apply *ApplyError
	if _, _, err := Run(o); !errors.As(err, &apply) || apply.GTID.Seq != 3 || !strings.Contains(apply.Reason, "row 3 is changed, but it is not there") {
		t.Errorf("without a base: %v", err)
	}
	for _, text := range []string{"UPDATE t SET k=k+1 WHERE id=4", "UPDATE t SET k=1", "DELETE FROM t WHERE id<3"} {
		w := newWriter(t, func(o *binlog.Options) { o.Format = binlog.FormatStatement }).create()
		w.statements(text)
		o := options(w.close().fs)
		o.Base = Base{Images: true, Rows: 10}
		if _, _, err := Run(o); !errors.As(err, &apply) || !strings.Contains(err.Error(), "a base with the rows is needed") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What a server would stop at is one line that says where.
func TestRefusedRows(t *testing.T) {
	row := binlog.Row{Key: 1, K: 1, C: []byte("x")}
	for want, change := range map[string]func(x *binlog.Txn) error{
		"duplicate key":                   func(x *binlog.Txn) error { return x.Insert(row) },
		"row 2 is changed":                func(x *binlog.Txn) error { return x.Update(binlog.Row{Key: 2}, binlog.Row{Key: 2, K: 1}) },
		"row 7 is changed, but it is not": func(x *binlog.Txn) error { return x.Delete(binlog.Row{Key: 7}) },
		"row 1 becomes row 4, which is there": func(x *binlog.Txn) error {
			return errors.Join(x.Insert(binlog.Row{Key: 4}), x.Update(row, binlog.Row{Key: 4}))
		},
	} {
		w := newWriter(t, nil).create()
		w.commit(func(x *binlog.Txn) {
			_, _ = x.StartStatement(nil, true)
			if err := change(x); err != nil {
				t.Fatal(err)
			}
			x.EndStatement()
		})
		o := options(w.close().fs)
		o.Base = base(row)
		_, rep, err := Run(o)
		var apply *ApplyError
		if !errors.As(err, &apply) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || apply.File != "binlog.000001" || apply.Offset < 200 || rep.LastSeq != 2 {
			t.Errorf("%s: %v, %+v", want, err, rep)
		}
	}
	w := newWriter(t, nil)
	w.changes(rand.New(rand.NewPCG(1, 1)), 1)
	if _, _, err := Run(options(w.close().fs)); err == nil || !strings.Contains(err.Error(), "table `t` does not exist: nothing in the log creates it") {
		t.Errorf("no table: %v", err)
	}
}

// A row image that is not what the table holds is counted, and wins, as on a server.
func TestMismatched(t *testing.T) {
	w := newWriter(t, nil).create()
	w.commit(func(x *binlog.Txn) {
		_, _ = x.StartStatement(nil, true)
		if err := x.Update(binlog.Row{Key: 1, K: 5}, binlog.Row{Key: 1, K: 6}); err != nil {
			t.Fatal(err)
		}
		x.EndStatement()
	})
	o := options(w.close().fs)
	o.Base = base(binlog.Row{Key: 1, K: 99})
	table, rep, err := Run(o)
	if r, _ := table.Get(1); err != nil || rep.Mismatched != 1 || r.K != 6 {
		t.Errorf("%+v, %+v, %v", r, rep, err)
	}
}

// Damage, missing files and gaps are refused with a place; a tail that a crash left is
// the end.
func TestDamage(t *testing.T) {
	w := history(t, binlog.ImageFull, 100)
	if err := w.l.Flush(); err != nil {
		t.Fatal(err)
	}
	good := w.files()
	third := w.ends(3)
	last := fmt.Sprintf("binlog.%06d", len(good)-1)
	for name, c := range map[string]struct {
		change func(files map[string][]byte)
		want   string // "": no error
		torn   bool
	}{
		"good":          {func(map[string][]byte) {}, "", false},
		"first missing": {func(f map[string][]byte) { delete(f, "binlog.000001") }, "binlog.000001 is damaged at offset 0: the index names it, but it is missing", false},
		"later missing": {func(f map[string][]byte) { delete(f, "binlog.000003") }, "binlog.000003 is damaged at offset 0: the index names it, but it is missing", false},
		"flipped bit":   {func(f map[string][]byte) { f["binlog.000002"][2000] ^= 1 }, "binlog.000002 is damaged at offset", false},
		"cut":           {func(f map[string][]byte) { f["binlog.000002"] = f["binlog.000002"][:2000] }, "but the index goes on with binlog.000003", false},
		"cut between":   {func(f map[string][]byte) { f["binlog.000001"] = f["binlog.000001"][:third] }, "but the index goes on with binlog.000002", false},
		"gap":           {func(f map[string][]byte) { f["binlog.000002"] = f["binlog.000003"] }, "the file before it ends with", false},
		"no index":      {func(f map[string][]byte) { delete(f, binlog.IndexName) }, "does not exist", false},
		"torn tail":     {func(f map[string][]byte) { f[last] = f[last][:len(f[last])-10] }, "", true},
		"zeros":         {func(f map[string][]byte) { f[last] = append(f[last], make([]byte, 700)...) }, "", true},
		"last flipped":  {func(f map[string][]byte) { f[last][400] ^= 1 }, last + " is damaged at offset", false},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for n, b := range good {
				files[n] = append([]byte(nil), b...)
			}
			c.change(files)
			table, rep, err := Run(options(diskOf(t, files)))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v; want one line with %q", err, c.want)
				}
				return
			}
			if err != nil || (rep.TornBytes > 0) != c.torn || rep.Closed || rep.EndFile != last {
				t.Fatalf("%+v, %v", rep, err)
			}
			if wrong := differs(table, w.states[rep.LastSeq]); wrong != "" {
				t.Error(wrong)
			}
		})
	}
	if _, _, err := Run(options(vfs.NewMem())); !errors.Is(err, vfs.ErrNotExist) {
		t.Errorf("an empty disk: %v", err)
	}
}
