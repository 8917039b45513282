package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The pauses between two tries, and how long one try waits for an answer.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 100 * time.Millisecond
	tryLasts   = 2 * time.Second
)

// await asks until the server answers. The process that ends, the context and a
// server without progress end it.
func (s *Server) await(ctx context.Context) error {
	// answered is closed by an answer, or by the end of the process, after which none
	// comes. A context that ends is neither: progress must not find both.
	answered, asked := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(asked)
		for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
			if s.ping(ctx) == nil {
				close(answered)
				return
			}
			select {
			case <-ctx.Done():
			case <-s.ended:
				close(answered)
				return
			case <-time.After(pause):
			}
		}
	}()
	err := s.progress(ctx, answered, "starting")
	cancel()
	<-asked
	if err != nil {
		return err
	}
	if !s.isRunning() {
		return s.died("it ended while it started", causes(s.log()))
	}
	return nil
}

// progress waits until done is closed. The limit counts from the last time that
// the server was seen to use the CPU, to read or to write, so a slow machine has
// as long as it needs.
func (s *Server) progress(ctx context.Context, done <-chan struct{}, doing string) error {
	tick := time.NewTicker(max(s.config.Patience/100, 10*time.Millisecond))
	defer tick.Stop()
	seen, since := s.activity(), time.Now()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s: %s: %w", s.kind.program, doing, context.Cause(ctx))
		case now := <-tick.C:
			if a := s.activity(); a != seen {
				seen, since = a, now
			}
			if now.Sub(since) > s.config.Patience {
				return fmt.Errorf("%s: %s: no progress for %v: %w", s.kind.program, doing, s.config.Patience, lastWords(s.log()))
			}
		}
	}
}

// activity is a number that changes while the server does something.
func (s *Server) activity() (sum uint64) {
	family, err := s.main.Family()
	if err != nil {
		return 0
	}
	for _, p := range family {
		sum += p.Work()
	}
	if info, err := os.Stat(filepath.Join(s.folder.path, logName)); err == nil {
		sum += uint64(max(0, info.Size()))
	}
	return sum
}
