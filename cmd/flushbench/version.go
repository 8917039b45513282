package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit and the Go version",
		Example: "  flushbench version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "flushbench "+toolVersion())
			return err
		},
	}
}

// toolVersion is the version that stands in results, such as
// "v1.2.0 (1a2b3c4d5e6f, changed), go1.26.1 linux/amd64".
func toolVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versionText("", nil)
	}
	return versionText(info.Main.Version, info.Settings)
}

// versionText puts the parts together; settings are those of the build.
func versionText(version string, settings []debug.BuildSetting) string {
	commit, changed := "", false
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if version == "" || version == "(devel)" {
		version = "development"
	}
	// The revision is the last part of a pseudo-version already.
	var notes []string
	if commit != "" && !strings.Contains(version, commit) {
		notes = append(notes, commit)
	}
	if changed && !strings.Contains(version, "dirty") {
		notes = append(notes, "changed")
	}
	if len(notes) > 0 {
		version += " (" + strings.Join(notes, ", ") + ")"
	}
	return fmt.Sprintf("%s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
