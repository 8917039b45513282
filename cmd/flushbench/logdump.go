package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// The parts of a folder that logdump prints, in their order.
const (
	partCheckpoints = "checkpoints"
	partRedo        = "redo"
	partBinlog      = "binlog"
)

func dumpParts() []string { return []string{partCheckpoints, partRedo, partBinlog} }

// logdumpOptions are the flags of logdump.
type logdumpOptions struct {
	only     []string
	from, to uint64
	limit    int64
	verbose  bool
	format   format
}

func (o *logdumpOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&o.only, "only", dumpParts(), "`LIST` of what to print: "+strings.Join(dumpParts(), ", "))
	annotate(fs, "only", legalValues, dumpParts()...)
	fs.Uint64Var(&o.from, "from", 0, "redo records that end above this `LSN`")
	fs.Uint64Var(&o.to, "to", 0, "redo records that begin below this `LSN`; 0: all")
	fs.Int64Var(&o.limit, "limit", 0, "at most this `NUMBER` of redo records, and of binlog events; 0: all")
	fs.BoolVarP(&o.verbose, "verbose", "v", false, "each change to a page on a line of its own, with its bytes")
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	fs.SortFlags = false
}

func (o *logdumpOptions) validate() error {
	for _, part := range o.only {
		if !slices.Contains(dumpParts(), part) {
			return usagef("--only: unknown part %q: legal values are %s", part, strings.Join(dumpParts(), ", "))
		}
	}
	switch {
	case len(o.only) == 0:
		return usagef("--only: an empty list")
	case o.to != 0 && o.to <= o.from:
		return usagef("--to %d: must be above --from (%d)", o.to, o.from)
	case o.limit < 0:
		return usagef("--limit %d: must be 0 or more", o.limit)
	}
	return nil
}

func newLogdumpCmd() *cobra.Command {
	var o logdumpOptions
	cmd := &cobra.Command{
		Use:   "logdump DIR [flags]",
		Short: "Print the logs of a folder: checkpoints, redo records, binlog",
		Long: `Print what stands in the logs of a folder, one line each: both checkpoint
slots, the redo records from the checkpoint to the end of the log, and the
events of the binlog. Reads only.

The line after the last record says why the log ends there. Damage below a
position that is known to be flushed is an error that names file, offset and
LSN, with exit code 1; what can be read is printed before it.

JSON is one object a line.`,
		Example: `  flushbench logdump flushbench-work/run-0a1b2c3d/log-0
  flushbench logdump --only redo --from 81920 --limit 20 -v copy
  flushbench logdump --only binlog --format json copy | jq .text`,
		Args: oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return runLogdump(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], &o)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func runLogdump(ctx context.Context, stdout, stderr io.Writer, dir string, o *logdumpOptions) error {
	held, err := holdFolder(dir)
	if err != nil {
		return err
	}
	return errors.Join(held.dump(ctx, stdout, stderr, o), held.release())
}

func (h *heldFolder) dump(ctx context.Context, stdout, stderr io.Writer, o *logdumpOptions) error {
	files := vfs.NewOS()
	opts, err := engine.ReadMeta(files, h.dir)
	binlogDir := opts.BinlogDir()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return usageError(err)
	case err != nil:
		// A ruin still has logs.
		if !h.has(files, redo.FileName(0)) && !h.has(files, binlog.IndexName) {
			return usageError(err)
		}
		if !errors.Is(err, engine.ErrLogWorkload) {
			newProgress(stderr, false).note("note: " + message(err))
		}
		binlogDir = h.dir
	}
	if err := h.also(binlogDir); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(stdout, 64<<10)
	d := dumper{ctx: ctx, o: o, out: lineWriter{w: buffered, json: o.format == formatJSON, verbose: o.verbose}, files: files, dir: h.dir}
	var errs []error
	for _, part := range dumpParts() {
		if !slices.Contains(o.only, part) || ctx.Err() != nil {
			continue
		}
		switch part {
		case partCheckpoints:
			err = d.checkpoints()
		case partRedo:
			err = d.redo()
		case partBinlog:
			err = d.binlog(binlogDir, opts.Binlog.Enabled)
		}
		if err != nil && !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, buffered.Flush(), ctx.Err())...)
}

