package scenario

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// Limits of settings that no axis' package owns.
const (
	MaxRounds    = 1000
	MaxParked    = 1 << 16 // clients, where each is a goroutine
	MaxCells     = 4096
	MaxThinkTime = time.Minute      // of ThinkTime and TxnCPU
	MaxDuration  = 24 * time.Hour   // of Duration and Warmup
	MaxFloor     = 10 * time.Second // of FlushFloor
	minFile      = 48 << 10         // bytes of one log file
	capacityPer  = 8                // records that the log must hold at least
	bufferPer    = 2                // records that the log buffer must hold at least
	minDuration  = 10 * time.Millisecond
)

// Validate returns the first thing that is wrong as one line: which setting,
// its value, and what is legal. A valid scenario has at least one cell.
func (s *Scenario) Validate() error {
	s.settleServers()
	for _, check := range []func() error{
		s.checkLists, s.checkLoad, s.checkRows, s.checkDatabase, s.checkLog, s.checkCommit, s.checkRun, s.checkMachine, s.checkAsked, s.checkServers, s.checkCells,
	} {
		if err := check(); err != nil {
			return fmt.Errorf("scenario: %w", err)
		}
	}
	return nil
}

// checkLists refuses empty lists, values given twice and values outside their
// axis (which only a library user can set).
func (s *Scenario) checkLists() error {
	for _, f := range s.fields() {
		if _, err := f.value.MarshalText(); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		l, ok := f.value.(anyList)
		if !ok {
			continue
		}
		if l.size() == 0 {
			return fmt.Errorf("%s: an empty list: at least one value is needed", f.name)
		}
		if v, ok := l.twice(); ok {
			return fmt.Errorf("%s: %s stands in the list twice", f.name, v)
		}
	}
	return nil
}

func (s *Scenario) checkLoad() error {
	for _, n := range s.Clients {
		if n < 1 || n > engine.MaxClients {
			return fmt.Errorf("clients %d: must be 1 to %d", n, engine.MaxClients)
		}
	}
	for _, r := range s.Rate {
		if r.Auto() && s.Matrix() {
			return fmt.Errorf("rate auto: only the default run finds a rate by itself; give a number, such as 2600")
		}
		if _, err := ParseRate(r.String()); err != nil {
			return err
		}
		if r.Paced() && s.ThinkTime > 0 {
			return fmt.Errorf("rate %v with think-time %v: a schedule leaves no room for thinking; give one of them", r, s.ThinkTime)
		}
	}
	if err := s.checkOpenLoop(); err != nil {
		return err
	}
	if err := between("think-time", s.ThinkTime, 0, MaxThinkTime); err != nil {
		return err
	}
	if s.TxnCPU == TxnCPUAuto {
		return nil
	}
	return between("txn-cpu", s.TxnCPU, 0, MaxThinkTime)
}

// checkOpenLoop refuses settings of a paced load that it could not have, or that
// no cell would have.
func (s *Scenario) checkOpenLoop() error {
	for i := range s.Arrival {
		if err := s.Arrival[i].Validate(); err != nil {
			return err
		}
	}
	paced := slices.ContainsFunc(s.Rate, Rate.Paced)
	shaped := slices.IndexFunc(s.Arrival, func(a workload.Arrival) bool { return a.Shape != workload.ArriveConstant })
	switch {
	case s.LatencyLimit < 0 || s.LatencyLimit > MaxDuration:
		return fmt.Errorf("latency-limit %v: must be 0 (none) to %v", s.LatencyLimit, MaxDuration)
	case s.MaxBacklog < 0:
		return fmt.Errorf("max-backlog %d: must be 1 or more, or 0 for the arrivals of 10 s", s.MaxBacklog)
	case s.TimeOneIn < 0 || s.TimeOneIn > workload.MaxTimeOneIn:
		return fmt.Errorf("time-one-in %d: must be 1 (each commit) to %d", s.TimeOneIn, workload.MaxTimeOneIn)
	case s.LatencyLimit > 0 && !paced:
		return fmt.Errorf("latency-limit %v without a rate: in a closed loop nothing has a time to be late for; add --rate, such as --rate 2600", s.LatencyLimit)
	case s.MaxBacklog > 0 && !paced:
		return fmt.Errorf("max-backlog %d without a rate: a closed loop has no backlog; add --rate, such as --rate 2600", s.MaxBacklog)
	case shaped >= 0 && !paced:
		return fmt.Errorf("arrival %v without a rate: in a closed loop clients come when they are done; add --rate, such as --rate 2600", s.Arrival[shaped])
	}
	for _, n := range s.Clients {
		if n > MaxParked && slices.Contains(s.ClientMode, workload.Parked) {
			return fmt.Errorf("clients %d with client-mode %v: each is a goroutine, at most %d are legal; use --client-mode %v", n, workload.Parked, MaxParked, workload.Pipelined)
		}
	}
	return nil
}

