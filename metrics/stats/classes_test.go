package stats

import (
	"testing"

	"flushbench/metrics/result"
)

// The summary has the worst moment of each loss class over the rounds.
func TestSummaryHasTheWorstOfEachClass(t *testing.T) {
	round := func(lost, engine, binlog int64) result.Round {
		k := result.Risk{LostMax: lost, EngineAheadMax: engine, BinlogAheadMax: binlog}
		return result.Round{AtRisk: &result.AtRisk{OS: k}}
	}
	c := result.Cell{Rounds: []result.Round{round(1, 20, 3), round(10, 2, 3), round(1, 2, 30)}}
	got := SummarizeCell(&c).AtRisk.OS
	if got.LostMax != 10 || got.EngineAheadMax != 20 || got.BinlogAheadMax != 30 {
		t.Errorf("worst %+v; want 10 lost, engine ahead by 20, binlog by 30", got)
	}
}
