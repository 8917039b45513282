package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/workload/runner/servers"
	"flushbench/workload/workdir"
)

// The exit codes. 3 and 4 belong to crash trials and gates.
const (
	exitOK          = 0
	exitFailed      = 1   // the run failed, or a control was not caught
	exitUsage       = 2   // bad input, or something asked for by name that cannot be had here
	exitGate        = 4   // --fail-if-slower: something is slower; rebuild: rows differ
	exitInterrupted = 130 // SIGINT or SIGTERM
)

// codeError is an error that ends the program with a code of its own.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// usageError marks err as the user's mistake: exit code 2. nil stays nil.
func usageError(err error) error {
	if err == nil {
		return nil
	}
	return &codeError{exitUsage, err}
}

// usagef makes an error with exit code 2.
func usagef(format string, args ...any) error {
	return usageError(fmt.Errorf(format, args...))
}

// exitCode maps what a command returned to the exit code. started is false
// when the command line was rejected before the command's own code ran.
func exitCode(err error, started bool) int {
	var coded *codeError
	var refusal *workdir.Refusal
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &refusal):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case !started:
		return exitUsage
	}
	return exitFailed
}

// message is what is printed after "flushbench: ": one line, except for a
// refusal, which is a small screen of its own.
func message(err error) string {
	var refusal *workdir.Refusal
	var left *servers.LeftError
	var text string
	switch errors.As(err, &left); {
	case errors.As(err, &refusal):
		text = refusal.Error()
	case errors.Is(err, context.Canceled):
		text = "interrupted"
	default:
		return oneLine(err)
	}
	if left != nil {
		text += "\n" + oneLine(left)
	}
	return text
}

// oneLine is the text of err without line ends.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

// flagError says in one short sentence what is wrong with a flag.
func flagError(_ *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError(err)
	}
	cause := invalid.Unwrap()
	var number *strconv.NumError
	switch {
	case errors.As(cause, &number):
		return usagef("--%s %s: must be a whole number in range", invalid.GetFlag().Name, invalid.GetValue())
	case strings.HasPrefix(cause.Error(), "time: "):
		return usagef("--%s %s: must be a number with a unit, such as 50us, 2s or 1m30s", invalid.GetFlag().Name, invalid.GetValue())
	}
	return usagef("--%s: %w", invalid.GetFlag().Name, cause)
}
