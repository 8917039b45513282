package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"flushbench/engine/axis"
	"flushbench/metrics/result"
)

// format is how a result is printed on standard output.
type format uint8

const (
	formatTable format = iota
	formatJSON
	formatCSV
	formatBench
	formatMarkdown
)

var formats = axis.Table[format]{
	Axis: "format",
	Values: []axis.Value[format]{
		{Value: formatTable, Name: "table", Help: "a screen of 80 columns"},
		{Value: formatJSON, Name: "json", Help: "the whole result, and nothing else"},
		{Value: formatCSV, Name: "csv", Help: "one line a row"},
		{Value: formatBench, Name: "bench", Help: "Go benchmark lines, for benchstat"},
		{Value: formatMarkdown, Name: "markdown", Help: "tables for a page or a comment"},
	},
}

func (f format) String() string                { return formats.Name(f) }
func (f format) MarshalText() ([]byte, error)  { return formats.MarshalText(f) }
func (f *format) UnmarshalText(t []byte) error { return formats.UnmarshalText(f, t) }

// addFormatFlag adds --format with the formats that a command has; none means
// those of a result.
func addFormatFlag(fs *pflag.FlagSet, f *format, have ...format) {
	if len(have) == 0 {
		have = []format{formatTable, formatJSON, formatCSV, formatBench}
	}
	names := make([]string, len(have))
	for i, h := range have {
		names[i] = h.String()
	}
	fs.Var(&formatValue{f, have}, "format", "`FORMAT` of the answer: "+strings.Join(names, ", "))
	annotate(fs, "format", legalValues, names...)
}

// formatValue is the pflag.Value of a format out of have.
type formatValue struct {
	f    *format
	have []format
}

func (v *formatValue) String() string { return v.f.String() }
func (v *formatValue) Type() string   { return "format" }
func (v *formatValue) Set(s string) error {
	f, err := formats.Parse(s)
	if err == nil && slices.Contains(v.have, f) {
		*v.f = f
		return nil
	}
	names := make([]string, len(v.have))
	for i, h := range v.have {
		names[i] = h.String()
	}
	return fmt.Errorf("unknown format %q: legal values are %s", s, strings.Join(names, ", "))
}

// errNoTable is returned by writeFormat when the format is table.
var errNoTable = errors.New("no writer for the table format")

// writeFormat writes r in any format but table, whose screen is the command's.
func writeFormat(w io.Writer, f format, r *result.Result) error {
	switch f {
	case formatJSON:
		data, err := result.Encode(r)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	case formatCSV:
		return result.WriteCellsCSV(w, r)
	case formatBench:
		return result.WriteBench(w, r)
	}
	return errNoTable
}
