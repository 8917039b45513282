package main

import (
	"errors"

	"github.com/spf13/cobra"

	"flushbench/workload/crash/victim"
)

// newCrashVictimCmd is the process that crash starts and kills. It reads its
// orders from descriptors that it inherits, so nobody starts it by hand.
func newCrashVictimCmd() *cobra.Command {
	return &cobra.Command{
		Use:   victim.Command,
		Short: "What crash kills (started by it, not by hand)",
		Long: `The process that crash starts, puts under load and kills. It reads its orders from
descriptors that it inherits, so it cannot be started by hand.`,
		Example: "  flushbench crash --kinds process",
		Hidden:  true,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if code := victim.Main(); code != victim.ExitLimit {
				return &codeError{code, errors.New("the victim ended by itself")}
			}
			return nil
		},
	}
}
