package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/probe"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
)

// probeOptions are the flags of probe.
type probeOptions struct {
	cfg     probe.Config
	methods scenario.List[vfs.Method]
	sizes   scenario.List[scenario.Size]
	ops     []string
	fill    scenario.Size
	budget  scenario.Size
	latency scenario.CPULatency
	results string
	quiet   bool
	format  format
}

func (o *probeOptions) addFlags(fs *pflag.FlagSet) {
	for _, s := range probe.DefaultSizes() {
		o.sizes = append(o.sizes, scenario.Size(s))
	}

	fs.StringVar(&o.cfg.Dir, "dir", ".", "existing `FOLDER` on the disk to measure")
	fs.TextVar(&o.methods, "flush-method", o.methods, "`LIST` of flush methods (or --method), all unless given: "+strings.Join(vfs.Methods.Names(), ", "))
	fs.TextVar(&o.sizes, "size", o.sizes, "`LIST` of sizes of a write")
	fs.StringSliceVar(&o.ops, "op", probe.Ops(), "`LIST` of operations: "+strings.Join(probe.Ops(), ", "))
	fs.BoolVar(&o.cfg.SamePlace, "same-place", false, "overwrite always the same place, as pg_test_fsync does, not a circle of 64 MiB")
	fs.TextVar(&o.fill, "fill", scenario.Size(probe.DefaultFill), "`SIZE` of the writes that fill the file beforehand; large ones can make flushes slower")
	fs.BoolVar(&o.cfg.NoPages, "no-pages", false, "leave out the random 16 KiB page writes that are held against log records")
	inGroup(fs, "What to measure", "dir", "flush-method", "size", "op", "same-place", "fill", "no-pages")
	annotate(fs, "flush-method", legalValues, vfs.Methods.Names()...)
	annotate(fs, "op", legalValues, probe.Ops()...)

	fs.DurationVar(&o.cfg.Duration, "duration", 0, "`TIME` of measuring in all (default 20s; gentle: 10s)")
	fs.IntVar(&o.cfg.Rounds, "rounds", probe.DefaultRounds, "`NUMBER` of rounds; each measures everything, in an order of its own")
	fs.Uint64Var(&o.cfg.Seed, "seed", 0, "`NUMBER` that orders the rounds; 0: a random one, named in the result")
	inGroup(fs, "How long", "duration", "rounds", "seed")

	fs.TextVar(&o.latency, "cpu-latency", o.latency, scenario.CPULatencyUsage)
	inGroup(fs, "The machine", "cpu-latency")

	fs.BoolVar(&o.cfg.Gentle, "gentle", false, "20 flushes a second for 10 s by one method: safe beside a live database")
	fs.TextVar(&o.budget, "max-write-bytes", scenario.Size(0), "end before more than this `SIZE` is written; 0: no limit")
	inGroup(fs, "Safety", "gentle", "max-write-bytes")
	addSafetyFlags(fs, &o.cfg.AllowVolatile, &o.cfg.BesideLiveDatabase)

	addFormatFlag(fs, &o.format)
	fs.StringVar(&o.results, "results", "", "keep the result in a new folder below `FOLDER`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	inGroup(fs, "Output", "format", "results", "quiet")

	fs.SortFlags = false
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "method" {
			name = "flush-method"
		}
		return pflag.NormalizedName(name)
	})
}

// notGentle are flags that a gentle probe could not follow.
var notGentle = []string{"size", "op", "same-place", "fill", "no-pages", "rounds"}

