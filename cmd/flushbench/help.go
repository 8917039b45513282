package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/verdict"
)

// flagGroup is the annotation of a flag that holds the heading under which
// help lists it.
const flagGroup = "flushbench_group"

// useHelp gives root and its commands help of 80 columns whose flags stand
// under the headings of their annotations and whose examples come last.
func useHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(cmd.OutOrStdout(), cmd) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		writeHelp(cmd.OutOrStderr(), cmd)
		return nil
	})
}

func writeHelp(w io.Writer, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", reflow(text), usageLine(cmd))
	writeCommands(w, cmd)
	writeFlags(w, cmd)
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
}

// reflow fills the paragraphs of text to 80 columns.
func reflow(text string) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(verdict.Wrap(p, verdict.Width), "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine()
}

func writeCommands(w io.Writer, cmd *cobra.Command) {
	list := func(title, group string) {
		g := grid{columns: []column{{left: true}, {left: true, gap: 3}}}
		for _, c := range cmd.Commands() {
			if c.GroupID == group && (c.IsAvailableCommand() || c.Name() == "help") {
				g.add("  "+c.Name(), c.Short)
			}
		}
		if len(g.rows) > 0 {
			fmt.Fprintf(w, "\n%s\n%s", title, g.String())
		}
	}
	for _, group := range cmd.Groups() {
		list(group.Title, group.ID)
	}
	list("Commands:", "")
}

// writeFlags lists the flags by heading, in the order in which the headings
// first appear.
func writeFlags(w io.Writer, cmd *cobra.Command) {
	var headings []string
	sets := map[string]*pflag.FlagSet{}
	add := func(f *pflag.Flag, fallback string) {
		if f.NoOptDefVal != "" && f.Value.Type() == "string" { // its usage says what holds without a value
			bare := *f
			bare.NoOptDefVal = ""
			f = &bare
		}
		heading := fallback
		if g := f.Annotations[flagGroup]; len(g) > 0 {
			heading = g[0]
		}
		set, ok := sets[heading]
		if !ok {
			set = pflag.NewFlagSet(heading, pflag.ContinueOnError)
			set.SortFlags = false
			sets[heading] = set
			headings = append(headings, heading)
		}
		set.AddFlag(f)
	}
	local := cmd.LocalFlags()
	local.SortFlags = cmd.Flags().SortFlags
	local.VisitAll(func(f *pflag.Flag) { add(f, "Flags") })
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { add(f, "Flags of every command") })
	for _, heading := range headings {
		if usages := sets[heading].FlagUsagesWrapped(verdict.Width); usages != "" {
			fmt.Fprintf(w, "\n%s:\n%s", heading, usages)
		}
	}
}
