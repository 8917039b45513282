package lesson

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"flushbench/engine"
	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
)

// tornPage is the lesson torn-page.
func tornPage() Lesson {
	return Lesson{
		Name:  "torn-page",
		Title: "A page half written when the power went",
		Claim: "A redo log cannot mend a torn page; the doublewrite buffer can.",
		Rule: "The power goes while pages are written in place. With doublewrite no page may stay damaged and nothing acknowledged be lost; " +
			"without it some page must stay damaged after the redo log was applied.",
		Takes: 30 * time.Second,
		Bytes: 2*doublewriteRounds*doublewriteBytes + 128<<20,
		Run:   tellTornPage,
	}
}

const (
	tornAccounts = 5000
	tornCrashes  = 20 // with doublewrite, and without
)

func tellTornPage(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	n := env.Count(tornCrashes)
	s.Step("A bank of %s accounts on the in-memory disk. %d times each, without doublewrite and with it, the power goes while pages of 16 KiB are written in place: each sector of 512 bytes is there or not.",
		thousands(tornAccounts), n)
	var sides [2]tornCount
	for i, off := range []bool{true, false} {
		c, err := tearPages(ctx, off, n, env.Seed)
		if err != nil {
			return nil, err
		}
		sides[i] = c
		c.tell(s, off)
		s.Crashed(vfs.CrashPower, result.LessonMemory, n)
	}
	off, on := &sides[0], &sides[1]
	s.Table("Pages torn, and what recovery made of them", []string{"doublewrite", "crashes", "torn", "rows on them", "mended", "damaged", "open again", "lost"},
		off.row("off"), on.row("on"))
	off.figures(s, "off")
	on.figures(s, "on")
	cost, err := measureDoublewrite(ctx, env)
	if err != nil {
		return nil, err
	}
	cost.tell(s)
	s.Advise("innodb_doublewrite=ON (--doublewrite=on), unless the disk writes 16 KiB whole or not at all, and says so")
	s.Limit("Whether this disk tears a page at a power cut was not tried; the in-memory disk does, sector by sector.")
	measured := fmt.Sprintf("Without doublewrite %d of %d databases did not open again, with %s damaged pages and %s rows on them; with it %s pages were torn, %d stayed so, and %d of %s acknowledged transactions were lost.",
		off.unopened(), off.crashes, thousands(off.damaged), thousands(off.rows), thousands(on.torn), on.damaged, on.lost, thousands(on.acked))
	switch {
	case on.damaged > 0 || on.lost > 0 || on.unopened() > 0:
		return s.DoesNotHold(measured, "pages were torn that doublewrite did not mend"), nil
	case off.torn == 0 || on.torn == 0:
		return s.NotTestable(measured, "no page was torn"), nil
	case off.damaged == 0:
		return s.DoesNotHold(measured, "the redo log alone mended every page"), nil
	}
	return s.Holds(measured, "the redo log holds what was changed in a page, not the page: there is nothing sound to apply it to"), nil
}

// tornCount is what crashes have torn, added up.
type tornCount struct {
	crashes  int
	torn     int // damaged pages, before recovery
	rows     int // of the table, that stand on them
	mended   int // by the doublewrite file
	damaged  int // pages, after recovery or what there was of one
	opened   int // databases that could be opened again
	acked    uint64
	lost     uint64               // acknowledged transactions, of databases that could be opened
	first    *bufpool.DamageError // the first torn page of the table
	keys     [2]uint64            // the first row and the last on it
	stopped  *bufpool.DamageError // why that database, or one after it, could not be opened
	mendedAt string               // a page that was mended
}

func (c *tornCount) unopened() int { return c.crashes - c.opened }

func (c *tornCount) row(side string) []string {
	lost := thousands(c.lost)
	if c.opened == 0 {
		lost = "all"
	}
	return append(append([]string{side}, texts(c.crashes, c.torn, c.rows, c.mended, c.damaged, c.opened)...), lost)
}

// texts are numbers as cells of a table.
func texts[T int | int64 | uint64](n ...T) (all []string) {
	for _, x := range n {
		all = append(all, thousands(x))
	}
	return all
}

func (c *tornCount) figures(s *Story, side string) {
	for _, f := range []struct {
		name  string
		value float64
		unit  string
	}{
		{"pages_torn", float64(c.torn), "pages"}, {"rows_on_torn_pages", float64(c.rows), "rows"}, {"pages_mended", float64(c.mended), "pages"},
		{"pages_damaged_after", float64(c.damaged), "pages"}, {"databases_not_opened", float64(c.unopened()), "crashes"}, {"commits_lost", float64(c.lost), "commits"},
	} {
		s.Figure("doublewrite_"+side+"_"+f.name, f.value, f.unit, "")
	}
}

