package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// useCompletion puts cobra's completion command, and our help, into their group.
// REQUIRES: root knows where its output goes.
func useCompletion(root *cobra.Command) {
	root.SetCompletionCommandGroupID(groupSetup)
	root.SetHelpCommand(newHelpCmd())
	root.SetHelpCommandGroupID(groupSetup)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
}

// legalValues is the annotation of a flag that holds its legal values.
const legalValues = "flushbench_values"

// completeValues registers the legal values of every flag that names them in
// its annotations.
func completeValues(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		values := f.Annotations[legalValues]
		if len(values) == 0 {
			return
		}
		// The only error is a second registration, which cannot be.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(slices.Clone(values), cobra.ShellCompDirectiveNoFileComp))
	})
}

// annotate sets one annotation of a flag that exists.
func annotate(fs *pflag.FlagSet, name, key string, values ...string) {
	// The only error is an unknown flag: a bug that every test of help shows.
	if err := fs.SetAnnotation(name, key, values); err != nil {
		panic(err)
	}
}
