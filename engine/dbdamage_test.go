package engine

import (
	"errors"
	"fmt"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// ruin is a bank whose process has died: its pages were flushed, the log has
// gone on, and a checkpoint says how far it was flushed.
type ruin struct {
	bank *bank
	disk *vfs.Mem
	// The log was flushed from the checkpoint up to flushed, and says so; from
	// there to end it is only written as far as anybody knows.
	checkpoint, flushed, end lsn.LSN
	offset                   func(lsn.LSN) int64
	binlog                   int64 // bytes of the last binlog file
}

func newRuin(t testing.TB, change func(o *DatabaseOptions)) ruin {
	t.Helper()
	o := bankOptions(newDisk(t))
	if change != nil {
		change(&o)
	}
	b := newBank(t, o)
	db := openedUnhurried(t, b.opts) // the doublewrite file holds the last batch only
	transfers := func(n int, seed uint64) {
		t.Helper()
		for client := range uint32(bankClients) {
			if err := b.client(db, client, n, seed); err != nil {
				t.Fatal(err)
			}
		}
	}
	transfers(5, 1)
	must(t, db.sys.Close()) // no purge: all pages go in one batch
	if err := db.pool.FlushAll(); err != nil {
		t.Fatal(err)
	}
	transfers(10, 2)
	if moved, err := db.wal.checkpoint(); !moved || err != nil {
		t.Fatalf("checkpoint = %v, %v; want one", moved, err)
	}
	r := ruin{bank: b, checkpoint: db.wal.newest, flushed: lsn.LSN(db.wal.boundary.Load()), offset: func(at lsn.LSN) int64 { return logOffset(db, uint64(at)) }}
	if r.flushed-r.checkpoint < 4096 {
		t.Fatalf("checkpoint %v, flushed %v: the test needs a log between the two", r.checkpoint, r.flushed)
	}
	transfers(3, 3)
	if err := db.Drain(); err != nil {
		t.Fatal(err)
	}
	r.end = db.log.Written()
	if db.bin != nil {
		files := db.bin.Files()
		r.binlog = files[len(files)-1].Size
	}
	r.disk = o.FS.(*vfs.Mem)
	r.disk = copyDisk(r.disk)
	return r
}

// copied is the ruin's bank on a copy of its disk.
func (r ruin) copied() (*bank, *vfs.Mem) {
	disk := copyDisk(r.disk)
	return r.bank.on(disk), disk
}

// whole opens the bank and checks that nothing that was acknowledged is lost.
func whole(b *bank) (books, error) {
	bk, err := b.audit()
	if err != nil {
		return bk, err
	}
	for key := range b.acked {
		if !bk.engine[key] {
			return bk, fmt.Errorf("acknowledged transfer %d is lost", key)
		}
	}
	return bk, nil
}

func TestDatabaseRepairsTornPages(t *testing.T) {
	r := newRuin(t, nil)
	for _, id := range []bufpool.PageID{{Space: bufpool.SpaceTable, No: 0}, {Space: bufpool.SpaceUndo, No: 0}, {Space: bufpool.SpaceUndo, No: bankClients + 1}} {
		b, disk := r.copied()
		name, off := bufpool.FileName(id.Space), int64(id.No)*bufpool.PageSize
		tear(t, disk, name, off)
		db, err := OpenDatabase(b.opts)
		if err != nil {
			t.Fatalf("page %v: %v", id, err)
		}
		rep := db.Report()
		if len(rep.Repaired) != 1 || rep.Repaired[0].ID != id || rep.Repaired[0].Offset != off {
			t.Errorf("page %v torn; repaired: %+v", id, rep.Repaired)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := whole(b); err != nil {
			t.Errorf("page %v: %v", id, err)
		}
	}
}

// Without the doublewrite file a torn page is found and named.
func TestDatabaseRefusesTornPages(t *testing.T) {
	r := newRuin(t, func(o *DatabaseOptions) { o.NoDoublewrite = true })
	for _, id := range []bufpool.PageID{{Space: bufpool.SpaceTable, No: 0}, {Space: bufpool.SpaceUndo, No: 0}, {Space: bufpool.SpaceUndo, No: 1}} {
		b, disk := r.copied()
		name, off := bufpool.FileName(id.Space), int64(id.No)*bufpool.PageSize
		tear(t, disk, name, off)
		_, err := OpenDatabase(b.opts)
		var damage *bufpool.DamageError
		if !errors.As(err, &damage) || damage.ID != id || damage.Offset != off {
			t.Errorf("page %v torn: %v", id, err)
		}
		if wrong := clearLine(err, name, fmt.Sprintf("offset %d", off), fmt.Sprintf("page %v", id)); wrong != "" {
			t.Error(wrong)
		}
	}
}

// A row whose page nobody has read before the damage: the statement fails, and
// with it the database.
func TestDatabaseFindsRotInPages(t *testing.T) {
	r := newRuin(t, func(o *DatabaseOptions) { o.NoDoublewrite = true })
	b, disk := r.copied()
	db := opened(t, b.opts)
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	tear(t, disk, "table.pages", 0)
	db = opened(t, b.opts)
	c := conn(t, db, 0)
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	got := row(1, 0)
	_, err := c.Read(1, got)
	if wrong := clearLine(err, "table.pages", "offset 0", "page"); wrong != "" {
		t.Error(wrong)
	}
}

// Purge reads pages that no statement has asked for: what it finds stops the database
// as it would have stopped a statement, and says where it is.
func TestDatabasePurgeFindsRot(t *testing.T) {
	r := newRuin(t, func(o *DatabaseOptions) { o.NoDoublewrite = true })
	b, disk := r.copied()
	db := opened(t, b.opts)
	must(t, db.sys.Close()) // the deleted row is left to purge after the next start
	c := conn(t, db, 0)
	must(t, c.Begin(), c.StartStatement([]byte("DELETE"), false))
	if found, err := c.Delete(1); !found || err != nil {
		t.Fatalf("Delete = %v, %v", found, err)
	}
	c.EndStatement()
	must(t, c.Commit(), db.Shutdown())
	tear(t, disk, "table.pages", 0)

	db, err := OpenDatabase(b.opts)
	must(t, err)
	_, purge := db.sys.Purge() // or its own goroutine was faster
	if wrong := clearLine(purge, "purge", "table.pages", "offset 0", "page"); wrong != "" {
		t.Error(wrong)
	}
	if err := db.Err(); !errors.Is(err, purge) {
		t.Errorf("the database's error is %v; want %v", err, purge)
	}
	c = conn(t, db, 1)
	must(t, c.Begin())
	if err := c.Commit(); !errors.Is(err, purge) {
		t.Errorf("Commit = %v; want %v", err, purge)
	}
	if err := c.lock(2); !errors.Is(err, purge) {
		t.Errorf("a lock: %v; want %v", err, purge)
	}
	if err := db.Close(); !errors.Is(err, purge) {
		t.Errorf("Close = %v; want %v", err, purge)
	}
}

func TestDatabaseCheckpointSlots(t *testing.T) {
	r := newRuin(t, nil)
	seen := map[lsn.LSN]bool{}
	for slot := range int64(2) {
		b, disk := r.copied()
		flipBit(t, disk, "redo.0", 4096*(1+slot)+24)
		db, err := OpenDatabase(b.opts)
		if err != nil {
			t.Fatalf("slot %d damaged: %v", slot, err)
		}
		seen[db.Report().Checkpoint.LSN] = true
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := whole(b); err != nil {
			t.Errorf("slot %d damaged: %v", slot, err)
		}
	}
	if len(seen) != 2 || !seen[r.checkpoint] {
		t.Errorf("recovered from %v; want %v and the one before", seen, r.checkpoint)
	}
	b, disk := r.copied()
	flipBit(t, disk, "redo.0", 4096+24)
	flipBit(t, disk, "redo.0", 8192+24)
	_, err := OpenDatabase(b.opts)
	if wrong := clearLine(err, "redo.0", "offset 4096", "both checkpoint slots are damaged"); wrong != "" {
		t.Error(wrong)
	}
}

// A bit flipped below the position that a checkpoint knows to be flushed is
// damage, unless nothing stands there: records are filled up to 8 bytes. Behind
// it, it is where a crash may have torn the log.
func TestDatabaseDamagedLog(t *testing.T) {
	r := newRuin(t, nil)
	found := 0
	for at := r.checkpoint + 100; at < r.flushed; at += (r.flushed - r.checkpoint) / 7 {
		b, disk := r.copied()
		flipBit(t, disk, "redo.0", r.offset(at))
		_, err := whole(b)
		var damage *redo.CorruptionError
		if err == nil {
			continue
		}
		found++
		if !errors.As(err, &damage) || damage.LSN > at || damage.Offset > r.offset(at) || damage.LSN < r.checkpoint {
			t.Fatalf("a bit flipped at LSN %v, flushed up to %v: %v", at, r.flushed, err)
		}
		if wrong := clearLine(err, "redo.0", fmt.Sprintf("offset %d", damage.Offset), fmt.Sprintf("LSN %v", damage.LSN)); wrong != "" {
			t.Error(wrong)
		}
	}
	if found < 5 {
		t.Errorf("%d of 7 flipped bits were found", found)
	}
	b, disk := r.copied()
	at := r.flushed + (r.end-r.flushed)/2
	flipBit(t, disk, "redo.0", r.offset(at))
	bk, err := b.audit()
	if err != nil {
		t.Fatal(err)
	}
	if bk.ahead == 0 && len(bk.engine) < len(b.acked) {
		t.Errorf("the engine has %d of %d transfers, and the report says\n%v", len(bk.engine), len(b.acked), bk.report)
	}
}

func TestDatabaseDamagedBinlog(t *testing.T) {
	r := newRuin(t, nil)
	const file = "binlog.000002"
	t.Run("tail", func(t *testing.T) {
		b, disk := r.copied()
		flipBit(t, disk, file, r.binlog-10)
		db, err := OpenDatabase(b.opts)
		if err != nil {
			t.Fatal(err)
		}
		rep := db.Report()
		if rep.BinlogCut == 0 || rep.BinlogReason == "" || rep.BinlogFile != file || rep.EngineAhead != 1 {
			t.Errorf("the last transaction is damaged; the report says\n%v", &rep)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if db, err = OpenDatabase(b.opts); err != nil {
			t.Fatal(err)
		}
		if rep := db.Report(); rep.BinlogCut != 0 || rep.EngineAhead != 0 {
			t.Errorf("the second recovery says\n%v", &rep)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("middle", func(t *testing.T) {
		for off := int64(600); off < r.binlog*3/4; off += r.binlog / 9 {
			b, disk := r.copied()
			flipBit(t, disk, file, off)
			_, err := OpenDatabase(b.opts)
			var damage *binlog.CorruptionError
			if !errors.As(err, &damage) || damage.Offset > off {
				t.Fatalf("a bit flipped at %d of %d: %v", off, r.binlog, err)
			}
			if wrong := clearLine(err, file, fmt.Sprintf("offset %d", damage.Offset)); wrong != "" {
				t.Error(wrong)
			}
		}
	})
	t.Run("index", func(t *testing.T) {
		for _, off := range []int64{0, 3, 16} {
			b, disk := r.copied()
			flipBit(t, disk, "binlog.index", off)
			_, err := OpenDatabase(b.opts)
			if wrong := clearLine(err, "binlog.index", "offset"); wrong != "" {
				t.Error(wrong)
			}
		}
	})
}

// A file that is missing is named, in one line, and nothing is made up in its
// place: the folder is as it was.
func TestDatabaseMissingFiles(t *testing.T) {
	r := newRuin(t, func(o *DatabaseOptions) { o.Files = 2 })
	for _, name := range []string{"redo.0", "redo.1", "table.pages", "undo.pages", "doublewrite", "binlog.000001", "binlog.000002", "binlog.index"} {
		b, disk := r.copied()
		remove(t, disk, name)
		before, _ := disk.List(dir)
		_, err := OpenDatabase(b.opts)
		if wrong := clearLine(err, name); wrong != "" {
			t.Errorf("without %s: %s", name, wrong)
		}
		if after, _ := disk.List(dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("without %s: the folder has %v, and had %v", name, after, before)
		}
	}
}

// The options must be those that the database was made with.
func TestDatabaseOtherOptions(t *testing.T) {
	r := newRuin(t, nil)
	for name, change := range map[string]func(o *DatabaseOptions){
		"rows of 40": func(o *DatabaseOptions) { o.RowBytes = 48 },
		"with 5":     func(o *DatabaseOptions) { o.Clients = 5 },
	} {
		b, _ := r.copied()
		change(&b.opts)
		_, err := OpenDatabase(b.opts)
		if wrong := clearLine(err, "undo:"); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}
