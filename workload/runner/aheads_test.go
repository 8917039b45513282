package runner

import (
	"testing"

	"flushbench/metrics"
	"flushbench/metrics/result"
)

// What is at risk and in neither log alone is lost; each class keeps its own worst
// moment, within the interval only.
func TestLossClasses(t *testing.T) {
	a := &aheads{}
	sample := func(risk int64, binlog, engine uint64) {
		take := func() {
			for k := range metrics.NumKinds {
				a.note(k, binlog, engine)
			}
		}
		a.sample(take, func() (at [metrics.NumKinds]int64) {
			for k := range at {
				at[k] = risk
			}
			return at
		})
	}
	want := func(lost, binlog, engine int64) {
		t.Helper()
		var r result.Risk
		a.fill(metrics.OS, &r)
		if r.LostMax != lost || r.BinlogAheadMax != binlog || r.EngineAheadMax != engine {
			t.Errorf("lost %d, binlog ahead %d, engine ahead %d; want %d, %d, %d", r.LostMax, r.BinlogAheadMax, r.EngineAheadMax, lost, binlog, engine)
		}
	}
	sample(100, 0, 0)
	want(0, 0, 0) // the interval has not begun
	a.on.Store(true)
	sample(30, 30, 0)
	want(0, 30, 0)
	sample(29, 30, 0) // one of them is not acknowledged yet
	want(0, 30, 0)
	sample(30, 0, 10)
	want(20, 30, 10)
	sample(25, 8, 0)
	want(20, 30, 10)
	a.sample(func() {}, func() [metrics.NumKinds]int64 { return [metrics.NumKinds]int64{500, 500, 500} }) // not due
	want(20, 30, 10)
	a.on.Store(false)
	sample(900, 0, 0)
	want(20, 30, 10)
}
