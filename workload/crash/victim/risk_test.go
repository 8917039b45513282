package victim

import (
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/lsn"
	"flushbench/metrics"
	"flushbench/workload/crash/ledger"
)

// What the ledger's lanes say is at risk is what the tracker says that has been told of
// every commit: how many, how many bytes, how old. Read-only ones count for neither.
func TestAtRiskAgainstTracker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clients := rapid.IntRange(1, 3).Draw(t, "clients")
		never := [ledger.NumKinds]bool{rapid.Bool().Draw(t, "never"), false, rapid.Bool().Draw(t, "never")}
		l, err := ledger.New(ledger.Config{Clients: clients, History: 512, Samples: 64})
		if err != nil {
			t.Fatal(err)
		}
		tracker, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: clients, Capacity: 1 << 10, Never: never})
		if err != nil {
			t.Fatal(err)
		}
		var lanes []*ledger.Lane
		seqs := make([]uint64, clients)
		for c := range clients {
			seqs[c] = rapid.SampledFrom([]uint64{0, 5, 500}).Draw(t, "base")
			lanes = append(lanes, l.Lane(c))
			lanes[c].Open(seqs[c])
		}
		r := l.AtRisk(never)
		now, end := l.Now(), uint64(0)
		var safe [ledger.NumKinds]uint64
		for range rapid.IntRange(1, 30).Draw(t, "samples") {
			for range rapid.IntRange(0, 12).Draw(t, "commits") {
				c := rapid.IntRange(0, clients-1).Draw(t, "client")
				if rapid.IntRange(0, 5).Draw(t, "tick") == 0 {
					now++ // as a failure does, between two samples
					l.Tick(now)
				}
				end += rapid.Uint64Range(0, 9).Draw(t, "record")
				at, size := end, rapid.SampledFrom([]int64{0, 1, 100, 9000}).Draw(t, "size")
				if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
					at = rapid.Uint64Range(0, end).Draw(t, "end") // another log's, or unknown
				}
				seqs[c]++
				lanes[c].Begin(seqs[c])
				lanes[c].AckNow(seqs[c], at, size)
				if size > 0 {
					tracker.Lane(c).Ack(lsn.LSN(at), now, size)
				}
			}
			now += rapid.Int64Range(0, 2).Draw(t, "pause")
			l.Tick(now)
			var w metrics.Watermarks
			for k := range safe {
				safe[k] += rapid.Uint64Range(0, max(end, safe[k])-safe[k]).Draw(t, "safe")
				w[k] = lsn.LSN(safe[k])
			}
			r.Look()
			tracker.Sample(now, w)
			want, _ := tracker.Last()
			got := r.At(now, safe)
			for k, x := range want {
				if got[k] != (ledger.Risk{Commits: x.Commits, Bytes: x.Bytes, AgeNs: x.AgeNs}) || r.Missed() != 0 {
					t.Fatalf("kind %d, safe up to %d of %d, never %v: %+v is at risk, %d missed; the tracker says %+v", k, safe[k], end, never[k], got[k], r.Missed(), x)
				}
			}
		}
	})
}
