// Command mutants plants seeded bugs, one at a time, and demands that the test
// each of them names fails. It proves that the tests can fail, which a green run
// alone does not.
//
// Each bug is one file NAME.mutant in this folder (see Parse for the form). The
// source tree is never touched: the changed file reaches the compiler through
// go test -overlay. A mutant is caught only by a test that ran and failed; one
// that does not compile, that no test matches or whose old text has gone is an
// error, so that the list cannot rot unseen. Tests that pass are run again, -tries
// times in all, before the mutant has survived: where threads must meet, a good test
// finds its bug on most runs. So are tests that fail unchanged, before they are broken;
// the table says so. It is no fuzzer and invents no bugs.
//
// Exit codes: 0 every mutant caught; 1 one was not; 2 bad flags or a malformed
// mutant file; 130 interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags of the command.
type options struct {
	changed string
	only    string
	list    bool
	md      bool
	sample  int
	seed    uint64
	jobs    int
	tries   int
	timeout time.Duration
}

// parseFlags reads and checks the flags; messages go to stderr.
func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("mutants", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&o.changed, "changed", "", "only mutants of packages that changed since the commit `BASE`")
	set.StringVar(&o.only, "run", "", "only mutants whose name matches `REGEX`")
	set.BoolVar(&o.list, "list", false, "list the mutants and stop")
	set.BoolVar(&o.md, "md", false, "write docs/mutants.md and stop")
	set.IntVar(&o.sample, "sample", 0, "only so many of the chosen ones, drawn by -seed; 0: `all`")
	set.Uint64Var(&o.seed, "seed", 0, "of -sample; 0: a fresh `NUMBER`")
	set.IntVar(&o.jobs, "j", max(1, runtime.NumCPU()/2), "mutants tried at the same `time`, at least 1")
	set.IntVar(&o.tries, "tries", 6, "how `often` the tests may pass until a mutant has survived, or fail unchanged until they are broken, at least 1")
	set.DurationVar(&o.timeout, "timeout", time.Minute, "least time limit of one mutant's tests, without compiling; more where they took more than a tenth of it unchanged")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	switch _, err := regexp.Compile(o.only); {
	case set.NArg() > 0:
		return o, fmt.Errorf("mutants: unexpected argument %q", set.Arg(0))
	case err != nil:
		return o, fmt.Errorf("mutants: -run: %w", err)
	case o.sample < 0:
		return o, fmt.Errorf("mutants: -sample %d: want at least 0", o.sample)
	case o.jobs < 1:
		return o, fmt.Errorf("mutants: -j %d: want at least 1", o.jobs)
	case o.tries < 1:
		return o, fmt.Errorf("mutants: -tries %d: want at least 1", o.tries)
	case o.timeout <= 0:
		return o, fmt.Errorf("mutants: -timeout %s: want more than 0", o.timeout)
	}
	return o, nil
}

// run is the command without the process around it; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	all, err := ReadAll(os.DirFS(filepath.Join(root, "mutants")))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if o.md {
		return report(stderr, writePage(root, all))
	}
	chosen, err := choose(ctx, root, all, o)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if o.list {
		printList(stdout, chosen)
		return 0
	}
	if o.sample > 0 && len(chosen) > o.sample {
		chosen = sample(chosen, o.sample, &o.seed)
		fmt.Fprintf(stdout, "mutants: a sample of %d; the same one again with -seed=%d\n", o.sample, o.seed)
	}
	return tryAndPrint(ctx, root, chosen, len(all), o, stdout, stderr)
}

// sample draws n of the mutants and keeps their order. A seed of 0 is replaced
// by a fresh one.
func sample(all []Mutant, n int, seed *uint64) []Mutant {
	for *seed == 0 {
		*seed = uint64(rand.Uint32())
	}
	at := rand.New(rand.NewPCG(*seed, 1)).Perm(len(all))[:n]
	slices.Sort(at)
	chosen := make([]Mutant, n)
	for i, k := range at {
		chosen[i] = all[k]
	}
	return chosen
}

// tryAndPrint tries the chosen mutants and returns the exit code.
func tryAndPrint(ctx context.Context, root string, chosen []Mutant, of int, o options, stdout, stderr io.Writer) int {
	if len(chosen) == 0 {
		fmt.Fprintf(stdout, "mutants: none of %d chosen\n", of)
		return 0
	}
	tmp, err := os.MkdirTemp("", "flushbench-mutants-")
	if err != nil {
		return report(stderr, fmt.Errorf("mutants: %w", err))
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	start := time.Now()
	fmt.Fprintf(stdout, "mutants: trying %d of %d, after their tests unchanged\n", len(chosen), of)
	j := judge{root: root, tmp: tmp, jobs: o.jobs, tries: o.tries, limit: o.timeout, test: goTest(root),
		observe: func(r Result) { printResult(stdout, r) }}
	results, err := j.tryAll(ctx, chosen)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "mutants: interrupted")
		return 130
	}
	if err != nil {
		return report(stderr, err)
	}
	if printSummary(stdout, results, time.Since(start)) > 0 {
		return 1
	}
	return 0
}

// report prints err, if any, and returns the exit code for it.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	return 1
}

// choose applies -run and -changed.
func choose(ctx context.Context, root string, all []Mutant, o options) ([]Mutant, error) {
	if o.changed != "" {
		files, err := changedSince(ctx, root, o.changed)
		if err != nil {
			return nil, err
		}
		all = touchedBy(all, files)
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("mutants: -run: %w", err)
	}
	var chosen []Mutant
	for _, m := range all {
		if only.MatchString(m.Name) {
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// writePage writes docs/mutants.md.
func writePage(root string, all []Mutant) error {
	page := filepath.Join(root, "docs", "mutants.md")
	if err := os.WriteFile(page, []byte(markdown(all)), 0o644); err != nil {
		return fmt.Errorf("mutants: %w", err)
	}
	return nil
}

// moduleRoot returns the folder of the module that the current folder is in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("mutants: go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", errors.New("mutants: not inside a Go module: run it in the checkout")
	}
	return filepath.Dir(mod), nil
}
