package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/workload/target"
)

// Find returns the path of the installed server and its version. It looks along
// PATH and then where packages put servers, the newest version first. The error
// says what to install.
func Find(p target.Product) (path, version string, err error) {
	k := kinds[p]
	if k == nil {
		return "", "", fmt.Errorf("private server: product %d: want mariadb, mysql or postgres", p)
	}
	return find(context.Background(), k, "")
}

// find is Find, or a look at the named binary.
func find(ctx context.Context, k *kind, binary string) (path, version string, err error) {
	if binary != "" {
		path, err := filepath.Abs(binary)
		if err != nil {
			return "", "", fmt.Errorf("private server: %w", err)
		}
		version, err := versionOf(ctx, k, path)
		if err != nil {
			return "", "", fmt.Errorf("private server: %s is no %s: %w", binary, k.program, err)
		}
		return path, version, nil
	}
	for _, path := range candidates(k) {
		version, err := versionOf(ctx, k, path)
		if err == nil {
			return path, version, nil
		}
		if ctx.Err() != nil {
			return "", "", fmt.Errorf("private server: %w", context.Cause(ctx))
		}
	}
	return "", "", fmt.Errorf("private server: no %s found along PATH and in %s: %s",
		strings.Join(k.names, " or "), strings.Join(k.folders, ", "), k.install)
}

// candidates are the programs that may be k's server, the best first.
func candidates(k *kind) []string {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range k.folders {
		found, _ := filepath.Glob(pattern) // the patterns are ours
		slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(firstNumber(b), firstNumber(a)) })
		folders = append(folders, found...)
	}
	var all []string
	for _, name := range k.names {
		for _, folder := range folders {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				all = append(all, path)
			}
		}
	}
	return all
}

// firstNumber returns the first number in a path, 0 without one.
func firstNumber(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(digits[0]) // digits alone
	return n
}

// versionWords: "mariadbd  Ver 10.11.6-MariaDB for Linux", "mysqld  Ver
// 8.0.36-0ubuntu0.22.04.1 for Linux", "postgres (PostgreSQL) 15.5 (Debian 15.5-1)",
// "postgres (PostgreSQL) 18beta1".
var versionWords = regexp.MustCompile(`(?:Ver|\(PostgreSQL\)) +(\d[^ \n]*)`)

// versionOf asks a program. What is not of the kind is an error.
func versionOf(ctx context.Context, k *kind, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, k.askVersion...)
	cmd.Env = environment("")
	out, err := cmd.Output()
	if err != nil {
		return "", whyEnded(ctx, err)
	}
	return parseVersion(k, out)
}

func parseVersion(k *kind, out []byte) (string, error) {
	found := versionWords.FindSubmatch(out)
	maria := bytes.Contains(out, []byte("MariaDB"))
	if found == nil || !bytes.Contains(out, []byte(k.reports)) || maria != (k.product == target.MariaDB) {
		return "", fmt.Errorf("--version says %q", firstLine(string(out)))
	}
	return string(found[1]), nil
}

// beside returns the path of the first of the named programs that lies beside the
// server's, in the bin folder beside that, or along PATH.
func beside(binary string, names ...string) (string, error) {
	dir := filepath.Dir(binary)
	for _, name := range names {
		for _, folder := range []string{dir, filepath.Join(dir, "..", "bin"), filepath.Join(dir, "..", "scripts")} {
			if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return path, nil
			}
		}
		if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", errors.New("private server: there is no " + strings.Join(names, " or ") + " beside " + binary + " or along PATH")
}
