// Package lesson tells stories of under a minute. Each takes one safeguard of the
// logs away, shows by crashing or measuring what that costs, and judges by it a
// sentence that people repeat about the subject.
//
// A lesson is a value: All lists them, Run tells one. It measures with what the rest
// of the program measures and crashes with (workload/crash, the driver, the engine
// on a real disk or on the in-memory disk that crashes); it is no second harness. It
// prints nothing: what it has to say stands in the result.Lesson, and Env.Say tells
// of its progress.
//
// INVARIANT: a lesson claims no more than it measured. What this disk or this user
// cannot decide ends as result.LessonNotTestable, with the reason.
// INVARIANT: a lesson works below Env.Dir alone, and nothing of it is left running
// or mounted when it returns.
package lesson

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/metrics/result"
)

// Lesson is a story of under a minute that takes one safeguard away and shows what
// that costs. It is immutable.
type Lesson struct {
	Name  string // as in `flushbench lesson NAME`: lower case, hyphens
	Title string // one line for the list, at most 50 characters, no full stop
	Claim string // the sentence that people repeat, which the lesson judges
	Rule  string // what decides it, one sentence
	// Needs is what it cannot do without. WithRoot says in a phrase what it shows
	// beyond that as root; "": nothing.
	Needs    Needs
	WithRoot string
	Takes    time.Duration // about how long it takes at Scale 1, at most a minute
	Bytes    int64         // the most that it writes at Scale 1
	Disk     int64         // the most that it holds on disk at a time; 0: Bytes
	// Run tells it. An error means that it could not be told to its end: it wraps
	// ctx's when it was interrupted. What it finds is no error.
	Run func(ctx context.Context, env *Env) (*result.Lesson, error)
}

// Needs is what a lesson cannot do without.
type Needs string

// The values of Needs.
const (
	NeedsNothing Needs = ""
	NeedsRoot    Needs = "root" // a file system of its own that is crashed
)

// All returns the lessons in the order in which they are told.
func All() []Lesson {
	return []Lesson{
		lostCommit(),
		twoPhase(),
		replicaAhead(),
		tornPage(),
		statementDrift(),
		randomOrSequential(),
		oneFlushForMany(),
		undoAndReaders(),
		whoFlushes(),
		smallCircle(),
		buffers(),
	}
}

// Names returns the names of All.
func Names() []string { return namesOf(All()) }

// Find returns the lessons with these names in the given order, each once; "all"
// stands for All. An unknown name is an error that says which there are.
func Find(names ...string) ([]Lesson, error) {
	all := All()
	var found []Lesson
	add := func(l Lesson) {
		if !slices.ContainsFunc(found, func(x Lesson) bool { return x.Name == l.Name }) {
			found = append(found, l)
		}
	}
	for _, name := range names {
		if name == "all" {
			for _, l := range all {
				add(l)
			}
			continue
		}
		i := slices.IndexFunc(all, func(l Lesson) bool { return l.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("lesson %q: must be all or one of %s", name, strings.Join(Names(), ", "))
		}
		add(all[i])
	}
	return found, nil
}

// Tell runs a lesson in env and completes what it returned: its name, its claim, how
// long it took. As a user without root a lesson that needs root is not run: it is not
// testable here.
func Tell(ctx context.Context, l *Lesson, env *Env) (*result.Lesson, error) {
	began := time.Now()
	env.began = began
	if l.Needs == NeedsRoot && !env.Root {
		s := env.Story()
		out := s.NotTestable("", "it crashes a file system of its own, which needs root")
		l.complete(out, began)
		return out, nil
	}
	out, err := l.Run(ctx, env)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("lesson %s: %w", l.Name, err)
	}
	l.complete(out, began)
	return out, nil
}

func (l *Lesson) complete(out *result.Lesson, began time.Time) {
	out.Name, out.Title, out.Claim, out.Rule = l.Name, l.Title, l.Claim, l.Rule
	out.DurationS = time.Since(began).Seconds()
}
