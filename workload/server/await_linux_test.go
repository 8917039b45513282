package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"flushbench/workload/process"
)

// TestAwaitInterrupted: a context that ends is no answer, whoever hears of it first.
func TestAwaitInterrupted(t *testing.T) {
	s := &Server{
		kind: mysql, config: Config{Patience: time.Hour}, folder: &folder{path: t.TempDir()},
		main: process.Self(), ended: make(chan struct{}), place: t.TempDir() + "/none",
	}
	for range 50 { // of two channels that are ready one is drawn
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		err := s.await(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("await = %v of a server that never answered; want %v", err, context.DeadlineExceeded)
		}
	}
}
