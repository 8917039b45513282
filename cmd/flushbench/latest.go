package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// latest is the word that stands for the newest result folder; latest~1 is the
// one before it.
const latest = "latest"

// findResult reads the result that arg names: a result folder, a result.json,
// latest or latest~N. path is what it was read from.
func findResult(arg, results string) (r *result.Result, path string, err error) {
	return findAndLoad(arg, results, result.Load)
}

// findAndLoad is findResult by another way of loading.
func findAndLoad(arg, results string, load func(path string) (*result.Result, error)) (r *result.Result, path string, err error) {
	path = arg
	if n, ok := latestNumber(arg); ok {
		if path, err = latestFolder(results, n); err != nil {
			return nil, "", usageError(err)
		}
	}
	if r, err = load(path); err != nil {
		return nil, "", usageError(err)
	}
	return r, path, nil
}

// latestNumber reads latest (0) and latest~N.
func latestNumber(arg string) (n int, ok bool) {
	rest, ok := strings.CutPrefix(arg, latest)
	if !ok || rest == "" {
		return 0, ok
	}
	digits, ok := strings.CutPrefix(rest, "~")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0
}

// latestFolder returns the n-th newest result folder below results, 0 is the
// newest. Their names begin with the UTC time, so the names' order is the time's.
func latestFolder(results string, n int) (string, error) {
	entries, err := os.ReadDir(results)
	if err != nil {
		return "", fmt.Errorf("%s: %w", latest, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		info, err := os.Stat(filepath.Join(results, e.Name(), result.FileName))
		return err != nil || !info.Mode().IsRegular()
	})
	if n >= len(entries) {
		return "", fmt.Errorf("%s~%d: only %d results below %s", latest, n, len(entries), results)
	}
	return filepath.Join(results, entries[len(entries)-1-n].Name()), nil
}
