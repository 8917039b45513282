package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/result"
)

// leaves returns all commands that do something, hidden ones left out, by their names.
func leaves(root *cobra.Command) map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
		if !c.HasSubCommands() {
			all[strings.TrimPrefix(c.CommandPath(), root.Name()+" ")] = c
		}
	}
	visit(root)
	return all
}

// stillborn is command for one that is to be refused: what is taken all the same does
// not get to measure anything.
func stillborn(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut bytes.Buffer
	code = executeContext(ctx, args, &out, &errOut)
	return out.String(), errOut.String(), code
}

// TestEveryFlagRefusesNonsense: for every flag of every command a value that is none
// is one line that names the flag, and exit code 2.
func TestEveryFlagRefusesNonsense(t *testing.T) {
	t.Parallel()
	root := newRootCmd(new(bool))
	n := 0
	for name, cmd := range leaves(root) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			values := []string{"@@", "-", ",", "0x", "\x00"}
			switch {
			case strings.HasPrefix(f.Value.Type(), "bool"):
				values = []string{"@@", "2"}
			case strings.HasPrefix(f.Value.Type(), "string"), strings.HasSuffix(f.Name, "dir"):
				return // every value is one, or the command knows
			}
			for _, v := range values {
				n++
				args := append(strings.Fields(name), "--"+f.Name+"="+v)
				stdout, stderr, code := stillborn(t, args...)
				if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--"+f.Name) {
					t.Errorf("%q: exit code %d, %q, %q; want 2 and one line that names the flag", args, code, stdout, stderr)
				}
			}
		})
	}
	if n < 500 {
		t.Errorf("%d values were tried, want more", n)
	}
}

// TestEmptyValues: a variable of a script that is not set is no value.
func TestEmptyValues(t *testing.T) {
	root := newRootCmd(new(bool))
	arguments := map[string][]string{"compare": {"A", "B"}, "merge": {"A"}, "plots": {"A"}, "report": {"A"}, "show": {"A"}, "export": {"A"},
		"logdump": {"A"}, "recover": {"A"}, "audit": {"mysql://a@b"}}
	for name, cmd := range leaves(root) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" || f.NoOptDefVal != "" {
				return
			}
			args := append(append(strings.Fields(name), "--"+f.Name, ""), arguments[name]...)
			stdout, stderr, code := stillborn(t, args...)
			if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--"+f.Name+": the value is empty") {
				t.Errorf("%q: exit code %d, %q, %q; want 2 and one line that names the flag", args, code, stdout, stderr)
			}
		})
	}
}

// elsewhere are the commands whose success takes another machine, a server or Ctrl-C,
// and is shown by a test of their own.
var elsewhere = []string{"audit", "plug witness", "plug load", "plug verify", "serve", "sweep", "crash", "completion"}

