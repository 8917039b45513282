package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/rebuild"
	"flushbench/engine/recovery"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// rebuildPlaces are the folders that rebuild works on.
type rebuildPlaces struct {
	binlog   string
	database string // "": no comparison
	opts     engine.DatabaseOptions
}

// places finds the binlog, and the database that it belongs to.
func (o *rebuildOptions) places() (*rebuildPlaces, error) {
	files := vfs.NewOS()
	p := &rebuildPlaces{binlog: o.from}
	own, opts, err := ownDatabase(files, o.from)
	switch {
	case err != nil:
		return nil, err
	case own == o.from && !opts.Binlog.Enabled:
		return nil, usagef("%s: this database has no binlog", o.from)
	case own == o.from:
		p.binlog = opts.BinlogDir()
	}
	if _, _, err := files.Stat(filepath.Join(p.binlog, binlog.IndexName)); err != nil {
		return nil, usagef("%s: there is no binlog: no %s", p.binlog, binlog.IndexName)
	}
	switch o.against {
	case "none":
	case "":
		p.database, p.opts = own, opts
	default:
		p.database = o.against
		if p.opts, err = engine.ReadMeta(files, o.against); err != nil {
			return nil, usageError(err)
		}
	}
	return p, nil
}

// ownDatabase returns the folder of the database whose binlog lies in dir or below
// dir; "": it is not there.
func ownDatabase(files vfs.FS, dir string) (string, engine.DatabaseOptions, error) {
	for _, at := range []string{dir, filepath.Dir(filepath.Clean(dir))} {
		opts, err := engine.ReadMeta(files, at)
		switch {
		case err == nil && (at == dir || sameFolder(opts.BinlogDir(), dir)):
			return at, opts, nil
		case err == nil, errors.Is(err, engine.ErrNoDatabase), errors.Is(err, engine.ErrLogWorkload):
		case at == dir:
			return "", engine.DatabaseOptions{}, usageError(err)
		}
	}
	return "", engine.DatabaseOptions{}, nil
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// hold keeps runs and recoveries away while the folders are read.
func (p *rebuildPlaces) hold() (*heldFolder, error) {
	held, err := holdFolder(p.binlog)
	if err != nil || p.database == "" {
		return held, err
	}
	if err := held.also(p.database, p.opts.DataDir, p.opts.BinlogDir()); err != nil {
		return nil, errors.Join(err, held.release())
	}
	return held, nil
}

// comparedEngine is a database that was recovered on a copy.
type comparedEngine struct {
	dir    string // of the original
	copied string // "": gone
	db     *engine.Database
	conn   *engine.Conn
	report recovery.Report
	keys   uint64 // no row has a larger one, or this
}

// Read implements rebuild.Source.
func (e *comparedEngine) Read(key uint64, r *table.Row) (bool, error) { return e.conn.Read(key, r) }

// close removes the copy. nil has nothing to close.
func (e *comparedEngine) close() error {
	if e == nil || e.copied == "" {
		return nil
	}
	var err error
	if e.db != nil {
		err = e.db.Close()
	}
	err = errors.Join(err, os.RemoveAll(e.copied))
	e.copied = ""
	return err
}

// openCopy recovers a copy of a database, below scratch, for reading.
func openCopy(dir string, o engine.DatabaseOptions, scratch string) (*comparedEngine, error) {
	copied, err := os.MkdirTemp(scratch, "flushbench-rebuild-*")
	if err != nil {
		return nil, usagef("--scratch: %w", err)
	}
	e := &comparedEngine{dir: dir, copied: copied}
	if err := e.open(o); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *comparedEngine) open(o engine.DatabaseOptions) error {
	to := map[string]*string{"log": &o.Dir, "data": &o.DataDir}
	if o.Binlog.Enabled {
		o.Binlog.Dir = o.BinlogDir()
		to["binlog"] = &o.Binlog.Dir
	}
	for name, at := range to {
		target := filepath.Join(e.copied, name)
		if err := copyFiles(*at, target); err != nil {
			return err
		}
		*at = target
	}
	o.Commit.Policy, o.Stages.SyncBinlog = groupcommit.Policy1, 1
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return err
	}
	e.report = db.Report()
	if err := db.Shutdown(); err != nil {
		return err
	}
	size, _, err := o.FS.Stat(filepath.Join(o.DataDir, bufpool.FileName(bufpool.SpaceTable)))
	if err != nil {
		return err
	}
	layout := table.Layout{RowBytes: o.RowBytes}
	e.keys = uint64(size/bufpool.PageSize) * uint64(layout.RowsPerPage())
	if e.db, err = engine.OpenDatabase(o); err != nil {
		return err
	}
	if e.conn, err = e.db.Conn(0); err != nil {
		return err
	}
	return e.conn.Begin()
}

