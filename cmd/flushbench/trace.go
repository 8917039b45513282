package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/scenario"
	"flushbench/workload/trace"
)

// traceOptions are the flags of trace.
type traceOptions struct {
	s                  scenario.Scenario
	later              time.Duration
	results            string
	noResult           bool
	quiet              bool
	allowVolatile      bool
	besideLiveDatabase bool
	format             format
}

// traceFlags are the settings of a scenario that mean something to one commit.
var traceFlags = []string{
	"policy", "sync-binlog", "commit-protocol", "flush-method", "growth", "flush-interval", "policy0-style", "doublewrite",
	"workload", "clients", "rows", "row-bytes", "rows-per-txn", "key-distribution",
	"binlog", "binlog-format", "binlog-row-image", "binlog-growth", "isolation", "buffer-pool",
	"group-commit", "group-delay", "group-count", "binlog-overlap", "log-capacity", "log-files", "log-buffer", "log-buffer-size", "log-tail",
	"seed", "dir", "max-write-bytes",
}

// Defaults of trace: small files, and a log that its checkpointer comes round in soon.
const (
	traceCapacity = 4 << 20
	traceRows     = 10_000
	traceLater    = 5 * time.Second
	maxTraceLater = 10 * time.Minute
)

func (o *traceOptions) addFlags(fs *pflag.FlagSet) {
	o.s = scenario.Default()
	o.s.Workload, o.s.Rows = workload.KindUpdate, traceRows
	o.s.Policy, o.s.Clients = scenario.List[groupcommit.Policy]{groupcommit.Policy1}, scenario.List[int]{1}
	o.s.LogCapacity = scenario.List[scenario.Size]{traceCapacity}
	o.s.BufferPool = scenario.List[scenario.Size]{16 << 20}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.SortFlags = false
	o.s.AddFlags(all)
	all.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(traceFlags, f.Name) {
			fs.AddFlag(f)
		}
	})
	aliases := all.GetNormalizeFunc()
	fs.SetNormalizeFunc(func(fs *pflag.FlagSet, name string) pflag.NormalizedName { return aliases(fs, name) })
	fs.DurationVar(&o.later, "later", traceLater, "let commits go on for at most `TIME`, to see page and checkpoint; 0: the shutdown does it")
	inGroup(fs, "How long", "later")
	addSafetyFlags(fs, &o.allowVolatile, &o.besideLiveDatabase)
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	addNewResultFlag(fs, &o.results)
	fs.BoolVar(&o.noResult, "no-result", false, "keep no result and no picture")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	inGroup(fs, "Output", "format", "results", "no-result", "quiet")
	fs.SortFlags = false
}

func newTraceCmd() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace [flags]",
		Short: "Follow one commit through all layers, with its times (10 s)",
		Long: `Follow one commit from the row's lock to the checkpoint behind it: undo record, redo
record (LSN), PREPARE, the writes and flushes of both logs, COMMIT, the
acknowledgement, the page. Each step with its time, with where the bytes are after
it, and with what a killed process, a kernel crash and a power cut would make of
the transaction at that moment.

It works on the disk under --dir, in a folder of its own that it removes. One
commit shows how it is done, not how fast it usually is: for that see run.`,
		Example: `  flushbench trace                                 policy 1, sync_binlog 1
  flushbench trace --policy 2 --sync-binlog 0      what is not safe, and when
  flushbench trace --binlog off --policy 0         one log alone
  flushbench trace --clients 16                    the wait for a group
  flushbench trace --flush-method o_dsync --workload bank
  flushbench trace --format json >trace.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.config()
			if err != nil {
				return usageError(err)
			}
			if !o.noResult {
				if err := checkWritable("results", o.results); err != nil {
					return err
				}
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// config is what is traced: the only cell of the scenario.
func (o *traceOptions) config() (c trace.DiskConfig, err error) {
	if !o.s.Workload.Transactional() {
		return c, fmt.Errorf("--workload %v: it has no rows to follow; legal are bank, update, insert, write-only and read-write", o.s.Workload)
	}
	if err := o.s.Validate(); err != nil {
		return c, err
	}
	cells, skipped := o.s.Cells()
	if n := len(cells) + len(skipped); n != 1 || len(cells) == 0 {
		return c, fmt.Errorf("trace follows one commit, and the flags name %d combinations: give one value of each", n)
	}
	if o.later < 0 || o.later > maxTraceLater {
		return c, fmt.Errorf("--later %v: must be 0 to %v", o.later, maxTraceLater)
	}
	cell := cells[0]
	c = trace.DiskConfig{
		Base: o.s.Dir, AllowVolatile: o.allowVolatile, BesideLiveDatabase: o.besideLiveDatabase,
		ToolVersion: toolVersion(), CommandLine: os.Args, Scenario: &o.s,
		Trace: trace.Config{Database: o.s.DatabaseOptions(cell), Load: o.s.Txns(cell), Seed: o.s.Seed, Clients: cell.Clients, Later: o.later, MaxWriteBytes: int64(o.s.MaxWriteBytes)},
	}
	return c, c.Validate()
}

func (o *traceOptions) run(ctx context.Context, stdout, stderr io.Writer, c trace.DiskConfig) error {
	bar := newProgress(stderr, o.quiet)
	defer bar.Close()
	c.Planned = func(bytes int64) {
		bar.note(fmt.Sprintf("trace writes at most %s and takes at most about %s.", hostinfo.Bytes(bytes), timeLeft(o.later+5*time.Second)))
	}
	res, notes, err := trace.OnDisk(ctx, c)
	for _, n := range notes {
		bar.note("note: " + n)
	}
	bar.Close()
	if res == nil {
		return err
	}
	folder := ""
	if !o.noResult {
		var saved error
		if folder, saved = saveTrace(o.results, res); err == nil {
			err = saved
		}
	}
	var written error
	if o.format == formatTable {
		_, written = io.WriteString(stdout, traceScreen(res, folder, bold(stdout)))
	} else {
		written = writeFormat(stdout, o.format, res)
	}
	if err == nil {
		err = written
	}
	return err
}

// saveTrace keeps the result and its picture, as SVG and as PNG.
func saveTrace(parent string, r *result.Result) (folder string, err error) {
	folder, err = saveResult(parent, r)
	for _, p := range []picture{pictureSVG, picturePNG} {
		if err == nil {
			_, err = writePlots(filepath.Join(folder, plotsFolder), r, p, 0)
		}
	}
	return folder, err
}
