package main

import (
	"errors"
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

// findResult reads the result that arg names: a result folder, a result.json, latest or
// latest~N, or the name of a folder below results. path is what it was read from.
func findResult(arg, results string) (r *result.Result, path string, err error) {
	return findAndLoad(arg, results, result.Load)
}

// findAndLoad is findResult by another way of loading.
func findAndLoad(arg, results string, load func(path string) (*result.Result, error)) (r *result.Result, path string, err error) {
	path = namedFolder(arg, results)
	if n, ok := latestNumber(arg); ok {
		if path, err = latestFolder(results, n); err != nil {
			return nil, "", usageError(err)
		}
	}
	if r, err = load(path); err != nil {
		return nil, "", noResult(path, results, err)
	}
	return r, path, nil
}

// namedFolder returns arg where it is a path, or nothing at all, and what of that name
// lies below results where only that is there.
func namedFolder(arg, results string) string {
	if _, err := os.Stat(arg); err == nil || !errors.Is(err, fs.ErrNotExist) || !filepath.IsLocal(arg) {
		return arg
	}
	below := filepath.Join(results, arg)
	if _, err := os.Stat(below); err != nil {
		return arg
	}
	return below
}

// whatIsAResult says what may stand for RESULT on a command line.
const whatIsAResult = "a result folder or its name below --results, a result.json, latest, or latest~1 for the one before it"

// noResult is the user's mistake of naming something that is no result.
func noResult(path, results string, err error) error {
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		if filepath.IsLocal(path) {
			return usagef("there is no result %q, neither as a path nor below %s: must be %s", path, results, whatIsAResult)
		}
		return usagef("there is no result %q: must be %s", path, whatIsAResult)
	case statErr == nil && info.IsDir() && errors.Is(err, fs.ErrNotExist):
		return usagef("folder %s holds no %s: must be %s", path, result.FileName, whatIsAResult)
	}
	return usageError(err)
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
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: there is no folder %s: measure first, or say with --results where results are", latest, results)
		}
		return "", fmt.Errorf("%s: %w", latest, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		info, err := os.Stat(filepath.Join(results, e.Name(), result.FileName))
		return err != nil || !info.Mode().IsRegular()
	})
	if n >= len(entries) {
		name, have := latest, "only "+counted(len(entries), "result")
		if n > 0 {
			name = fmt.Sprintf("%s~%d", latest, n)
		}
		if len(entries) == 0 {
			have = "there is no result"
		}
		return "", fmt.Errorf("%s: %s below %s", name, have, results)
	}
	return filepath.Join(results, entries[len(entries)-1-n].Name()), nil
}