func (s *Scenario) checkLog() error {
	for _, n := range s.LogBufferSize {
		if err := checkLogBuffer(n); err != nil {
			return err
		}
	}
	if s.LogFiles < 1 || s.LogFiles > redo.MaxFiles {
		return fmt.Errorf("log-files %d: must be 1 to %d", s.LogFiles, redo.MaxFiles)
	}
	for _, n := range s.LogCapacity {
		switch {
		case n < redo.MinCapacity || n > redo.MaxCapacity:
			return fmt.Errorf("log-capacity %v: must be %v to %v%s", n, Size(redo.MinCapacity), Size(redo.MaxCapacity), s.smallest(n))
		case n/Size(s.LogFiles) < minFile:
			return fmt.Errorf("log-capacity %v in %d files: each file must have at least %v", n, s.LogFiles, Size(minFile))
		case s.CheckpointDistance < 0 || s.CheckpointDistance > n/4*3:
			return fmt.Errorf("checkpoint-distance %v: must be 0 (default) to %v, three quarters of log-capacity", s.CheckpointDistance, n/4*3)
		}
	}
	capacity, buffer := slices.Min(s.LogCapacity), slices.Min(s.LogBufferSize)
	for _, r := range s.RecordBytes {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("record-bytes: %w", err)
		}
		largest := Size(r.Max())
		if largest > capacity/capacityPer {
			return fmt.Errorf("record-bytes %v in log-capacity %v: the log must hold %d of the largest record (%v), so at least %v", r, capacity, capacityPer, largest, largest*capacityPer)
		}
		if largest > buffer/bufferPer {
			return fmt.Errorf("record-bytes %v in log-buffer-size %v: the buffer must hold %d of the largest record (%v), so at least %v", r, buffer, bufferPer, largest, largest*bufferPer)
		}
	}
	return nil
}

// checkLogBuffer says what is wrong with the size of a log buffer.
func checkLogBuffer(n Size) error {
	if n < redo.MinBuffer || n > redo.MaxBuffer {
		return fmt.Errorf("log-buffer-size %v: must be %v to %v", n, Size(redo.MinBuffer), Size(redo.MaxBuffer))
	}
	if bits.OnesCount64(uint64(n)) != 1 {
		up := Size(1) << bits.Len64(uint64(n))
		return fmt.Errorf("log-buffer-size %v: must be a power of two, such as %v or %v", n, up/2, up)
	}
	return nil
}

// smallest says, for a log that is too small, that it could not even hold a
// record.
func (s *Scenario) smallest(capacity Size) string {
	for _, r := range s.RecordBytes {
		if largest := Size(r.Max()); capacity < largest {
			return fmt.Sprintf("; it is smaller than one record (%v)", largest)
		}
	}
	return ""
}

func (s *Scenario) checkCommit() error {
	if err := s.checkInterval(); err != nil {
		return err
	}
	if s.GroupCount < 0 || s.GroupCount > groupcommit.MaxGroupCount {
		return fmt.Errorf("group-count %d: must be 0 (none) to %d", s.GroupCount, groupcommit.MaxGroupCount)
	}
	for _, d := range s.GroupDelay {
		if d.Fixed < 0 || d.Fixed > groupcommit.MaxDelay {
			return fmt.Errorf("group-delay %v: must be off, adaptive, or a time up to %v", d, groupcommit.MaxDelay)
		}
	}
	return between("flush-floor", s.FlushFloor, 0, MaxFloor)
}

func (s *Scenario) checkRun() error {
	if s.Rounds < 0 || s.Rounds > MaxRounds {
		return fmt.Errorf("rounds %d: must be 1 to %d, or 0 (by the preset)", s.Rounds, MaxRounds)
	}
	if s.Duration != 0 {
		if err := between("duration", s.Duration, minDuration, MaxDuration); err != nil {
			return err
		}
	}
	if s.Warmup != WarmupByPreset {
		if err := between("warmup", s.Warmup, 0, MaxDuration); err != nil {
			return err
		}
	}
	if s.MaxWriteBytes < 0 {
		return fmt.Errorf("max-write-bytes %d: must be 0 (no limit) or more", int64(s.MaxWriteBytes))
	}
	if s.Dir == "" {
		return fmt.Errorf("dir: is empty: must be an existing folder, \".\" for the current one")
	}
	return nil
}

func (s *Scenario) checkCells() error {
	if s.combinations() > maxCombinations {
		return fmt.Errorf("more than %d combinations: at most %d cells are legal; shorten the lists", maxCombinations, MaxCells)
	}
	cells, skipped := s.Cells()
	switch {
	case len(cells) == 0:
		return fmt.Errorf("no cell is left: %s", skipped[0].Reason)
	case len(cells) > MaxCells:
		return fmt.Errorf("%d cells: at most %d are legal; shorten the lists", len(cells), MaxCells)
	}
	return nil
}

// between checks a duration.
func between(name string, d, lo, hi time.Duration) error {
	if d < lo || d > hi {
		return fmt.Errorf("%s %v: must be %v to %v", name, d, lo, hi)
	}
	return nil
}
