package result

import (
	"slices"
	"testing"
	"time"
)

// TestIdleLimit: a limit counts where it is known, below none, and heeded; and benchstat
// is told of it, so that it does not take runs under two of them for one.
func TestIdleLimit(t *testing.T) {
	ns := func(d time.Duration) *int64 { n := int64(d); return &n }
	for _, tc := range []struct {
		name  string
		idle  *CPUIdle
		limit time.Duration
		ok    bool
	}{
		{"older result", nil, 0, false},
		{"not readable", &CPUIdle{Driver: "intel_idle"}, 0, false},
		{"nobody asks", &CPUIdle{Driver: "intel_idle", LatencyLimitNS: ns(NoCPULatency)}, 0, false},
		{"polling", &CPUIdle{Driver: "intel_idle", LatencyLimitNS: ns(0)}, 0, true},
		{"20 us", &CPUIdle{Driver: "haltpoll", LatencyLimitNS: ns(20 * time.Microsecond)}, 20 * time.Microsecond, true},
		{"nobody heeds it", &CPUIdle{Driver: NoIdleDriver, LatencyLimitNS: ns(0)}, 0, false},
		{"idle=poll", &CPUIdle{Driver: NoIdleDriver, Poll: true}, 0, true},
	} {
		if limit, ok := tc.idle.Limit(); limit != tc.limit || ok != tc.ok {
			t.Errorf("%s: %v, %v; want %v, %v", tc.name, limit, ok, tc.limit, tc.ok)
		}
		r := &Result{}
		r.Environment.CPU.Idle = tc.idle
		if has := slices.Contains(benchConfig(r), [2]string{"cpu-latency", tc.limit.String()}); has != tc.ok {
			t.Errorf("%s: benchstat is told %v", tc.name, benchConfig(r))
		}
	}
}
