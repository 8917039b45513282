package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

func pairCell(policy string, sync, clients int, load string, tps ...float64) result.Cell {
	c := result.Cell{Params: result.Params{Workload: "bank", Policy: policy, SyncBinlog: &sync, Clients: clients, Load: load, FlushMethod: "fdatasync"}}
	if load == result.LoadPaced {
		c.Params.Rate = 1000
	}
	for i, v := range tps {
		p50 := int64(300_000)
		r := result.Round{Round: i + 1, TPS: v, Commits: int64(v), DurationS: 1, LatencyNS: result.Latency{P50: &p50, Count: int64(v)}}
		if load == result.LoadPaced {
			r.AtRisk = &result.AtRisk{}
			if policy != "1" || sync != 1 {
				r.AtRisk.OS = result.Risk{CommitsMax: 900, AgeNSMax: 900_000_000, Samples: 9}
				r.AtRisk.Power = r.AtRisk.OS
			}
		}
		c.Rounds = append(c.Rounds, r)
	}
	return c
}

func TestPairs(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{
		pairCell("1", 1, 8, result.LoadPaced, 1000, 1000, 1000, 1000, 1000),
		pairCell("1", 0, 8, result.LoadPaced, 1000, 1000, 1000, 1000, 1000),
		pairCell("2", 0, 64, result.LoadClosed, 2000, 2010, 2020, 2030, 2040),
		pairCell("1", 1, 64, result.LoadClosed, 1000, 1010, 1020, 1030, 1040),
		pairCell("1", 100, 64, result.LoadClosed, 1000, 1011, 1019, 1032, 1040),
		pairCell("1", 1, 8, result.LoadClosed, 500, 510, 520, 530, 540),
	}}
	got := strings.Join(Answer(r), "\n")
	for _, want := range []string{
		"1/1 at 1,000/s, 8 clients, p50 0.30 ms: nothing was at risk.",
		"1/0 at 1,000/s, 8 clients, p50 0.30 ms: a kernel crash or a power cut may take",
		"1/1 carried 1,020 commits/s at 64 clients (median).",
		"2/0 carried 1.98 times as many.",
		"1/100 carried 1.00 times as many (noise).",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Count(got, "carried") != 3 {
		t.Errorf("cells of fewer clients are compared too:\n%s", got)
	}
	r.Cells = r.Cells[2:5]
	if got := strings.Join(Answer(r), "\n"); !strings.Contains(got, "what each pair may lose at a given rate is not known") {
		t.Errorf("without a paced cell:\n%s", got)
	}
}