// TestExitCodes runs the built command: each command ends at least once well and once
// with its user's mistake, and the codes mean what README says.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base, slow := saved(t, compared(10, 1)), saved(t, compared(10, 0.5))
	probe := compared(5, 1)
	probe.Kind = result.KindProbe
	db := databaseOptions(filepath.Join(dir, "db"))
	broken := databaseOptions(filepath.Join(dir, "broken"))
	for _, o := range []string{db.Dir, broken.Dir} {
		if err := os.Mkdir(o, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	crashedDatabase(t, db)
	crashedDatabase(t, broken)
	damage(t, filepath.Join(broken.Dir, "redo.1"), 30)
	mayMeasure := []string{"--allow-volatile", "--beside-live-database", "--results", filepath.Join(dir, "results")}
	with := func(args string, more ...string) []string { return append(strings.Fields(args), more...) }

	seen := map[string][]int{}
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{}},
		{0, with("version")},
		{0, with("help run")},
		{2, with("help nonsense")},
		{2, with("help run nonsense")},
		{2, with("nonsense")},
		{2, with("scenario")},
		{2, with("scenario nonsense")},
		{2, with("plug nonsense")},
		{2, with("completion")},
		{2, with("completion nonsense")},
		{0, with("completion bash")},
		{0, with("completion zsh")},
		{0, with("completion fish")},
		{0, with("completion powershell")},
		{0, with("scenario init")},
		{2, with("scenario init nowhere/file.yaml")},
		{0, smallRun("--rounds", "1", "--no-report", "--quiet")},
		{0, with("run --dry-run")},
		{2, with("run --policy 9")},
		{2, with("run --rounds 1 --results "+broken.Dir+"/redo.0", mayMeasure[:2]...)},
		{2, with("sweep --p99 -1ms")},
		{2, with("crash --trials 0")},
		{0, with("crash --dry-run --kinds process")},
		{0, with("lesson")},
		{2, with("lesson nonsense")},
		{2, with("lesson statement-drift --max-write-bytes 1", mayMeasure...)},
		{0, with("lesson statement-drift --quiet --no-report", mayMeasure...)},
		{0, with("probe --duration 50ms --rounds 1 --method fdatasync --size 4k --no-pages --quiet", mayMeasure[:2]...)},
		{2, with("probe --gentle --size 4k")},
		{2, with("probe --gentle --method fsync,fdatasync")},
		{2, with("trace --policy 1,2")},
		{0, with("trace --rows 100 --log-capacity 1M --later 0 --no-result --quiet", mayMeasure[:2]...)},
		{0, with("info")},
		{2, with("info --dir nowhere")},
		{2, with("info --dir " + broken.Dir + "/redo.0")},
		{2, with("audit oracle://nobody@nowhere")},
		{0, with("logdump", db.Dir)},
		{1, with("logdump", broken.Dir)},
		{2, with("logdump nowhere")},
		{0, with("rebuild --from-binlog", db.Dir)},
		{2, with("rebuild --from-binlog nowhere")},
		{1, with("recover", broken.Dir)},
		{2, with("recover nowhere")},
		{0, with("recover", db.Dir)},
		{0, with("show", base)},
		{2, with("show nowhere")},
		{0, with("export --as bench", base)},
		{2, with("export --as fio", base)},
		{0, with("plots", base)},
		{2, with("plots --dpi 1", base)},
		{2, with("plots --out "+broken.Dir+"/redo.0", base)},
		{0, with("report", base)},
		{2, with("report", base, base)},
		{0, with("compare", base, base)},
		{0, with("compare --fail-if-slower 5%", base, base)},
		{4, with("compare --fail-if-slower 5%", base, slow)},
		{2, with("compare --fail-if-slower 5%", base, saved(t, compared(2, 1)))},
		{2, with("compare", base, saved(t, probe))},
		{0, with("merge --no-report", append([]string{base}, "--out", filepath.Join(dir, "fleet"))...)},
		{2, with("merge nowhere")},
		{0, with("plan --tps 100 --from", base)},
		{2, with("plan")},
		{2, with("serve nowhere")},
		{2, with("plug witness --listen nonsense")},
		{2, with("plug load --name NO")},
		{2, with("plug verify --name NO")},
	} {
		stdout, stderr, code := runBinary(t, dir, c.args...)
		if code != c.code {
			t.Errorf("flushbench %q = %d; want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
		if c.code == 0 && stdout == "" || c.code != 0 && !strings.HasPrefix(stderr, "flushbench: ") {
			t.Errorf("flushbench %q = %d, %q, %q; want an answer, or a reason", c.args, code, stdout, stderr)
		}
		for i := range c.args {
			name := strings.Join(c.args[:i+1], " ")
			seen[name] = append(seen[name], c.code)
		}
	}
	root := newRootCmd(new(bool))
	root.SetOut(new(bytes.Buffer))
	useCompletion(root)
	for name := range leaves(root) {
		parent, _, _ := strings.Cut(name, " ")
		ends := slices.Contains(seen[name], 0) || slices.Contains(elsewhere, name)
		refuses := slices.Contains(seen[name], 2) || name == "version" || parent == "completion"
		if !ends || !refuses {
			t.Errorf("%s: its exit codes here are %v; want 0 and 2", name, seen[name])
		}
	}
}