// dumper walks through the logs of a folder.
type dumper struct {
	ctx   context.Context
	o     *logdumpOptions
	out   lineWriter
	files vfs.FS
	dir   string
}

// noLog reports whether there is no redo log, because the database has none.
func (d *dumper) noLog() bool {
	_, _, err := d.files.Stat(filepath.Join(d.dir, redo.FileName(0)))
	return errors.Is(err, vfs.ErrNotExist)
}

func (d *dumper) checkpoints() error {
	if d.noLog() {
		return nil
	}
	slots, err := readSlots(d.files, d.dir)
	if err != nil {
		return err
	}
	for i := range slots {
		if err := d.out.slot(i, &slots[i]); err != nil {
			return err
		}
	}
	r, err := redo.OpenReader(d.files, d.dir) // whether one of them will do
	if err != nil {
		return err
	}
	return r.Close()
}

func (d *dumper) redo() error {
	if d.noLog() {
		return d.out.end(endLine{Part: partRedo, Reason: "there is none"})
	}
	r, err := redo.OpenReader(d.files, d.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.records(r), r.Close())
}

func (d *dumper) records(r *redo.Reader) error {
	for n := int64(0); ; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		at := r.Pos()
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d.out.end(endLine{Part: partRedo, LSN: at, Reason: r.EndReason(), Ended: true})
		}
		if err != nil {
			return err
		}
		switch {
		case d.o.to != 0 && at >= lsn.LSN(d.o.to):
			return d.out.end(endLine{Part: partRedo, LSN: at, Reason: "stopped by --to"})
		case record.End <= lsn.LSN(d.o.from):
			continue
		case d.o.limit != 0 && n == d.o.limit:
			return d.out.end(endLine{Part: partRedo, LSN: at, Reason: "stopped by --limit"})
		}
		n++
		if err := d.out.record(&record); err != nil {
			return err
		}
	}
}

// binlog prints the events of the binlog in dir; must says that there must be one.
func (d *dumper) binlog(dir string, must bool) error {
	r, err := binlog.NewReader(d.files, dir)
	if errors.Is(err, vfs.ErrNotExist) && !must {
		return d.out.end(endLine{Part: partBinlog, Reason: "there is none"})
	}
	if err != nil {
		return err
	}
	at, err := d.events(r)
	err = errors.Join(err, r.Close())
	if err == nil {
		return nil // stopped by the user's limit
	}
	// Whether what could not be read is the tail that a crash left, and why
	// the log ends there, is the scan's to say.
	var damage *binlog.CorruptionError
	if !errors.Is(err, io.EOF) && !errors.As(err, &damage) {
		return err
	}
	found, scanErr := binlog.Scan(d.files, dir, 0)
	switch {
	case scanErr != nil && (damage == nil || len(found.Files) == 0 || at.File == found.Last()):
		return scanErr
	case damage != nil && at.File != found.Last():
		return err
	}
	at.Part, at.Reason, at.Ended = partBinlog, found.Reason, true
	at.Valid, at.Closed = &found.ValidPos, found.Clean
	if at.File == "" {
		at.File = found.Last()
	}
	return d.out.end(at)
}

// events prints events until the error that it returns, io.EOF at the end; nil
// when it stops before.
func (d *dumper) events(r *binlog.Reader) (at endLine, err error) {
	for n := int64(0); ; n++ {
		if err := d.ctx.Err(); err != nil {
			return at, err
		}
		e, err := r.Next()
		if err != nil {
			var damage *binlog.CorruptionError
			if errors.As(err, &damage) {
				at.File, at.Offset = filepath.Base(damage.File), damage.Offset
			}
			return at, err
		}
		if d.o.limit != 0 && n == d.o.limit {
			return at, d.out.end(endLine{Part: partBinlog, File: e.File, Offset: e.Offset, Reason: "stopped by --limit"})
		}
		at.File, at.Offset = e.File, int64(e.NextPos)
		if err := d.out.event(&e); err != nil {
			return at, err
		}
	}
}
