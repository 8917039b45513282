package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noArgs is for commands that are told everything by flags. A word without a flag
// is most often a folder: where the command takes one, the message says how.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	advice := ""
	switch serve := cmd.Flags().Lookup("serve"); {
	case serve != nil && serve.Changed:
		advice = "; an address follows --serve= without a blank"
	case cmd.Flags().Lookup("dir") != nil:
		advice = "; a folder is given by --dir FOLDER"
	}
	return usagef("%s takes flags alone, not %q%s", cmd.Name(), redact(args[0]), advice)
}

// resultArgs is for commands that are given at least least results and at most most
// of them; most 0: any number.
func resultArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s: which result? Give %s", cmd.Name(), whatIsAResult)
		case len(args) < least:
			return usagef("%s: takes %s at least, not %d: each is %s", cmd.Name(), counted(least, "RESULT"), len(args), whatIsAResult)
		case most > 0 && len(args) > most:
			return usagef("%s: takes %s, not %d", cmd.Name(), counted(most, "RESULT"), len(args))
		}
		return nil
	}
}

// oneArg is for commands that are given one thing, which usage names.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s: %s is missing", cmd.Name(), name)
		case len(args) > 1:
			return usagef("%s: takes one %s, not %d", cmd.Name(), name, len(args))
		}
		return nil
	}
}

// atMostOneArg is oneArg for what may be left out.
func atMostOneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s: takes one %s, not %d", cmd.Name(), name, len(args))
		}
		return nil
	}
}

// counted is "1 RESULT", "2 RESULTs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// askForPart makes a command that only groups others say so, instead of printing its
// help as if all were well: exit code 2. A question of its own stays.
func askForPart(cmd *cobra.Command) {
	var parts []string
	for _, c := range cmd.Commands() {
		parts = append(parts, cmd.CommandPath()+" "+c.Name())
	}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("unknown command %q for %q: legal are %s", redact(args[0]), cmd.CommandPath(), strings.Join(parts, ", "))
	}
	if cmd.RunE == nil && cmd.Run == nil {
		cmd.RunE = func(*cobra.Command, []string) error {
			return usagef("%s: which part? Legal are %s", cmd.Name(), strings.Join(parts, ", "))
		}
	}
}

// newHelpCmd is cobra's help command, but that a command that does not exist is bad
// input.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print the help of a command",
		Long:    `Print the help of a command, the same as COMMAND --help.`,
		Example: "  flushbench help run\n  flushbench help plug load",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if at, _, err := cmd.Root().Find(args); err == nil {
				for _, c := range at.Commands() {
					if c.IsAvailableCommand() {
						names = append(names, c.Name())
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError(err)
			}
			if len(rest) > 0 {
				return usagef("unknown command %q for %q", rest[0], at.CommandPath())
			}
			writeHelp(cmd.OutOrStdout(), at)
			return nil
		},
	}
}

// checkNoEmptyValue refuses flags that were given an empty word: most often it is a
// variable of a script that is not set, and the default is not what was meant.
func checkNoEmptyValue(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err == nil && f.Changed && f.Value.Type() == "string" && f.Value.String() == "" {
			err = usagef("--%s: the value is empty: give one, or leave the flag out", f.Name)
		}
	})
	return err
}
