package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flushbench/metrics/result"
)

func newShowCmd() *cobra.Command {
	var out format
	var results string
	cmd := &cobra.Command{
		Use:   "show RESULT [flags]",
		Short: "Print a saved result as the measurement printed it",
		Long: `Print a saved result again, exactly as run, probe or crash printed it at its end. RESULT
is a result folder or its name below --results, a result.json, latest, or latest~1
for the one before it. Everything on the screen is computed from result.json alone.`,
		Example: `  flushbench show latest
  flushbench show results/20261121T091402Z-laptop-7-run
  flushbench show latest --format bench | benchstat /dev/stdin`,
		Args: resultArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, path, err := findResult(args[0], results)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), r, path, out)
		},
	}
	addFormatFlag(cmd.Flags(), &out)
	addResultsFlag(cmd.Flags(), &results)
	cmd.Flags().SortFlags = false
	completeValues(cmd)
	return cmd
}

// show prints r, which came from path.
func show(w io.Writer, r *result.Result, path string, out format) error {
	if out != formatTable {
		return writeFormat(w, out, r)
	}
	screen, err := screenOf(r, folderOf(path), bold(w))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, screen)
	return err
}

// folderOf returns the folder that path is, or in which its file lies.
func folderOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return filepath.Clean(path)
}

// homeOf is where what is made of the result of path goes: its folder, or, of a
// file with a name of its own (main.json), a folder of that name beside it, so that
// two such files never share one.
func homeOf(path string) string {
	folder := folderOf(path)
	name := filepath.Base(path)
	if folder == filepath.Clean(path) || name == result.FileName {
		return folder
	}
	own := strings.TrimSuffix(name, filepath.Ext(name))
	if own == name || own == "" {
		own = name + "-files"
	}
	return filepath.Join(folder, own)
}

// screenOf is the screen that belongs to the kind of result.
func screenOf(r *result.Result, folder string, bold func(string) string) (string, error) {
	switch {
	case r.Kind == result.KindRun:
		return runScreen(r, folder, bold), nil
	case r.Kind == result.KindSweep:
		return sweepScreen(r, folder, bold), nil
	case r.Kind == result.KindProbe && r.Probe != nil:
		return probeScreen(r, bold), nil
	case r.Kind == result.KindMerge && r.Merge != nil:
		return mergeScreen(r, folder, bold), nil
	case r.Kind == result.KindTrace && r.Trace != nil:
		return traceScreen(r, folder, bold), nil
	case r.Kind == result.KindLesson:
		return lessonScreen(r, folder, bold), nil
	case r.Kind == result.KindCrash:
		return crashScreen(r, folder, bold), nil
	}
	return "", usagef("show: %s holds a result of kind %s, which has no screen; --format json prints it", folder, r.Kind)
}
