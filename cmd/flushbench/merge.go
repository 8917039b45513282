package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/axis"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/plots/report"
)

// grouping is what makes hosts of one group.
type grouping uint8

const (
	groupByClass grouping = iota
	groupByModel
)

var groupings = axis.Table[grouping]{
	Axis: "grouping",
	Values: []axis.Value[grouping]{
		{Value: groupByClass, Name: "class", Help: "class of the device (consumer SSD, hard disk ...) and its write cache"},
		{Value: groupByModel, Name: "model", Help: "model of the device and its write cache"},
	},
}

func (g grouping) String() string                { return groupings.Name(g) }
func (g grouping) MarshalText() ([]byte, error)  { return groupings.MarshalText(g) }
func (g *grouping) UnmarshalText(t []byte) error { return groupings.UnmarshalText(g, t) }

// of names the group of a host by its device.
func (g grouping) of(r *result.Result) string {
	d := &r.Environment.Device
	name := hostinfo.DeviceClass(*d)
	if g == groupByModel {
		name = cmp.Or(d.Model, name)
	}
	if r.Environment.Volatile {
		return "memory file system"
	}
	if d.WriteCache == result.CacheWriteBack || d.WriteCache == result.CacheWriteThrough {
		name += ", " + d.WriteCache
	}
	return name
}

// mergeOptions are the flags of merge.
type mergeOptions struct {
	by       grouping
	out      string
	results  string
	noReport bool
	format   format
}

func (o *mergeOptions) addFlags(fs *pflag.FlagSet) {
	fs.TextVar(&o.by, "group-by", groupByClass, "what the hosts of a group have in common, `WHAT`: class of the device, model")
	annotate(fs, "group-by", legalValues, groupings.Names()...)
	fs.StringVar(&o.out, "out", "", "`FOLDER` for the merge (default: a new one below that of --results)")
	fs.StringVar(&o.results, "results", "results", "`FOLDER` in which latest looks, and in which the merge's own folder is made")
	fs.BoolVar(&o.noReport, "no-report", false, "make no report.html and report.md")
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	fs.SortFlags = false
}

func newMergeCmd() *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:   "merge RESULT... [flags]",
		Short: "Join the results of many hosts, and name those that stand out",
		Long: `Join results of run, sweep and probe from many hosts: hosts are grouped by the kind
of their devices, their histograms are added sample by sample (nothing is averaged),
cells are matched by their parameters, and hosts that stand out of their group are
named, slow ones and those that are too fast to be true.

RESULT is a result folder or a result.json; copy them from the hosts under names of
your choice. Results of one host name, device and mount point are one host. What is
written is a result of its own: show, report and plan take it, and the results that
it was made of stand in it whole, but for the series within rounds.`,
		Example: `  flushbench merge collected/*                     each host's result folder
  flushbench merge collected/* --group-by model
  flushbench merge db1/run db1/probe db2/run db2/probe --out fleet
  flushbench plan --from latest --tps 5000 --p99 10ms`,
		Args: resultArgs(1, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args, time.Now())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// run merges, saves and prints.
func (o *mergeOptions) run(w io.Writer, args []string, now time.Time) error {
	flag, parent := "results", o.results
	if o.out != "" {
		flag, parent = "out", o.out
	}
	if err := checkWritable(flag, parent); err != nil {
		return err
	}
	merged, err := o.merge(args, now)
	if err != nil {
		return err
	}
	folder, err := o.save(merged)
	if err != nil {
		return err
	}
	page := ""
	if !o.noReport {
		p, err := report.New(reportPart(merged))
		if err != nil {
			return err
		}
		if page, err = p.Write(folder); err != nil {
			return err
		}
	}
	if o.format != formatTable {
		return writeFormat(w, o.format, merged)
	}
	screen := mergeScreen(merged, folder, bold(w))
	if page != "" {
		screen += "Report  " + page + "\n"
	}
	_, err = io.WriteString(w, screen)
	return err
}

// merge reads the results that args name and joins them.
func (o *mergeOptions) merge(args []string, now time.Time) (*result.Result, error) {
	parts, err := loadParts(args, o.results)
	if err != nil {
		return nil, err
	}
	merged, err := result.MergeParts(parts, o.by.String(), o.by.of)
	if err != nil {
		return nil, usageError(err)
	}
	stats.JudgeFleet(merged.Merge)
	now = now.UTC().Truncate(time.Second)
	merged.Started, merged.Finished = now, &now
	merged.ToolVersion, merged.CommandLine = toolVersion(), os.Args
	return merged, nil
}

// loadParts reads results on all processors. Of several that cannot be read the first
// is named.
func loadParts(args []string, results string) ([]result.Part, error) {
	parts, errs := make([]result.Part, len(args)), make([]error, len(args))
	next := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				r, path, err := findAndLoad(args[i], results, result.LoadToMerge)
				parts[i], errs[i] = result.Part{Source: path, Result: r}, err
			}
		})
	}
	for i := range args {
		next <- i
	}
	close(next)
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, usageError(fmt.Errorf("merge: %s: %w", args[i], err))
		}
	}
	return parts, nil
}

// save puts the merge into its folder, which must not hold another result.
func (o *mergeOptions) save(merged *result.Result) (folder string, err error) {
	var saver result.Saver
	folder = o.out
	if folder == "" {
		named := *merged
		named.Environment.Host = fmt.Sprintf("%d-hosts", len(merged.Merge.Hosts))
		if folder, err = saver.CreateFolder(o.results, &named); err != nil {
			return "", err
		}
	} else {
		if err := saver.MakeFolder(folder); err != nil {
			return "", usageError(fmt.Errorf("--out: %w", err))
		}
		if _, err := os.Lstat(folder + "/" + result.FileName); err == nil {
			return "", usagef("--out %s: it holds a %s already, and results are never replaced", folder, result.FileName)
		}
	}
	return folder, saver.Save(folder, merged)
}
