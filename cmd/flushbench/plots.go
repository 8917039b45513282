package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/axis"
	"flushbench/metrics/result"
	"flushbench/plots"
)

// picture is a format of pictures.
type picture uint8

const (
	pictureSVG picture = iota
	picturePNG
)

var pictures = axis.Table[picture]{
	Axis: "picture format",
	Values: []axis.Value[picture]{
		{Value: pictureSVG, Name: "svg", Help: "sharp at any size; for pages and print"},
		{Value: picturePNG, Name: "png", Help: "dots; for chats and documents"},
	},
}

func (p picture) String() string                { return pictures.Name(p) }
func (p picture) MarshalText() ([]byte, error)  { return pictures.MarshalText(p) }
func (p *picture) UnmarshalText(t []byte) error { return pictures.UnmarshalText(p, t) }

// plotsOptions are the flags of plots.
type plotsOptions struct {
	format  picture
	out     string
	dpi     int
	results string
}

func (o *plotsOptions) addFlags(fs *pflag.FlagSet) {
	fs.TextVar(&o.format, "format", pictureSVG, "`FORMAT` of the pictures: svg, png")
	annotate(fs, "format", legalValues, pictures.Names()...)
	fs.StringVar(&o.out, "out", "", "`FOLDER` for the pictures (default: plots in the result's own, for main.json in one called main beside it)")
	fs.IntVar(&o.dpi, "dpi", plots.DefaultDPI, "dots per inch of a PNG: `NUMBER` from "+fmt.Sprintf("%d to %d", plots.MinDPI, plots.MaxDPI))
	addResultsFlag(fs, &o.results)
	fs.SortFlags = false
}

func newPlotsCmd() *cobra.Command {
	var o plotsOptions
	cmd := &cobra.Command{
		Use:   "plots RESULT... [flags]",
		Short: "Draw the pictures of results, as SVG or PNG",
		Long: `Draw what a result has data for: what each policy adds to a commit, throughput
and its limit, what a crash would take at any moment, where a commit's time
goes, and more. Reads result.json and nothing else, so pictures can be made
again at any time; those that are there are replaced.

RESULT is a result folder or its name below --results, a result.json, latest or
latest~1.`,
		Example: `  flushbench plots latest
  flushbench plots --format png --out /tmp/pictures results/*-run`,
		Args: resultArgs(1, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.dpi < plots.MinDPI || o.dpi > plots.MaxDPI {
				return usagef("--dpi %d: legal are %d to %d", o.dpi, plots.MinDPI, plots.MaxDPI)
			}
			return runPlots(cmd.OutOrStdout(), args, o)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// runPlots draws every result and prints the paths of the pictures.
func runPlots(w io.Writer, args []string, o plotsOptions) error {
	var all []drawing
	for _, arg := range args {
		d, err := o.drawing(arg, len(args) > 1)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.out == d.out && other.from != d.from {
				return usagef("plots: the pictures of %s and %s would go to one folder, %s: draw them one by one, each with an --out of its own", other.arg, arg, d.out)
			}
		}
		if err := checkWritable("out", d.out); err != nil {
			return err
		}
		all = append(all, d)
	}
	for _, d := range all {
		paths, err := writePlots(d.out, d.result, o.format, o.dpi)
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			paths = []string{d.arg + ": nothing to draw: the result has no finished cell, probe or crash trial"}
		}
		if _, err := fmt.Fprintln(w, strings.Join(paths, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// drawing is a result and where its pictures go.
type drawing struct {
	arg    string
	from   string // absolute path of the result
	out    string
	result *result.Result
}

// drawing finds the result of an argument. Of several, each gets a folder below
// --out.
func (o *plotsOptions) drawing(arg string, several bool) (drawing, error) {
	r, path, err := findResult(arg, o.results)
	if err != nil {
		return drawing{}, err
	}
	home := homeOf(path)
	from, err := filepath.Abs(home)
	if err != nil {
		return drawing{}, fmt.Errorf("plots: %w", err)
	}
	out := filepath.Join(home, plotsFolder)
	if o.out != "" {
		out = o.out
		if several {
			out = filepath.Join(o.out, filepath.Base(from))
		}
	}
	return drawing{arg, from, out, r}, nil
}

// plotsFolder is where a result's pictures lie, in its folder.
const plotsFolder = "plots"

// writePlots draws every picture of r into dir and returns their paths. It
// issues no flush: pictures can be made again.
func writePlots(dir string, r *result.Result, format picture, dpi int) ([]string, error) {
	all := plots.All(r)
	if len(all) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("plots: %w", err)
	}
	var paths []string
	for _, p := range all {
		var buf bytes.Buffer
		var err error
		if format == picturePNG {
			err = p.WritePNG(&buf, dpi)
		} else {
			err = p.WriteSVG(&buf)
		}
		path := filepath.Join(dir, p.Name+"."+format.String())
		if err == nil {
			err = os.WriteFile(path, buf.Bytes(), 0o644)
		}
		if err != nil {
			return paths, fmt.Errorf("plots: %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}
