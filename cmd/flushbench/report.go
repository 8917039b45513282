package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// anonymousFolder is where a report that may be handed on lies, in the result's
// folder: apart from the one with all names.
const anonymousFolder = "anonymized"

// reportOptions are the flags of report.
type reportOptions struct {
	out       string
	anonymize bool
	results   string
}

func (o *reportOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.out, "out", "", "`FOLDER` for the report (default: the result's own; several results need one)")
	fs.BoolVar(&o.anonymize, "anonymize", false, "replace host name, paths, names, models and serial numbers of devices (default folder: "+anonymousFolder+" in the result's)")
	addResultsFlag(fs, &o.results)
	fs.SortFlags = false
}

func newReportCmd() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report RESULT... [flags]",
		Short: "Make a page of results: the answer, tables, pictures, folklore",
		Long: `Make a page that can be handed on: report.html, one file that needs nothing else,
and the same as report.md with its pictures in plots. Both are computed from
result.json alone and come out the same, byte for byte, whenever they are made;
run and sweep make them at their end.

RESULT is a result folder or its name below --results, a result.json, latest or
latest~1. Several make one page, whose folklore is judged by all of them: a run, a
probe and a crash lab of one machine say more together.`,
		Example: `  flushbench report latest
  flushbench report --anonymize latest
  flushbench report --out /tmp/disk results/A results/B results/C`,
		Args: resultArgs(1, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// run makes one report of all results and prints its path.
func (o *reportOptions) run(w io.Writer, args []string) error {
	if len(args) > 1 && o.out == "" {
		return usagef("report: %d results make one page: give its folder with --out", len(args))
	}
	var parts []report.Part
	out := o.out
	for _, arg := range args {
		r, path, err := findResult(arg, o.results)
		if err != nil {
			return err
		}
		if out == "" {
			out = homeOf(path)
			if o.anonymize {
				out = filepath.Join(out, anonymousFolder)
			}
		}
		if o.anonymize && r.Merge != nil {
			return usagef("report: --anonymize: %s is a merge, which names its hosts; anonymize the report of one host", path)
		}
		if o.anonymize {
			if r, err = report.Anonymize(r); err != nil {
				return err
			}
		}
		parts = append(parts, reportPart(r))
	}
	if err := checkWritable("out", out); err != nil {
		return err
	}
	page, err := report.New(parts...)
	if err != nil {
		return err
	}
	path, err := page.Write(out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, path)
	return err
}

// writeReport makes the report of the result in folder, from its file as anybody
// would who makes it later, and returns its path.
func writeReport(folder string) (path string, err error) {
	r, err := result.Load(folder)
	if err != nil {
		return "", err
	}
	page, err := report.New(reportPart(r))
	if err != nil {
		return "", err
	}
	return page.Write(folder)
}
