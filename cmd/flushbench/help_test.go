package main

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// help returns what the command line prints on standard output.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := executeContext(t.Context(), args, &out, &err); code != 0 || err.Len() > 0 {
		t.Fatalf("%q ended with %d: %s", args, code, err.String())
	}
	return out.String()
}

func TestRootHelp(t *testing.T)  { golden(t, "help.golden", help(t)) }
func TestProbeHelp(t *testing.T) { golden(t, "help-probe.golden", help(t, "probe", "--help")) }
func TestPlanHelp(t *testing.T)  { golden(t, "help-plan.golden", help(t, "plan", "--help")) }
func TestSweepHelp(t *testing.T) { golden(t, "help-sweep.golden", help(t, "sweep", "--help")) }
func TestInfoHelp(t *testing.T)  { golden(t, "help-info.golden", help(t, "info", "--help")) }

// TestEveryCommandHasHelp: a short text, examples, 80 columns, a group.
func TestEveryCommandHasHelp(t *testing.T) {
	started := false
	root := newRootCmd(&started)
	for _, c := range root.Commands() {
		if c.Short == "" || c.Example == "" || c.GroupID == "" {
			t.Errorf("%s: short %q, example %q, group %q: all are needed", c.Name(), c.Short, c.Example, c.GroupID)
		}
		helpFits(t, c)
	}
	if started {
		t.Error("help started a command")
	}
}

// helpFits holds that no line of a command's help, or of those below it, is too long.
func helpFits(t *testing.T, c *cobra.Command) {
	t.Helper()
	path := strings.Fields(c.CommandPath())[1:]
	fitsScreen(t, c.CommandPath()+" --help", help(t, append(path, "--help")...))
	for _, sub := range c.Commands() {
		helpFits(t, sub)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := help(t, "completion", shell); !strings.Contains(got, "flushbench") {
			t.Errorf("completion %s: %d bytes; want a script", shell, len(got))
		}
	}
	var out, err bytes.Buffer
	executeContext(t.Context(), []string{cobra.ShellCompRequestCmd, "probe", "--flush-method", ""}, &out, &err)
	if !strings.Contains(out.String(), "o_direct+fdatasync\n") {
		t.Errorf("completion of --flush-method: %q; want the methods", out.String())
	}
}

func TestVersionText(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"(devel)", nil, "development, go"},
		{"", vcs, "development (0123456789ab, changed), go"},
		{"v1.2.0", vcs[:1], "v1.2.0 (0123456789ab), go"},
		{"v0.0.0-20261121091402-0123456789ab+dirty", vcs, "v0.0.0-20261121091402-0123456789ab+dirty, go"},
	} {
		if got := versionText(c.version, c.settings); !strings.HasPrefix(got, c.want) {
			t.Errorf("versionText(%q) = %q; want %q...", c.version, got, c.want)
		}
	}
	if got := help(t, "version"); got != help(t, "--version") || !strings.HasPrefix(got, "flushbench ") {
		t.Errorf("version = %q; want the same as --version", got)
	}
}
