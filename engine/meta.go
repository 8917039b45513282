package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"

	"flushbench/engine/binlog"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// MetaFile is the file beside the redo log that says what the database is: all
// that a later opener must know. It is written last, so that a folder that has
// it holds a whole database.
const MetaFile = "database.json"

// MetaFormat is the newest format of MetaFile that this program reads, and the
// one that it writes.
const MetaFormat = 1

const (
	metaNew = MetaFile + ".new"
	maxMeta = 64 << 10
)

// What ReadMeta says of a folder that it cannot describe.
var (
	// ErrNoDatabase is wrapped for a folder without a whole database.
	ErrNoDatabase = errors.New("no database")
	// ErrLogWorkload is wrapped for a folder that Create made: Recover reads it.
	ErrLogWorkload = errors.New("this folder holds a log of the log workload")
	// ErrNewerFormat is wrapped for a database that a newer program made.
	ErrNewerFormat = errors.New("made by a newer flushbench")
)

// meta is MetaFile. Folders are relative to the file's own, with slashes, or
// absolute if they lie elsewhere.
type meta struct {
	Format      int         `json:"format"`
	LogFiles    int         `json:"log_files"`
	LogCapacity int64       `json:"log_capacity"`
	DataDir     string      `json:"data_dir"`
	Rows        uint64      `json:"rows"`
	RowBytes    int         `json:"row_bytes"`
	UndoSlots   int         `json:"undo_slots"`
	Doublewrite bool        `json:"doublewrite"`
	Durability  Durability  `json:"durability"`
	Binlog      *metaBinlog `json:"binlog"` // null: none
	CRC         string      `json:"crc32c"` // of the object as json.Marshal writes it with an empty crc32c
}

type metaBinlog struct {
	Dir      string          `json:"dir"`
	Table    string          `json:"table"`
	Format   binlog.Format   `json:"format"`
	RowImage binlog.RowImage `json:"row_image"`
}

// checksum is what crc32c must say.
func (m meta) checksum() (string, error) {
	m.CRC = ""
	text, err := json.Marshal(m)
	return fmt.Sprintf("%08x", crc32.Checksum(text, sideTable)), err
}

// writeMeta puts MetaFile into o.Dir, whole and durable: a crash leaves the old
// one or the new one. REQUIRES: o.Validate.
func writeMeta(o *DatabaseOptions) error {
	text, err := encodeMeta(o)
	if err == nil {
		err = replaceFile(o.FS, o.Dir, metaNew, MetaFile, text)
	}
	if err != nil {
		return fmt.Errorf("engine: write %s: %w", filepath.Join(o.Dir, MetaFile), err)
	}
	return nil
}

func encodeMeta(o *DatabaseOptions) ([]byte, error) {
	m := meta{Format: MetaFormat, LogFiles: o.Files, LogCapacity: o.Capacity, Rows: o.Rows, RowBytes: o.RowBytes, UndoSlots: o.Clients,
		Doublewrite: !o.NoDoublewrite, Durability: o.Durability}
	var err error
	if m.DataDir, err = relativeTo(o.Dir, o.DataDir); err != nil {
		return nil, err
	}
	if o.Binlog.Enabled {
		b := o.binlogOptions()
		m.Binlog = &metaBinlog{Table: b.Table, Format: b.Format, RowImage: b.RowImage}
		if m.Binlog.Dir, err = relativeTo(o.Dir, b.Dir); err != nil {
			return nil, err
		}
	}
	if m.CRC, err = m.checksum(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// relativeTo names path as MetaFile in dir does.
func relativeTo(dir, path string) (string, error) {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), nil
	}
	return filepath.Abs(path)
}

