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
	Unlucky int           // how often the tests failed unchanged before they passed
	Took    time.Duration // the mutated runs alone, compiling included
}

// slowdown is how many times as long as its tests took unchanged a mutant may take,
// and these as long as the least limit: compilers and other tests run beside them, now
// and then.
const slowdown = 10

// A judge tries mutants. All fields are set before the first call.
type judge struct {
	root    string        // module root
	tmp     string        // scratch folder outside the module
	jobs    int           // go test calls at a time, at least 1
	tries   int           // how often the tests may pass on a mutant until it has survived, and fail unchanged until they are broken, at least 1
	limit   time.Duration // the least time limit of a mutant's tests
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
	bases, limits := make([]Result, len(runs)), make([]time.Duration, len(runs))
	err := j.each(ctx, len(runs), func(ctx context.Context, i int) (err error) {
		bases[i], limits[i], err = j.prove(ctx, runs[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(ms))
	var mu sync.Mutex // serializes observe
	err = j.each(ctx, len(ms), func(ctx context.Context, i int) error {
		k := index[ms[i].testRun()]
		r := bases[k]
		r.Mutant = ms[i]
		if r.Verdict == "" {
			if err := j.try(ctx, &r, limits[k]); err != nil {
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

// prove runs tests unchanged, again where one failed: on a busy machine that may be bad
// luck, which step test of .ci/run judges, and no reason to refuse the mutants. It
// returns the verdict, "" if they can pass, and the time limit of their mutants.
func (j judge) prove(ctx context.Context, run testRun) (r Result, limit time.Duration, err error) {
	for range j.tries {
		o, err := j.test(ctx, run, "", slowdown*j.limit)
		if err != nil {
			return Result{}, 0, err
		}
		r.Verdict, r.Detail = baseline(o)
		if t := o.tally(); r.Verdict != Broken || t.failed == "" || t.timedOut || o.overdue {
			return r, max(j.limit, slowdown*o.took()), nil
		}
		r.Unlucky++
	}
	return r, 0, nil
}

// try runs the tests on r's mutant, again while they pass: where threads must meet, a
// test finds its bug on most runs, not on each.
func (j judge) try(ctx context.Context, r *Result, limit time.Duration) error {
	m := r.Mutant
	changed, err := m.Mutated(j.root)
	if errors.Is(err, errStale) {
		r.Verdict, r.Detail = Stale, err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	overlay, err := m.writeOverlay(j.root, j.tmp, changed)
	if err != nil {
		return err
	}
	start := time.Now()
	for r.Try < j.tries && (r.Try == 0 || r.Verdict == Survived) {
		o, err := j.test(ctx, m.testRun(), overlay, limit)
		if err != nil {
			return err
		}
		r.Verdict, r.Detail = classify(m, o)
		r.Try++
	}
	r.Took = time.Since(start)
	return nil
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