// validate puts the lists into the configuration and checks it.
func (o *probeOptions) validate(flags *pflag.FlagSet) error {
	if o.cfg.Gentle {
		for _, name := range notGentle {
			if flags.Changed(name) {
				return usagef("--%s with --gentle: a gentle probe overwrites 4 KiB at a time, and nothing else; leave out one of them", name)
			}
		}
		if len(o.methods) > 1 {
			return usagef("--flush-method with --gentle: %d methods: a gentle probe takes one", len(o.methods))
		}
	}
	o.cfg.Methods, o.cfg.Ops = slices.Compact(slices.Clone(o.methods)), o.ops
	for _, s := range o.sizes {
		o.cfg.Sizes = append(o.cfg.Sizes, int64(s))
	}
	o.cfg.MaxWriteBytes, o.cfg.FillBytes = int64(o.budget), int64(o.fill)
	if o.cfg.Seed == 0 {
		o.cfg.Seed = 1 + rand.Uint64N(1<<32)
	}
	return usageError(o.cfg.Validate())
}

func newProbeCmd() *cobra.Command {
	var o probeOptions
	cmd := &cobra.Command{
		Use:   "probe [flags]",
		Short: "Measure what flushes cost here, without an engine (20 s)",
		Long: `Measure what a flush costs on the disk under a folder: every flush method, by
one thread, at 512 B to 1 MiB, overwriting written blocks and appending, buffered
and past the page cache. Holds log records against 16 KiB pages at random places,
with and without a doublewrite file. Says which method to use, and whether the
disk looks honest.

It writes at most what it says beforehand, in a folder of its own that it
removes at the end.`,
		Example: `  flushbench probe                                 this folder's disk
  flushbench probe --dir /var/lib/mysql --gentle   beside a live server
  flushbench probe --method fdatasync,o_dsync --size 4k,16k --duration 10s
  flushbench probe --format json >probe.json       everything, histograms too`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd.Flags()); err != nil {
				return err
			}
			if o.results != "" {
				if err := checkWritable("results", o.results); err != nil {
					return err
				}
			}
			return heldAwake(o.latency.Held, func() error {
				return runProbe(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &o)
			})
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// heldAwake does something while no idle processor takes longer than d to wake; nil: on
// the machine as it is.
func heldAwake(d *time.Duration, do func() error) error {
	if d == nil {
		return do()
	}
	release, err := runner.HoldCPULatency(*d)
	if err != nil {
		return err
	}
	return errors.Join(do(), release())
}

func runProbe(ctx context.Context, stdout, stderr io.Writer, o *probeOptions) error {
	bar := newProgress(stderr, o.quiet)
	defer bar.Close()
	bar.live(ctx, nil)
	o.cfg.ToolVersion, o.cfg.CommandLine = toolVersion(), os.Args
	o.cfg.Progress = bar.step
	o.cfg.Planned = func(p probe.Plan) {
		bar.note(fmt.Sprintf("probe writes at most %s, %s at a time, below %s; about %s.",
			hostinfo.Bytes(p.MaxBytes), hostinfo.Bytes(p.DiskBytes), o.cfg.Dir, timeLeft(p.Duration)))
	}
	report, err := probe.Run(ctx, o.cfg)
	bar.Close()
	if report == nil {
		return err
	}
	runner.NoteCPULatency(&report.Result.Environment, o.latency.Held)
	if o.results != "" {
		dir, saveErr := saveResult(o.results, report.Result)
		if saveErr != nil && err == nil {
			err = saveErr
		}
		bar.note("result in " + dir)
	}
	if o.format != formatTable {
		if writeErr := writeFormat(stdout, o.format, report.Result); err == nil {
			err = writeErr
		}
		return err
	}
	for _, note := range report.Notes {
		bar.note("note: " + note)
	}
	if _, writeErr := io.WriteString(stdout, probeScreen(report.Result, bold(stdout))); err == nil {
		err = writeErr
	}
	return err
}

// saveResult keeps r in a new folder below parent.
func saveResult(parent string, r *result.Result) (string, error) {
	var s result.Saver
	dir, err := s.CreateFolder(parent, r)
	if err != nil {
		return "", err
	}
	if err := s.Save(dir, r); err != nil {
		return dir, err
	}
	return dir, result.WriteExports(dir, r)
}