// replaceFile writes a file under one name and gives it its own when it is
// durable.
func replaceFile(fs vfs.FS, dir, temporary, name string, text []byte) error {
	path := filepath.Join(dir, temporary)
	if err := fs.Remove(path); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return err
	}
	f, err := fs.Create(path, vfs.Fsync)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(text, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(path, filepath.Join(dir, name)); err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

// ReadMeta returns the options of the database in dir with all that its
// MetaFile says, ready for OpenDatabase; what concerns only who uses it (flush
// method, policies, sizes in memory) is left at its defaults, but a new binlog
// file grows as it is written: a recovery fills no GiB with zeros. The error wraps
// ErrLogWorkload, ErrNoDatabase or ErrNewerFormat where the folder holds
// something else; all others say that the file is damaged or cannot be read. It
// changes nothing.
func ReadMeta(fs vfs.FS, dir string) (DatabaseOptions, error) {
	path := filepath.Join(dir, MetaFile)
	text, err := readWhole(fs, path)
	if errors.Is(err, vfs.ErrNotExist) {
		return DatabaseOptions{}, notDatabase(fs, dir)
	}
	if err != nil {
		return DatabaseOptions{}, fmt.Errorf("engine: read %s: %w", path, err)
	}
	m, err := decodeMeta(text)
	if err == nil {
		var o DatabaseOptions
		if o, err = m.options(fs, dir); err == nil {
			return o, nil
		}
	}
	if errors.Is(err, ErrNewerFormat) {
		return DatabaseOptions{}, fmt.Errorf("engine: %s: %w", path, err)
	}
	return DatabaseOptions{}, fmt.Errorf("engine: %s is damaged: %w", path, err)
}

// readWhole reads a file that is not large.
func readWhole(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	text := make([]byte, min(size, maxMeta+1))
	if err == nil {
		var n int
		n, err = f.ReadAt(text, 0)
		text = text[:n]
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, errors.Join(err, f.Close())
}

// notDatabase says what a folder without MetaFile is.
func notDatabase(fs vfs.FS, dir string) error {
	has := func(name string) bool {
		_, isDir, err := fs.Stat(filepath.Join(dir, name))
		return err == nil && !isDir
	}
	switch log := redo.FileName(0); {
	case has(sideName) && has(log):
		return fmt.Errorf("engine: %s: %w", dir, ErrLogWorkload)
	case has(log):
		return fmt.Errorf("engine: %s holds %w: %s is there, but no %s; it was never finished", dir, ErrNoDatabase, log, MetaFile)
	}
	return fmt.Errorf("engine: %s holds %w: there is no %s", dir, ErrNoDatabase, MetaFile)
}

// decodeMeta parses MetaFile and holds it against its checksum.
func decodeMeta(text []byte) (m meta, err error) {
	if len(text) > maxMeta {
		return m, fmt.Errorf("more than %d bytes", maxMeta)
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return m, jsonError(err)
	}
	if head.Format > MetaFormat {
		return m, fmt.Errorf("%w: format %d, this program reads up to %d", ErrNewerFormat, head.Format, MetaFormat)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, jsonError(err)
	}
	want, err := m.checksum()
	if err == nil && m.CRC != want {
		err = fmt.Errorf("checksum %s, stored %q", want, m.CRC)
	}
	if err == nil && m.Format < 1 {
		err = fmt.Errorf("format %d", m.Format)
	}
	return m, err
}

// jsonError adds the offset that json knows but does not say.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("at offset %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("at offset %d: %w", kind.Offset, err)
	}
	return err
}

// options turns m, which was read in dir, into options that are legal.
func (m *meta) options(fs vfs.FS, dir string) (o DatabaseOptions, err error) {
	o.FS, o.Dir, o.Files, o.Capacity, o.Clients = fs, dir, m.LogFiles, m.LogCapacity, m.UndoSlots
	o.Rows, o.RowBytes, o.NoDoublewrite, o.Durability = m.Rows, m.RowBytes, !m.Doublewrite, m.Durability
	if o.DataDir, err = underDir(dir, m.DataDir); err != nil {
		return o, err
	}
	if b := m.Binlog; b != nil {
		o.Binlog = BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Table: b.Table, Format: b.Format, RowImage: b.RowImage}
		if o.Binlog.Dir, err = underDir(dir, b.Dir); err != nil {
			return o, err
		}
	}
	return o, o.Validate()
}

// underDir is the inverse of relativeTo.
func underDir(dir, name string) (string, error) {
	path := filepath.FromSlash(name)
	switch {
	case filepath.IsAbs(path):
		return path, nil
	case filepath.IsLocal(path):
		return filepath.Join(dir, path), nil
	}
	return "", fmt.Errorf("%q is no folder in %s, and not absolute", name, dir)
}