func (c *tornCount) tell(s *Story, off bool) {
	if off {
		s.Step("Without doublewrite: %s pages torn in %d crashes; %d of these databases do not open again.", thousands(c.torn), c.crashes, c.unopened())
		if c.first != nil && c.stopped != nil {
			s.Step("  the first: page %d of %s, with accounts %d to %d, is half old and half new. Recovery stops at page %d of %s (%s): the redo log has only the changes of a page, not the page.",
				c.first.ID.No, filepath.Base(c.first.File), c.keys[0], c.keys[1], c.stopped.ID.No, filepath.Base(c.stopped.File), c.stopped.Reason)
		}
		return
	}
	s.Step("With doublewrite: %s pages torn in %d crashes, %s mended from their copies%s; %d databases open, %d of %s acknowledged transactions are lost.",
		thousands(c.torn), c.crashes, thousands(c.mended), c.mendedAt, c.opened, c.lost, thousands(c.acked))
}

// tearPages crashes a bank n times while pages are written in place.
func tearPages(ctx context.Context, off bool, n int, seed uint64) (tornCount, error) {
	var c tornCount
	m, err := newMemory(tornSubject(off))
	if err != nil {
		return c, err
	}
	for i := range uint64(n) {
		if err := c.tear(ctx, m, seed+i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// tornSubject is a bank whose log is so small that pages are flushed all the time.
func tornSubject(off bool) subject.Subject {
	s := subject.Subject{Clients: 2, Seed: 1, Load: workload.Spec{Kind: workload.KindBank, Rows: tornAccounts, RowBytes: 120}}
	s.Engine = engine.Options{Capacity: 1 << 20, Files: 1, BufferSize: 64 << 10}
	s.Engine.Commit.Policy = 1
	s.Database.BufferPool, s.Database.NoDoublewrite = 8<<20, off
	return s
}

// tear is one crash, and what can be had of the database after it.
func (c *tornCount) tear(ctx context.Context, m *memory, seed uint64) error {
	disk := &cutInPlace{}
	crash, err := m.crash(ctx, seed, during{wrap: disk.on, open: func(*vfs.Mem, *engine.Database) error {
		disk.left.Store(1 + int64(seed%4))
		return nil
	}})
	if err != nil {
		return err
	}
	c.crashes++
	c.acked += crash.total()
	after := crash.mem.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: seed})
	if err := c.look(m, after); err != nil {
		return err
	}
	db, err := engine.OpenDatabase(m.options(after))
	var damage *bufpool.DamageError
	switch {
	case errors.As(err, &damage):
		if c.stopped == nil {
			c.stopped = damage
		}
	case err != nil:
		return err
	default:
		if err := c.reopened(m, db, crash); err != nil {
			return err
		}
	}
	bad, err := bufpool.Damaged(after, memoryFolder)
	c.damaged += len(bad)
	return err
}

// look counts the damaged pages before anything is done about them.
func (c *tornCount) look(m *memory, disk vfs.FS) error {
	bad, err := bufpool.Damaged(disk, memoryFolder)
	c.torn += len(bad)
	for i := range bad {
		d := &bad[i]
		if d.ID.Space != bufpool.SpaceTable {
			continue
		}
		first, last, n := m.rowsOn(d.ID.No)
		c.rows += n
		if c.first == nil && n > 0 {
			c.first, c.keys = d, [2]uint64{first, last}
		}
	}
	return err
}

// rowsOn returns the first and the last row of a page of the table, and how many.
func (m *memory) rowsOn(page uint32) (first, last uint64, n int) {
	layout := table.Layout{RowBytes: m.options(nil).RowBytes}
	per, rows := uint64(layout.RowsPerPage()), m.txns.TableRows()
	first = min(uint64(page)*per, rows)
	end := min(first+per, rows)
	return first, max(end, 1) - 1, int(end - first)
}

// reopened holds a database that opened again against what was acknowledged.
func (c *tornCount) reopened(m *memory, db *engine.Database, crash *crashed) error {
	rep := db.Report()
	c.opened++
	c.mended += len(rep.Repaired)
	if c.mendedAt == "" && len(rep.Repaired) > 0 {
		r := &rep.Repaired[0]
		c.mendedAt = fmt.Sprintf(" (the first: page %d of %s)", r.ID.No, filepath.Base(r.File))
	}
	lost, err := m.lost(db, crash.acked)
	c.lost += lost
	return errors.Join(err, db.Close())
}

// cutInPlace is an in-memory disk whose power goes when the data file of the table is
// about to be flushed: its pages were handed over, and none of them is safe.
type cutInPlace struct {
	vfs.FS
	mem  *vfs.Mem
	left atomic.Int64 // flushes until then; at 0 and below it never goes
}

// on puts it in front of a disk.
func (c *cutInPlace) on(mem *vfs.Mem) vfs.FS {
	c.FS, c.mem = mem, mem
	return c
}

// Open implements vfs.FS.
func (c *cutInPlace) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := c.FS.Open(path, m)
	if err != nil || filepath.Base(path) != bufpool.FileName(bufpool.SpaceTable) {
		return f, err
	}
	return &cutFile{f, c}, nil
}

// cutFile is that file.
type cutFile struct {
	vfs.File
	disk *cutInPlace
}

// Flush implements vfs.File.
func (f *cutFile) Flush() error {
	if f.disk.left.Add(-1) == 0 {
		f.disk.mem.CrashAfter(f.disk.mem.Events())
	}
	return f.File.Flush()
}
