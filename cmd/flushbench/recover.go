package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

func newRecoverCmd() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "recover DIR [flags]",
		Short: "Bring a database back after a crash and say what was done",
		Long: `Recover the database in a folder as the engine does when it opens one: repair
torn pages, apply the redo log, end every transaction that the crash
interrupted with the binlog as the judge, cut the binlog to its last whole
transaction. Then close it cleanly and print what was found and how long each
step took. Pages and a binlog that lie in other folders belong to it.

A folder with a log of the log workload is only read: its checkpoint, where it
ends, and the last sequence of every client.

What is damaged in the middle is refused with the file and the place, and exit
code 1: recovery never guesses. A recovery that is interrupted can be repeated.
A folder in which a run is alive is left alone.`,
		Example: `  flushbench recover flushbench-work/run-0a1b2c3d/log-0
  flushbench recover --format json /mnt/copy/log-0 >report.json
  cp -a log-0 copy && flushbench recover copy   keep the crashed one for a look`,
		Args: oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRecover(cmd.OutOrStdout(), args[0], out)
		},
	}
	addFormatFlag(cmd.Flags(), &out, formatTable, formatJSON)
	completeValues(cmd)
	return cmd
}

func runRecover(w io.Writer, dir string, out format) error {
	held, err := holdFolder(dir)
	if err != nil {
		return err
	}
	files := vfs.NewOS()
	opts, err := engine.ReadMeta(files, dir)
	switch {
	case errors.Is(err, engine.ErrLogWorkload):
		err = readLog(w, files, dir, out)
	case errors.Is(err, engine.ErrNoDatabase), errors.Is(err, engine.ErrNewerFormat), errors.Is(err, fs.ErrPermission):
		err = usageError(err)
	case err == nil:
		if err = held.also(opts.DataDir, opts.BinlogDir()); err == nil {
			err = recoverDatabase(w, opts, out)
		}
	}
	return errors.Join(err, held.release())
}

// recoverDatabase opens the database, which recovers it, and shuts it down.
func recoverDatabase(w io.Writer, o engine.DatabaseOptions, out format) error {
	o.Commit.Policy, o.Stages.SyncBinlog = groupcommit.Policy1, 1
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return err
	}
	err = db.Shutdown()
	done := recovered{opts: db.Options(), report: db.Report(), end: db.End(), closed: err == nil}
	if out == formatJSON {
		return errors.Join(err, writeJSON(w, done.json()))
	}
	_, writeErr := io.WriteString(w, done.screen())
	return errors.Join(err, writeErr)
}

// readLog says what a log of the log workload holds.
func readLog(w io.Writer, files vfs.FS, dir string, out format) error {
	rec, err := engine.Recover(files, dir, nil)
	if err != nil {
		return err
	}
	if out == formatJSON {
		return writeJSON(w, logJSON(dir, &rec))
	}
	_, err = io.WriteString(w, logScreen(dir, &rec))
	return err
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}
