package verdict

import (
	"testing"

	"flushbench/metrics/result"
)

func TestNoGuide(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     result.Params
		bound string
		want  bool
	}{
		{"policy 0, CPU", result.Params{Policy: "0", Load: result.LoadClosed}, result.BoundCPU, true},
		{"policy 2, memory bandwidth", result.Params{Policy: "2", Load: result.LoadClosed}, result.BoundBandwidth, true},
		{"policy 2, log buffer", result.Params{Policy: "2", Load: result.LoadClosed}, result.BoundLogBuffer, true},
		{"policy 0, log capacity", result.Params{Policy: "0", Load: result.LoadClosed}, result.BoundLogCapacity, true},
		{"policy 2, the flush", result.Params{Policy: "2", Load: result.LoadClosed}, result.BoundFlush, false},
		{"policy 1, CPU", result.Params{Policy: "1", Load: result.LoadClosed}, result.BoundCPU, false},
		{"policy 3, CPU", result.Params{Policy: "3", Load: result.LoadClosed}, result.BoundCPU, false},
		{"paced", result.Params{Policy: "0", Load: result.LoadPaced}, result.BoundCPU, false},
		{"transactions", result.Params{Policy: "0", Load: result.LoadClosed, Rows: 100}, result.BoundCPU, false},
	} {
		if got := NoGuide(&result.Cell{Params: c.p, Bound: c.bound}); got != c.want {
			t.Errorf("%s: NoGuide = %v; want %v", c.name, got, c.want)
		}
	}
}
