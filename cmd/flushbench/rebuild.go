package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
)

// followInterval is how often a follower looks for more.
const followInterval = 20 * time.Millisecond

// rebuildOptions are the flags of rebuild.
type rebuildOptions struct {
	from, base, against string
	until               string
	follow              bool
	length              time.Duration
	rows                int
	scratch             string
	format              format
}

func (o *rebuildOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.from, "from-binlog", "", "`FOLDER` of a binlog, or of a database with one")
	fs.StringVar(&o.base, "base", "", "backup to begin with: `FOLDER` of a database; without one the log's own images")
	fs.StringVar(&o.until, "until", "", "`POINT` in time: GTID (0-1-500), binlog.000002:4711, or \"2026-11-22 14:03:00\"")
	inGroup(fs, "What to rebuild", "from-binlog", "base", "until")
	fs.StringVar(&o.against, "against", "", "compare with the database in this `FOLDER`; by default the binlog's own; none: do not")
	fs.IntVar(&o.rows, "limit", 10, "show at most this `NUMBER` of rows that differ")
	fs.StringVar(&o.scratch, "scratch", "", "`FOLDER` for the copy that recovery works on; by default the system's for temporary files")
	inGroup(fs, "Compare", "against", "limit", "scratch")
	fs.BoolVar(&o.follow, "follow", false, "apply what is written to the binlog, as a replica, until Ctrl-C")
	fs.DurationVar(&o.length, "for", 0, "with --follow: only for this `TIME` (30s)")
	inGroup(fs, "Follow", "follow", "for")
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	inGroup(fs, "Output", "format")
	fs.SortFlags = false
}

func (o *rebuildOptions) validate() (until rebuild.Until, err error) {
	switch {
	case o.from == "":
		return until, usagef("--from-binlog: which folder?")
	case o.rows < 0:
		return until, usagef("--limit %d: must be 0 or more", o.rows)
	case o.length < 0:
		return until, usagef("--for %v: must be 0 (until Ctrl-C) or more", o.length)
	case o.length > 0 && !o.follow:
		return until, usagef("--for: only with --follow")
	}
	until, err = rebuild.ParseUntil(o.until, time.Local)
	return until, usageError(err)
}

func newRebuildCmd() *cobra.Command {
	var o rebuildOptions
	cmd := &cobra.Command{
		Use:   "rebuild --from-binlog FOLDER [flags]",
		Short: "Make the table again from the binlog alone, and compare",
		Long: `Make a table again from its binlog alone, in memory, as a restore does, and
compare it row by row with what the database holds after recovery. The database
is copied and the copy recovered: what is compared is not changed.

What was in the table before the binlog began comes from a backup (--base): a copy
of the database's folder, made while it was stopped. Without one, rows are taken
from the images in the log (binlog format row, full images); rows that the log
never names are not compared. Statements whose outcome is not in their text (a
clock, a random number, LIMIT without an order) are evaluated anew, as a server
does: that is how STATEMENT drifts.

--until stops at a point in time: after a GTID, at a position, before a second.
--follow is a replica: it applies what the binlog's files hold, flushed or not,
while the load runs. If the source crashes, the replica may be ahead of it.

Exit code 0: equal, or not compared. 4: rows differ, or the replica is ahead.
1: the binlog is damaged, or cannot be replayed; one line says where.`,
		Example: `  flushbench rebuild --from-binlog flushbench-work/run-0a1b2c3d/log-0
  flushbench rebuild --from-binlog db --base backup --until 0-1-5000
  flushbench rebuild --from-binlog db/binlog --against none --format json
  flushbench rebuild --from-binlog db --follow --for 30s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			until, err := o.validate()
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), until)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// rebuilt is what rebuild has to say.
type rebuilt struct {
	binlog   string // folder
	until    rebuild.Until
	base     string // folder of the backup; "": none
	baseSeq  uint64
	images   bool
	report   rebuild.Report
	rows     uint64
	followed bool

	engine     *comparedEngine // nil: not compared
	diff       rebuild.Diff
	notCompare string // why not

	ahead  uint64 // transactions that the replica has and its crashed source lacks
	source uint64 // the source's last sequence, if it crashed
}

// differs reports whether the gate is closed.
func (r *rebuilt) differs() bool { return r.diff.Total() > 0 || r.ahead > 0 }

func (o *rebuildOptions) run(ctx context.Context, stdout io.Writer, until rebuild.Until) (err error) {
	places, err := o.places()
	if err != nil {
		return err
	}
	if !o.follow {
		held, err := places.hold()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, held.release()) }()
	}
	out := rebuilt{binlog: places.binlog, until: until, followed: o.follow}
	ro := rebuild.Options{FS: vfs.NewOS(), Dir: places.binlog, Until: until}
	base, err := o.openBase(places, &ro, &out)
	if err != nil {
		return err
	}
	table, err := o.play(ctx, ro, &out)
	if err = errors.Join(err, base.close()); err != nil {
		return err
	}
	out.rows = table.Len()
	if err := o.compare(places, table, &out); err != nil {
		return err
	}
	if o.format == formatJSON {
		err = writeJSON(stdout, out.json())
	} else {
		_, err = io.WriteString(stdout, out.screen())
	}
	if err == nil && out.differs() {
		err = &codeError{exitGate, errors.New(out.headline())}
	}
	return err
}

// play makes the table: at once, or as a replica.
func (o *rebuildOptions) play(ctx context.Context, ro rebuild.Options, out *rebuilt) (*rebuild.Table, error) {
	if !o.follow {
		table, report, err := rebuild.Run(ro)
		out.report = report
		if errors.Is(err, vfs.ErrNotExist) {
			err = usageError(err)
		}
		return table, err
	}
	if o.length > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, o.length)
		defer stop()
	}
	f, err := rebuild.NewFollower(ro)
	if err != nil {
		return nil, err
	}
	err = f.Follow(ctx, followInterval)
	out.report = f.Report()
	if errors.Is(err, binlog.ErrShorter) {
		err = o.overtake(ro, f, out)
	}
	return f.Table(), errors.Join(err, f.Close())
}

// overtake says by how much a replica is ahead of a source that crashed.
func (o *rebuildOptions) overtake(ro rebuild.Options, f *rebuild.Follower, out *rebuilt) error {
	found, err := binlog.Scan(ro.FS, ro.Dir, 0)
	if err != nil {
		return err
	}
	out.source = found.LastSeq
	if f.Seq() > found.LastSeq {
		out.ahead = f.Seq() - found.LastSeq
	}
	return nil
}

// headline is the outcome in one line.
func (r *rebuilt) headline() string {
	switch n := r.diff.Total(); {
	case r.ahead > 0 && n > 0:
		return fmt.Sprintf("the replica is ahead of its source by %d transactions, %d rows differ", r.ahead, n)
	case r.ahead > 0:
		return fmt.Sprintf("the replica is ahead of its source by %d transactions", r.ahead)
	case n > 0:
		return fmt.Sprintf("%d rows differ between the binlog and the engine", n)
	}
	return "binlog and engine are equal"
}
