package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// infoOptions are the flags of info.
type infoOptions struct {
	dir    string
	format format
}

func (o *infoOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.dir, "dir", ".", "`FOLDER` on the disk to look at")
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
}

func newInfoCmd() *cobra.Command {
	var o infoOptions
	cmd := &cobra.Command{
		Use:   "info [flags]",
		Short: "Say what machine, file system and disk a folder is on",
		Long: `Say what machine, file system and disk a folder is on, what would weaken a
measurement there, and which database servers use the same disk. Reads only.`,
		Example: `  flushbench info
  flushbench info --dir /var/lib/mysql
  flushbench info --format json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runInfo(cmd.Context(), cmd.OutOrStdout(), o)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func runInfo(ctx context.Context, w io.Writer, o infoOptions) error {
	if info, err := os.Stat(o.dir); err == nil && !info.IsDir() {
		return usagef("--dir %s: not a folder", o.dir)
	}
	env, err := hostinfo.Collect(ctx, o.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("--dir %s: the folder does not exist", o.dir)
	case errors.Is(err, fs.ErrPermission):
		return usagef("--dir %s: no permission to look at it", o.dir)
	case err != nil:
		return err
	}
	neighbours, err := hostinfo.Neighbours(ctx, env)
	if err != nil {
		return err
	}
	if o.format == formatJSON {
		return writeInfoJSON(w, env, neighbours)
	}
	_, err = io.WriteString(w, infoScreen(env, neighbours))
	return err
}

// infoScreen is the screen of info.
func infoScreen(env result.Environment, n hostinfo.NeighbourReport) string {
	lines := hostinfo.Describe(env)
	for _, found := range n.Found {
		what := fmt.Sprintf("%s (pid %d) has %s open on %s: a run is refused without --beside-live-database", found.Command, found.PID, found.Path, found.Device)
		lines = append(lines, fact("in use", what)...)
	}
	for _, note := range n.Notes {
		lines = append(lines, fact("note", note)...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// fact sets text beside a label as hostinfo.Describe does.
func fact(label, text string) []string {
	const indent = 9
	lines := verdict.Wrap(text, verdict.Width-indent)
	for i := range lines {
		lines[i] = fmt.Sprintf("%-*s%s", indent, label, lines[i])
		label = ""
	}
	return lines
}

// writeInfoJSON prints the environment as it stands in a result, and the
// servers on the device.
func writeInfoJSON(w io.Writer, env result.Environment, n hostinfo.NeighbourReport) error {
	type neighbour struct {
		PID     int    `json:"pid"`
		Command string `json:"command"`
		Path    string `json:"path"`
		Device  string `json:"device"`
		Assumed bool   `json:"assumed"`
	}
	out := struct {
		Environment result.Environment `json:"environment"`
		Neighbours  []neighbour        `json:"neighbours"`
		Notes       []string           `json:"notes"`
	}{env, []neighbour{}, append([]string{}, n.Notes...)}
	for _, f := range n.Found {
		out.Neighbours = append(out.Neighbours, neighbour(f))
	}
	return writeJSON(w, out)
}
