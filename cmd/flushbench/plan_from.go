package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"flushbench/metrics/result"
)

// load reads the results of --from.
func (o *planOptions) load() ([]*result.Result, error) {
	var out []*result.Result
	seen := map[string]bool{} // what is given twice would count twice
	for _, from := range o.from {
		for _, one := range resultsBelow(from) {
			r, path, err := findResult(one, o.results)
			if err != nil {
				return nil, err
			}
			if at, err := filepath.EvalSymlinks(strings.TrimSuffix(path, result.FileName)); err == nil {
				if seen[at] {
					return nil, usagef("--from: %s is given twice", path)
				}
				seen[at] = true
			}
			if one == from || slices.Contains(planKinds, r.Kind) {
				out = append(out, r)
			}
		}
	}
	if len(o.from) > 0 && len(out) == 0 {
		return nil, usagef("--from %s: no result of a run, a sweep, a probe or a crash lies there", strings.Join(o.from, ", "))
	}
	return out, nil
}

// measuresOnly refuses flags that say how to measure: results that are given are taken as
// they are.
func measuresOnly(flags *pflag.FlagSet) error {
	for _, name := range []string{"dir", "workload", "background-io", "time-budget"} {
		if flags.Changed(name) {
			return usagef("--%s with --from: what is saved is not measured again; leave one of them out", name)
		}
	}
	return nil
}

// planKinds are the results that are taken from a folder of results.
var planKinds = []string{result.KindRun, result.KindSweep, result.KindProbe, result.KindCrash, result.KindMerge}

// resultsBelow is from itself, or, of a folder that is no result but holds some, these,
// in the order of their names.
func resultsBelow(from string) []string {
	if _, err := os.Stat(filepath.Join(from, result.FileName)); err == nil {
		return []string{from}
	}
	below, err := filepath.Glob(filepath.Join(strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(from), "*", result.FileName))
	if err != nil || len(below) == 0 {
		return []string{from}
	}
	for i := range below {
		below[i] = filepath.Dir(below[i])
	}
	return below
}