// copyFiles copies the ordinary files of a folder into a new one. Closed files of a
// binlog, which recovery only reads, are linked where that is possible.
func copyFiles(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return usageError(err)
	}
	last := ""
	for _, entry := range entries {
		if name := entry.Name(); binlogFile(name) && (len(name) > len(last) || len(name) == len(last) && name > last) {
			last = name
		}
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.Type().IsRegular() {
			continue
		}
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		if binlogFile(name) && name != last && os.Link(source, target) == nil {
			continue
		}
		if err := copyFile(source, target); err != nil {
			return err
		}
	}
	return nil
}

// binlogFile reports whether a file is one of a binlog, but not its index.
func binlogFile(name string) bool {
	ok, err := filepath.Match("binlog.[0-9][0-9][0-9][0-9][0-9][0-9]*", name)
	return ok && err == nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrPermission) {
		return usageError(err)
	}
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// noBase is what there is to close without a backup.
var noBase *comparedEngine

// openBase opens the backup, if there is one, and says what the log goes on from.
func (o *rebuildOptions) openBase(p *rebuildPlaces, ro *rebuild.Options, out *rebuilt) (*comparedEngine, error) {
	if o.base == "" {
		if p.database != "" && p.opts.Rows == 0 {
			return noBase, nil // the log makes the table, and all that is in it
		}
		out.images = true
		ro.Base = rebuild.Base{Images: true, Rows: p.opts.Rows}
		return noBase, nil
	}
	opts, err := engine.ReadMeta(vfs.NewOS(), o.base)
	if err != nil {
		return noBase, usageError(err)
	}
	held, err := holdFolder(o.base)
	if err != nil {
		return noBase, err
	}
	e, err := openCopy(o.base, opts, o.scratch)
	if err = errors.Join(err, held.release()); err != nil {
		return noBase, fmt.Errorf("--base %s: %w", o.base, err)
	}
	var row table.Row
	out.base, out.baseSeq = o.base, e.report.LastSeq
	ro.Base = rebuild.Base{Seq: e.report.LastSeq, Rows: e.keys, Row: func(key uint64, r *binlog.Row) (bool, error) {
		found, err := e.Read(key, &row)
		r.K, r.C = row.K, row.C
		return found, err
	}}
	return e, nil
}

// compare holds the table against the database, recovered on a copy.
func (o *rebuildOptions) compare(p *rebuildPlaces, t *rebuild.Table, out *rebuilt) error {
	switch {
	case o.against == "none":
		out.notCompare = "not asked for (--against none)"
		return nil
	case p.database == "":
		out.notCompare = "there is no database beside the binlog (--against FOLDER)"
		return nil
	case out.until.Kind != rebuild.UntilEnd && out.report.Stopped && o.against == "":
		out.notCompare = "the table is one of an earlier time (--until); --against FOLDER compares all the same"
		return nil
	case o.follow && out.source == 0 && o.against == "":
		out.notCompare = "the source may be at work; stop it, and use rebuild without --follow"
		return nil
	}
	e, err := openCopy(p.database, p.opts, o.scratch)
	if err != nil {
		return err
	}
	out.engine = e
	out.diff, err = rebuild.Compare(t, e, e.keys, o.rows)
	return errors.Join(err, e.close())
}
