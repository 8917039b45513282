package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
	"flushbench/plots"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	gate    share
	across  bool
	results string
	plot    string // path of a picture; "": none
	format  format
}

// share is a share between 0 and 1, given as 5% or 0.05.
type share float64

func (s share) String() string { return strconv.FormatFloat(100*float64(s), 'g', 6, 64) + "%" }

// MarshalText writes a share as a percentage.
func (s share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a share: 5% or 0.05.
func (s *share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v < 1) {
		return fmt.Errorf("%q: must be a share such as 5%% or 0.05, from 0 to below 1", text)
	}
	*s = share(v)
	return nil
}

func (o *compareOptions) addFlags(fs *pflag.FlagSet) {
	addFormatFlag(fs, &o.format, formatTable, formatJSON, formatMarkdown)
	fs.TextVar(&o.gate, "fail-if-slower", share(0), "exit code 4 when a cell is slower by more than this `SHARE`, such as 5%; 2 when a cell cannot be judged")
	fs.BoolVar(&o.across, "across", false, "claim differences even between hosts and devices")
	fs.StringVar(&o.plot, "plot", "", "draw the comparison into `FILE`, which ends in .svg or .png; of one B only")
	addResultsFlag(fs, &o.results)
	fs.SortFlags = false
}

// addResultsFlag adds the flag that says where latest looks, and where results that are
// called by their names are.
func addResultsFlag(fs *pflag.FlagSet, results *string) {
	fs.StringVar(results, "results", "results", "`FOLDER` in which latest and names of results are looked for")
}

func newCompareCmd() *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare A B... [flags]",
		Short: "Say whether B is faster or slower than A, or whether that is noise",
		Long: `Compare results, cell by cell: B, and each after it, with A. Cells are partners
when all their parameters are equal. A result is a result folder or its name below
--results, a result.json, latest, or latest~1 for the one before it.

A cell is called faster or slower when the Mann-Whitney U test over its rounds
says so (p < 0.05), as benchstat does. Where commits wait for the disk, the rounds
divided by the limit loop of the same round must say so too: the disk's own drift
between the runs is no difference. Five rounds on each side are needed, better
ten, and the same host and device.

With --fail-if-slower it is a gate: exit code 0 when nothing is slower by more,
4 when something is, 2 when that cannot be told: a cell is inconclusive, has no
partner, or its interval reaches below. Of several B 4 counts more than 2.`,
		Example: `  flushbench compare latest~1 latest
  flushbench compare results/A results/B --format markdown >change.md
  flushbench compare latest~1 latest --plot change.svg
  flushbench compare main.json branch.json --fail-if-slower 5%`,
		Args: resultArgs(2, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args, cmd.Flags().Changed("fail-if-slower"))
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// comparison is b against a, with where they came from.
type comparison struct {
	PathA     string     `json:"a"`
	PathB     string     `json:"b"`
	CompleteA bool       `json:"complete_a"`
	CompleteB bool       `json:"complete_b"`
	Alpha     float64    `json:"alpha"` // significance level
	Sentences []string   `json:"sentences"`
	Diff      stats.Diff `json:"diff"`
}

func (o *compareOptions) run(w io.Writer, args []string, gated bool) error {
	draw, err := o.plotFormat(len(args) - 1)
	if err != nil {
		return err
	}
	a, pathA, err := findResult(args[0], o.results)
	if err != nil {
		return err
	}
	var all []comparison
	for _, arg := range args[1:] {
		b, pathB, err := findResult(arg, o.results)
		if err != nil {
			return err
		}
		c, err := newComparison(a, b, pathA, pathB, o.across)
		if err != nil {
			return err
		}
		all = append(all, c)
		if o.plot == "" {
			continue
		}
		gate := 0.0
		if gated {
			gate = float64(o.gate)
		}
		if err := writePicture(o.plot, plots.Comparison(a, b, &c.Diff, gate), draw); err != nil {
			return err
		}
	}
	if err := o.write(w, all); err != nil {
		return err
	}
	if !gated {
		return nil
	}
	return gates(all, float64(o.gate))
}

