package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Result is the verdict on one mutant.
type Result struct {
	Mutant  Mutant
	Verdict Verdict
	Detail  string        // the test that caught it, or the reason
	Try     int           // which of the judge's tries this is of, from 1 on; 0: none was needed
	Took    time.Duration // the mutated runs alone, compiling included
}

// A judge tries mutants. All fields are set before the first call.
type judge struct {
	root    string // module root
	tmp     string // scratch folder outside the module
	jobs    int    // go test calls at a time, at least 1
	tries   int    // how often the tests may pass on a mutant until it has survived, at least 1
	test    tester
	observe func(Result) // called once per mutant, serially, in the order they end
}

// tryAll proves that each mutant's tests pass unchanged, then tries every mutant
// and returns the results in the order of ms. It ends early, with an error, when
// ctx does or the go command cannot be run.
func (j judge) tryAll(ctx context.Context, ms []Mutant) ([]Result, error) {
	var runs []testRun
	index := map[testRun]int{}
	for _, m := range ms {
		r := m.testRun()
		if _, seen := index[r]; !seen {
			index[r] = len(runs)
			runs = append(runs, r)
		}
	}
	bases := make([]Result, len(runs))
	err := j.each(ctx, len(runs), func(ctx context.Context, i int) error {
		o, err := j.test(ctx, runs[i], "")
		if err != nil {
			return err
		}
		bases[i].Verdict, bases[i].Detail = baseline(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(ms))
	var mu sync.Mutex // serializes observe
	err = j.each(ctx, len(ms), func(ctx context.Context, i int) error {
		r := bases[index[ms[i].testRun()]]
		r.Mutant = ms[i]
		if r.Verdict == "" {
			var err error
			if r, err = j.try(ctx, ms[i]); err != nil {
				return err
			}
		}
		results[i] = r
		mu.Lock()
		defer mu.Unlock()
		j.observe(r)
		return nil
	})
	return results, err
}

// try runs the tests on one mutant, again while they pass: where threads must meet, a
// test finds its bug on most runs, not on each.
func (j judge) try(ctx context.Context, m Mutant) (Result, error) {
	changed, err := m.Mutated(j.root)
	if errors.Is(err, errStale) {
		return Result{Mutant: m, Verdict: Stale, Detail: err.Error()}, nil
	}
	if err != nil {
		return Result{}, err
	}
	overlay, err := m.writeOverlay(j.root, j.tmp, changed)
	if err != nil {
		return Result{}, err
	}
	r := Result{Mutant: m}
	start := time.Now()
	for r.Try < j.tries && (r.Try == 0 || r.Verdict == Survived) {
		o, err := j.test(ctx, m.testRun(), overlay)
		if err != nil {
			return Result{}, err
		}
		r.Verdict, r.Detail = classify(m, o)
		r.Try++
	}
	r.Took = time.Since(start)
	return r, nil
}

// each calls work(i) for i in [0, n), at most jobs at a time, waits for all that
// have begun and returns the first error; after one no new call begins.
func (j judge) each(ctx context.Context, n int, work func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	free := make(chan struct{}, j.jobs)
	for i := range n {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			if err := work(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
