package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/axis"
	"flushbench/metrics/result"
)

// exportAs is a format of export.
type exportAs uint8

const (
	exportAll exportAs = iota
	exportBench
	exportCSV
	exportSeries
	exportHLog
	exportHGRM
	exportFio
)

var exports = axis.Table[exportAs]{
	Axis: "export format",
	Values: []axis.Value[exportAs]{
		{Value: exportAll, Name: "all", Help: "every format, as files"},
		{Value: exportBench, Name: "bench", Help: "Go benchmark lines, for benchstat"},
		{Value: exportCSV, Name: "csv", Help: "one line a round, row, crash, step, figure or host"},
		{Value: exportSeries, Name: "series", Help: "CSV of throughput, latency and commits at risk over time"},
		{Value: exportHLog, Name: "hlog", Help: "HDR histogram log"},
		{Value: exportHGRM, Name: "hgrm", Help: "HDR percentile distribution, one a cell"},
		{Value: exportFio, Name: "fio", Help: "the JSON of fio, of a probe"},
	},
}

func (a exportAs) String() string                { return exports.Name(a) }
func (a exportAs) MarshalText() ([]byte, error)  { return exports.MarshalText(a) }
func (a *exportAs) UnmarshalText(t []byte) error { return exports.UnmarshalText(a, t) }

// exportFiles names the file of each format that is a single one.
var exportFiles = map[exportAs]string{
	exportBench: result.BenchFileName, exportCSV: result.CellsFileName, exportSeries: result.SeriesFileName,
	exportHLog: result.HLogFileName, exportFio: result.FioFileName,
}

// exportOptions are the flags of export.
type exportOptions struct {
	as      exportAs
	to      string
	cell    string
	results string
}

func (o *exportOptions) addFlags(fs *pflag.FlagSet) {
	fs.TextVar(&o.as, "as", exportAll, "`FORMAT`: "+strings.Join(exports.Names(), ", "))
	annotate(fs, "as", legalValues, exports.Names()...)
	fs.StringVar(&o.to, "to", "", "write files into this existing `FOLDER`; otherwise one format goes to standard output, and all go to the result's folder, for main.json to one called main beside it")
	fs.StringVar(&o.cell, "cell", "", "with --as hgrm: only the cell of this `NAME`")
	addResultsFlag(fs, &o.results)
	fs.SortFlags = false
}

func newExportCmd() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export RESULT [flags]",
		Short: "Write a saved result in the formats of other tools",
		Long: `Write a saved result in formats that other tools read: Go benchmark lines for
benchstat, CSV, HDR histogram logs and percentile distributions, and for a probe
the JSON of fio. RESULT is a result folder or its name below --results, a
result.json, latest or latest~1.

CSV has a line for each round of a run, row of a probe, crash, step of a trace,
figure of a lesson, or host of a merge. A format for which a result holds nothing
is refused.

In fio's JSON a job is a row, write holds the writes and sync the flush calls,
where a flush is a call of its own: sync is per flush, not per commit.`,
		Example: `  flushbench export latest                        all, into its folder
  flushbench export latest --as bench >new.txt
  flushbench export latest --as hgrm --cell policy=1,clients=8
  flushbench export latest --as fio --to /tmp     of a probe`,
		Args: resultArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, path, err := findResult(args[0], o.results)
			if err != nil {
				return err
			}
			return o.run(cmd.OutOrStdout(), r, path)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func (o *exportOptions) run(w io.Writer, r *result.Result, path string) error {
	if err := o.check(r); err != nil {
		return err
	}
	if o.as == exportAll && o.to == "" {
		o.to = homeOf(path)
		if err := os.MkdirAll(o.to, 0o755); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if o.to == "" {
		return o.print(w, r)
	}
	if info, err := os.Stat(o.to); err != nil {
		return usagef("--to: %w", err)
	} else if !info.IsDir() {
		return usagef("--to %s: must be a folder", o.to)
	}
	switch o.as {
	case exportAll:
		return result.WriteExports(o.to, r)
	case exportHGRM:
		return result.WriteHGRMs(o.to, r)
	}
	return result.WriteExport(o.to, exportFiles[o.as], r)
}

// check holds what is asked for against what r has.
func (o *exportOptions) check(r *result.Result) error {
	switch {
	case o.cell != "" && (o.as != exportHGRM || o.to != ""):
		return usagef("--cell: only with --as hgrm on standard output")
	case o.as == exportFio && r.Probe == nil:
		return usagef("--as fio: a result of kind %s: must be a probe", r.Kind)
	}
	legal := formatsOf(r)
	switch {
	case len(legal) == 0:
		return usagef("export: this result of kind %s holds nothing that was measured", r.Kind)
	case o.as != exportAll && !slices.Contains(legal, o.as.String()):
		return usagef("--as %v: this result of kind %s holds nothing for it; legal here: %s", o.as, r.Kind, strings.Join(legal, ", "))
	}
	return nil
}

// formatsOf names the formats in which a result has something to say.
func formatsOf(r *result.Result) (names []string) {
	for _, as := range exports.All() {
		of := func(e result.Export) bool {
			return e.Of(r) && (e.File == exportFiles[as] || as == exportHGRM && e.File == result.HLogFileName)
		}
		if slices.ContainsFunc(result.Exports(), of) {
			names = append(names, as.String())
		}
	}
	return names
}

// print writes one format to w.
func (o *exportOptions) print(w io.Writer, r *result.Result) error {
	for _, e := range result.Exports() {
		if e.File == exportFiles[o.as] {
			return e.Write(w, r)
		}
	}
	all, err := result.HGRMs(r)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i := range all {
		if names[i] = all[i].Name; o.cell == names[i] || o.cell == "" && len(all) == 1 {
			return all[i].Write(w)
		}
	}
	return usagef("--cell %q: must be one of %s", o.cell, fmt.Sprintf("%q", names))
}
