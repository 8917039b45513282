package metrics

import (
	"sync"
	"sync/atomic"
)

// Stage is one part of a commit's latency.
type Stage uint8

// The stages of a commit, in the order in which it passes them.
const (
	StageExecute     Stage = iota // the statements, lock waits among them
	StageBuffer                   // waiting for space in the log buffer, and the copy
	StageGroup                    // waiting for the group's turn
	StageWrite                    // the write call
	StageFlush                    // the flush call
	StagePrepare                  // with a binlog: PREPARE as safe as the policy asks
	StageBinlogWrite              // the binlog's write call
	StageBinlogFlush              // the SYNC stage: its queue, its delay, the binlog's flush
	StageEngine                   // the COMMIT stage: its queue, the commit in the engine
	StageWakeup                   // from the end of the last one until the client runs
	NumStages
)

// NoStage marks a stage that a commit did not pass.
const NoStage = int64(-1)

// StageSample holds the nanoseconds of one commit in each stage, or NoStage.
type StageSample [NumStages]int64

// Stages collects sampled commits of all workers. It is safe for concurrent
// use and never blocks: a sample that meets another one is dropped and
// counted, so sample rarely (one commit in 32 or fewer).
type Stages struct {
	dropped atomic.Int64
	mu      struct {
		sync.Mutex
		samples int64
		hist    [NumStages]*Histogram
	}
}

// NewStages returns an empty collection.
func NewStages() *Stages {
	s := &Stages{}
	for i := range s.mu.hist {
		s.mu.hist[i] = NewSpanHistogram()
	}
	return s
}

// Record adds one sampled commit.
func (s *Stages) Record(sample StageSample) {
	if !s.mu.TryLock() {
		s.dropped.Add(1)
		return
	}
	s.mu.samples++
	for i, ns := range sample {
		if ns != NoStage {
			s.mu.hist[i].Record(ns)
		}
	}
	s.mu.Unlock()
}

// Reset forgets every sample, for the end of the warm-up.
func (s *Stages) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.samples = 0
	for _, h := range s.mu.hist {
		h.Reset()
	}
	s.dropped.Store(0)
}

// StageSummary is what is shown of one stage.
type StageSummary struct {
	Count int64
	Mean  int64 // nanoseconds
	P99   Percentile
}

// StagesResult is what the samples say.
type StagesResult struct {
	Samples int64
	Dropped int64 // samples that met another one
	Stage   [NumStages]StageSummary
}

// Result returns what the samples so far say.
func (s *Stages) Result() StagesResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := StagesResult{Samples: s.mu.samples, Dropped: s.dropped.Load()}
	for i, h := range s.mu.hist {
		sum := h.Summary()
		r.Stage[i] = StageSummary{Count: sum.Count, Mean: sum.Mean, P99: sum.P99}
	}
	return r
}
