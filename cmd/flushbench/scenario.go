package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/workload/scenario"
)

func newScenarioCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "Write a scenario file, for run -f",
		Long: `Scenario files say in YAML what the flags of run say, under the same names. Flags win
over the file; unknown keys are refused with the nearest legal one. docs/scenarios
has examples.`,
		Example: `  flushbench scenario init                         every setting, to look at
  flushbench scenario init oltp.yaml
  flushbench run -f oltp.yaml --dry-run            what it would measure
  flushbench run -f oltp.yaml --clients 16         a flag wins over the file`,
	}
	cmd.AddCommand(newScenarioInitCmd())
	return cmd
}

func newScenarioInitCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a scenario with every setting, its meaning and its default",
		Long: `Write a scenario file in which every setting stands with its meaning, what is legal
and, commented out, its default. It is made from the table of the flags. Without FILE
it goes to standard output; a FILE that is there is left alone.`,
		Example: `  flushbench scenario init
  flushbench scenario init oltp.yaml`,
		Args: atMostOneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := scenarioTemplate()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				_, err := io.WriteString(cmd.OutOrStdout(), text)
				return err
			}
			return createFile("scenario init", args[0], text)
		},
	}
}

// createFile writes a file that must not be there yet. what begins its errors.
func createFile(what, path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s: %s is there already, and is left alone", what, path)
	}
	if err != nil {
		return usageError(fmt.Errorf("%s: %w", what, err))
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// scenarioTemplate is a file with every setting of run.
func scenarioTemplate() (string, error) {
	var o runOptions
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(fs)
	own := scenario.Section{Heading: "What the command itself takes"}
	for _, f := range otherFlags(fs) {
		own.Settings = append(own.Settings, scenario.Setting{Name: f.Name, Usage: f.Usage, Default: f.DefValue})
	}
	return o.s.Template(own)
}

// notInFiles are flags that a file cannot say: of where it is, of how it is shown, of
// one run alone, and those that stand for a setting.
var notInFiles = []string{"file", "dry-run", "resume", "format", "quiet", "serve", "help", scenario.PresetQuick.String(), scenario.PresetThorough.String()}

// otherFlags are the flags that a scenario file can say beside the scenario's own.
func otherFlags(all *pflag.FlagSet) (flags []*pflag.Flag) {
	own := pflag.NewFlagSet("scenario", pflag.ContinueOnError)
	s := scenario.Default()
	s.AddFlags(own)
	all.VisitAll(func(f *pflag.Flag) {
		if own.Lookup(f.Name) == nil && !slices.Contains(notInFiles, f.Name) {
			flags = append(flags, f)
		}
	})
	return flags
}

// readScenario takes a file over s, and into flags what is not the scenario's own; a
// flag that was given stays. Errors name file and line.
func readScenario(s *scenario.Scenario, path string, flags *pflag.FlagSet) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return usageError(fmt.Errorf("--file: %w", err))
	}
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	others := map[string]func(string) error{}
	for _, f := range otherFlags(flags) {
		others[f.Name] = func(text string) error { return flags.Set(f.Name, text) }
	}
	err = s.DecodeWith(data, func(name string) bool { return given[name] }, others)
	var line *scenario.LineError
	switch {
	case errors.As(err, &line):
		return usagef("%s:%d: %w", path, line.Line, line.Err)
	case err != nil:
		return usagef("%s: %w", path, err)
	}
	return nil
}
