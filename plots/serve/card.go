package serve

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
)

// card is what the list says of one result. All texts are clean.
type card struct {
	Name    string // of its folder
	Title   string // when
	Error   string // why it cannot be read; then only Name and Title are set
	Kind    string
	Machine string // host, file system and disk
	Preset  string
	State   string // complete, running ...
	Answer  string
	Compare bool // it can be compared
	Running bool // a run is at work on it
}

// The states of a result.
const (
	stateRunning     = "running"
	stateComplete    = "complete"
	stateInterrupted = "interrupted"
	stateFailed      = "failed"
	statePartial     = "partial"    // it ended, but has not all that was asked for
	stateUnfinished  = "unfinished" // nobody works on it, and it never ended
)

// cards keeps what was read of results, until their files change.
type cards struct {
	mu struct {
		sync.Mutex
		known map[string]knownCard
	}
}

// knownCard is a card as of one state of its file.
type knownCard struct {
	size     int64
	modified time.Time
	card     card
}

// keep forgets all cards but those of names.
func (c *cards) keep(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.mu.known, func(name string, _ knownCard) bool { return !slices.Contains(names, name) })
}

// card describes a result, from memory if its file is as it was.
func (s *Server) card(ctx context.Context, name string) (card, error) {
	file, info, err := s.folder.open(name, result.FileName)
	if err != nil {
		return unreadable(name, err), nil
	}
	if err := file.Close(); err != nil {
		return unreadable(name, err), nil
	}
	if known, ok := s.cards.find(name, info); ok {
		return known, nil
	}
	done, err := s.turn(ctx)
	if err != nil {
		return card{}, err
	}
	defer done()
	c := s.readCard(name)
	s.cards.put(name, info, c)
	return c, nil
}

func (c *cards) find(name string, info fs.FileInfo) (card, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.mu.known[name]
	return k.card, ok && k.size == info.Size() && k.modified.Equal(info.ModTime())
}

func (c *cards) put(name string, info fs.FileInfo, made card) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.known == nil {
		c.mu.known = map[string]knownCard{}
	}
	c.mu.known[name] = knownCard{info.Size(), info.ModTime(), made}
}

// readCard reads a result. Whatever is wrong with the file, it shows as its card.
func (s *Server) readCard(name string) (c card) {
	defer func() {
		if bug := recover(); bug != nil {
			c = unreadable(name, fmt.Errorf("%v", bug))
		}
	}()
	r, err := s.folder.load(name)
	if err != nil {
		return unreadable(name, err)
	}
	c = card{
		Name: name, Title: report.Clean(name), Kind: r.Kind, Machine: report.Clean(hostinfo.Headline(r.Environment)),
		Preset: report.Clean(r.Preset), State: stateOf(r), Answer: report.Clean(verdict.Headline(r)), Compare: r.Kind == result.KindRun || r.Kind == result.KindProbe,
	}
	if !r.Started.IsZero() {
		c.Title = r.Started.UTC().Format("2006-01-02 15:04 UTC")
	}
	return c
}

// unreadable is the card of a result that cannot be read.
func unreadable(name string, err error) card {
	return card{Name: name, Title: report.Clean(name), Error: report.Clean(err.Error())}
}

// stateOf says how a result ended, as far as its file tells.
func stateOf(r *result.Result) string {
	switch {
	case r.Error != "":
		return stateFailed
	case r.Complete:
		return stateComplete
	case r.Interrupted:
		return stateInterrupted
	case r.Finished == nil:
		return stateUnfinished
	}
	return statePartial
}
