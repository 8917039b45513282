package runner

import (
	"testing"

	"flushbench/metrics"
)

// racing is a subject in which a commit is flushed and acknowledged right after
// the watermarks were read.
type racing struct {
	logSubject
	ack func()
}

func (r racing) keeps(marksOf) metrics.Watermarks {
	defer r.ack()
	return metrics.Watermarks{100, 100, 100}
}

// A commit that was safe when it was acknowledged never seems at risk, also when
// that happens while a sample is taken.
func TestSampleBesideAFlush(t *testing.T) {
	for name, sample := range map[string]func(*observer){"moving": (*observer).sample, "between": (*observer).look} {
		tr, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: 1, Capacity: 16})
		if err != nil {
			t.Fatal(err)
		}
		var s subject = racing{ack: func() { tr.Lane(0).Ack(200, 1, 8) }}
		o := &observer{tracker: tr}
		o.subject.Store(&s)
		sample(o)
		if risk := tr.AtRiskNow(); risk != [metrics.NumKinds]int64{} {
			t.Errorf("%s: %v at risk", name, risk)
		}
	}
}
