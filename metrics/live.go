package metrics

// Live is what a run shows while it goes on. It may trail the workers by a
// tenth of a second, its percentile by a second.
type Live struct {
	At      int64           // ns, the time asked for
	Commits int64           // acknowledged in the window so far
	TPS     float64         // Commits over the part of the window that has passed
	P99     int64           // ns: the worst of the workers' own; 0: none shown yet
	AtRisk  [NumKinds]int64 // commits at risk at the last sample
}

// Live returns a snapshot at the time now. Any goroutine may call it while the
// workers run; it takes no lock that a worker takes. tracker may be nil.
func (s *RecorderSet) Live(now int64, tracker *Tracker) Live {
	l := Live{At: now}
	for _, r := range s.recorders {
		l.Commits += r.live.commits.Load()
		l.P99 = max(l.P99, r.live.p99.Load())
	}
	if passed := min(now, s.window.Until) - s.window.From; passed > 0 {
		l.TPS = float64(l.Commits) / (float64(passed) / 1e9)
	}
	if tracker != nil {
		l.AtRisk = tracker.AtRiskNow()
	}
	return l
}