// plotFormat says how the picture is to be written that is made of so many B.
func (o *compareOptions) plotFormat(sides int) (f picture, err error) {
	if o.plot == "" {
		return f, nil
	}
	if sides != 1 {
		return f, usagef("--plot %s: draws one B against A, not %d: compare them one by one", o.plot, sides)
	}
	ext := filepath.Ext(o.plot)
	if err := f.UnmarshalText([]byte(strings.TrimPrefix(ext, "."))); ext == "" || err != nil {
		return f, usagef("--plot %s: must end in .svg or .png", o.plot)
	}
	return f, nil
}

// writePicture writes a picture to a file of the user's choice.
func writePicture(path string, p plots.Plot, f picture) error {
	var buf bytes.Buffer
	draw := func() error { return p.WriteSVG(&buf) }
	if f == picturePNG {
		draw = func() error { return p.WritePNG(&buf, plots.DefaultDPI) }
	}
	err := draw()
	if err == nil {
		err = os.WriteFile(path, buf.Bytes(), 0o644)
	}
	if err != nil {
		return usageError(fmt.Errorf("--plot: %w", err))
	}
	return nil
}

// gates joins what the gates of all say, first what is slower: its exit code counts.
func gates(all []comparison, limit float64) error {
	var slower, unknown []error
	for i := range all {
		err := all[i].gate(limit)
		if exitCode(err, true) == exitGate {
			slower = append(slower, err)
		} else {
			unknown = append(unknown, err)
		}
	}
	return errors.Join(slices.Concat(slower, unknown)...)
}

func newComparison(a, b *result.Result, pathA, pathB string, across bool) (comparison, error) {
	if a.Kind != b.Kind {
		return comparison{}, usagef("compare: %s is a %s and %s a %s: must be of one kind", pathA, a.Kind, pathB, b.Kind)
	}
	if a.Kind != result.KindRun && a.Kind != result.KindProbe {
		return comparison{}, usagef("compare: %s is a %s: must be a run or a probe", pathA, a.Kind)
	}
	c := comparison{PathA: pathA, PathB: pathB, CompleteA: a.Complete, CompleteB: b.Complete, Alpha: stats.Alpha, Diff: stats.CompareResults(a, b, across)}
	c.Sentences = verdict.Compare(&c.Diff)
	return c, nil
}

func (o *compareOptions) write(w io.Writer, all []comparison) error {
	if o.format == formatJSON {
		return writeJSON(w, all)
	}
	var b strings.Builder
	for i := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		if o.format == formatMarkdown {
			b.WriteString(compareMarkdown(&all[i]))
		} else {
			b.WriteString(compareScreen(&all[i], bold(w)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// gate is nil when every cell was judged and none is slower by more than limit.
func (c *comparison) gate(limit float64) error {
	slower, unknown := c.Diff.SlowerThan(limit)
	switch missing := len(c.Diff.OnlyA); {
	case len(slower) > 0:
		worst := slower[0]
		for _, s := range slower {
			if s.Change < worst.Change {
				worst = s
			}
		}
		return &codeError{exitGate, fmt.Errorf("gate: %s: %d of %d cells slower by more than %v, most %s (%s)",
			c.PathB, len(slower), len(c.Diff.Cells), share(limit), worst.Name, verdict.Change(worst.Raw.Ratio)+" "+worst.Metric)}
	case len(c.Diff.Cells) == 0:
		return usagef("gate: %s: no cell has a partner in %s", c.PathB, c.PathA)
	case len(unknown) > 0:
		return usagef("gate: %s: cannot judge %d of %d cells: %s", c.PathB, len(unknown), len(c.Diff.Cells), unknownText(unknown[0]))
	case missing > 0:
		return usagef("gate: %s: %d cells of %s were not measured, first %s", c.PathB, missing, c.PathA, c.Diff.OnlyA[0])
	}
	return nil
}

// unknownText says why a gate cannot judge a cell.
func unknownText(c *stats.CellDiff) string {
	if c.Outcome == stats.Inconclusive {
		return c.Reason
	}
	return fmt.Sprintf("%s may be slower by up to %v %%", c.Name, verdict.Significant(100*(1-c.Least), 2))
}
