package mysql

import (
	"path/filepath"
	"strconv"
	"strings"

	"flushbench/workload/target"
)

// release is a product and its version, as far as it decides about names and
// privileges.
type release struct {
	product             target.Product
	text                string
	major, minor, patch int
}

// releaseOf reads the release off the global variables. MariaDB says so in its
// version; some builds only in the comment on it.
func releaseOf(vars map[string]string) release {
	r := release{product: target.MySQL, text: vars["version"]}
	if strings.Contains(strings.ToLower(vars["version"]+" "+vars["version_comment"]), "mariadb") {
		r.product = target.MariaDB
	}
	// Old servers call themselves 5.5.5-10.11.6-MariaDB for the sake of old replicas.
	text := r.text
	if rest, ok := strings.CutPrefix(text, "5.5.5-"); ok && r.product == target.MariaDB {
		text = rest
	}
	for i, part := range strings.SplitN(text, ".", 3) {
		end := strings.IndexFunc(part, func(c rune) bool { return c < '0' || c > '9' })
		if end < 0 {
			end = len(part)
		}
		n, _ := strconv.Atoi(part[:end]) // digits alone, or none: 0
		*[]*int{&r.major, &r.minor, &r.patch}[i] = n
	}
	return r
}

// from reports whether r is at least that version of product.
func (r release) from(product target.Product, major, minor, patch int) bool {
	if r.product != product {
		return false
	}
	switch {
	case r.major != major:
		return r.major > major
	case r.minor != minor:
		return r.minor > minor
	}
	return r.patch >= patch
}

// infoOf reads who the server is, and where its files are, off its variables.
func infoOf(r release, vars map[string]string) target.Info {
	i := target.Info{Product: r.product, Version: r.text, Major: r.major, Minor: r.minor}
	i.DataDir = within("", vars["datadir"])
	i.LogDir = within(i.DataDir, vars["innodb_log_group_home_dir"])
	if r.from(target.MySQL, 8, 0, 30) {
		i.LogDir = filepath.Join(i.LogDir, "#innodb_redo")
	}
	if target.SameValue(vars["log_bin"], "ON") {
		i.BinlogDir = i.DataDir
		if base := vars["log_bin_basename"]; base != "" {
			i.BinlogDir = within(i.DataDir, filepath.Dir(base))
		}
	}
	return i
}

// within returns a folder of the server, whose relative and empty ones count from
// its data folder.
func within(dataDir, dir string) string {
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	if dataDir == "" && dir == "" {
		return ""
	}
	return filepath.Join(dataDir, dir)
}
