package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path"
	"strings"
)

// changedSince lists the files that differ between the commit base and the work
// tree, new ones included, as slash-separated paths relative to root.
func changedSince(ctx context.Context, root, base string) ([]string, error) {
	var files []string
	for _, args := range [][]string{
		{"diff", "--name-only", "--relative", "-z", base, "--"},
		{"ls-files", "--others", "--exclude-standard", "-z"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = root
		var errText bytes.Buffer
		cmd.Stderr = &errText
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("mutants: git %s: %w: %s", args[0], err, strings.TrimSpace(errText.String()))
		}
		for name := range strings.SplitSeq(string(out), "\x00") {
			if name != "" {
				files = append(files, name)
			}
		}
	}
	return files, nil
}

// touchedBy returns the mutants that the changed files bear on: those whose
// mutated package or tested package holds one of them, and those whose own
// description is one of them.
func touchedBy(ms []Mutant, files []string) []Mutant {
	dirs, names := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		names[file] = true
		if path.Ext(file) == ".go" {
			dirs[path.Dir(file)] = true
		}
	}
	var kept []Mutant
	for _, m := range ms {
		if dirs[path.Dir(m.File)] || dirs[path.Clean(m.Package)] || names["mutants/"+m.Name+suffix] {
			kept = append(kept, m)
		}
	}
	return kept
}
