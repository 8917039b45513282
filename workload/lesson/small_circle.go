package lesson

import (
	"context"
	"fmt"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
	"flushbench/workload"
	"flushbench/workload/scenario"
)

// smallCircle is the lesson small-circle.
func smallCircle() Lesson {
	return Lesson{
		Name:  "small-circle",
		Title: "When the write position meets the checkpoint",
		Claim: "A redo log that is too small makes commits wait: the write position meets the checkpoint.",
		Rule:  "It holds if clients wait for room in the smallest log for 1 % of their time or commit less than with the largest, and do not wait in a larger one.",
		Takes: 52 * time.Second,
		Bytes: 32 << 30,
		Disk:  1 << 30,
		Run: func(ctx context.Context, env *Env) (*result.Lesson, error) {
			return tellSmallCircle(ctx, env, circle{
				capacities: []scenario.Size{1 << 20, 4 << 20, 16 << 20, 64 << 20}, left: []scenario.Size{256 << 20, 4 << 30},
				clients: 32, rows: 400_000, duration: env.Scaled(1200 * time.Millisecond), rounds: env.Count(stats.MinRounds),
			})
		},
	}
}

// circle is what small-circle measures.
type circle struct {
	capacities, left []scenario.Size // measured, and left out
	clients, rows    int
	duration         time.Duration // of a round
	rounds           int
}

func tellSmallCircle(ctx context.Context, env *Env, c circle) (*result.Lesson, error) {
	s := env.Story()
	s.Step("%d clients update random rows of %s under policy 1, without a binlog, in redo logs of %s to %s in four files: %d rounds of %s each, in turn.",
		c.clients, thousands(c.rows), sizeWords(c.capacities[0]), sizeWords(c.capacities[len(c.capacities)-1]), c.rounds, seconds(c.duration))
	x := scenario.Default()
	x.Workload, x.Policy, x.Binlog = workload.KindUpdate, scenario.List[groupcommit.Policy]{groupcommit.Policy1}, false
	x.LogCapacity, x.Clients, x.Rows = c.capacities, scenario.List[int]{c.clients}, c.rows
	x.LogBufferSize = scenario.List[scenario.Size]{1 << 20}
	x.Duration, x.Warmup, x.Rounds = c.duration, c.duration/4, c.rounds
	res, err := env.matrix(ctx, x, smallCircle().Bytes)
	if err != nil {
		return nil, err
	}
	return s.circleJudged(res, &c)
}

// sizeWords writes a size as the other figures do: 4 MiB.
func sizeWords(n scenario.Size) string { return verdict.Size(int64(n)) }

// circleJudged tells what the rounds have shown.
func (s *Story) circleJudged(res *result.Result, c *circle) (*result.Lesson, error) {
	all := stats.Circles(res)
	if len(all) != 1 {
		return nil, fmt.Errorf("lesson: %d loads with several log capacities in the result; want one", len(all))
	}
	of := &all[0]
	var rows [][]string
	for i := range of.Points {
		p := &of.Points[i]
		p99 := "-"
		if p.P99.N > 0 {
			p99 = verdict.Milliseconds(p.P99.Median)
		}
		rows = append(rows, []string{verdict.Size(p.Capacity), fmt.Sprintf("%s (%s..%s)", rate(p.TPS.Median), rate(p.TPS.Lo), rate(p.TPS.Hi)), p99,
			verdict.Decimal(100 * p.StallShare.Median), rate(p.StallsPS.Median), fmt.Sprintf("%.0f", 100*p.AgePeak), verdict.Decimal(p.Laps), string(p.Fit)})
		name := figureName(verdict.Size(p.Capacity))
		s.Figure("tps_"+name, p.TPS.Median, "commits/s", "")
		s.Figure("wait_share_"+name, p.StallShare.Median, "", "of the clients' time, for room in the log")
		s.Figure("laps_"+name, p.Laps, "", "of the circle in a round")
	}
	s.Table("Redo logs of several capacities under the same load",
		[]string{"log", "commits/s (range)", "p99 ms", "waits %", "waits/s", "age %", "laps", "log is"}, rows...)
	s.Step("waits: the clients' time spent waiting for room, and how often; age: the checkpoint's at its peak; laps: how often a round went round the circle.")
	s.circleLeft(c, of.Points[len(of.Points)-1].LogPS)
	return s.circleEnd(res, of), nil
}

// circleLeft says what was left out, and why. logPS is what the largest log that was
// measured took, in bytes/s; 0: no round of it got as far.
func (s *Story) circleLeft(c *circle, logPS float64) {
	if len(c.left) == 0 {
		return
	}
	why := ""
	if logPS > 0 {
		why = fmt.Sprintf(": at %s MB/s of log a round would take %s to go round the smallest of them", verdict.Decimal(logPS/1e6), seconds(time.Duration(float64(c.left[0])/logPS*1e9)))
	}
	s.Limit("%s to %s were left out%s. flushbench run --workload update --log-capacity %s,... --duration 60s measures them.",
		sizeWords(c.left[0]), sizeWords(c.left[len(c.left)-1]), why, c.left[0])
}

// circleEnd judges the claim.
func (s *Story) circleEnd(res *result.Result, of *stats.Circle) *result.Lesson {
	measured := verdict.CircleSentences(res)[0]
	first := &of.Points[0]
	if of.Enough >= 0 {
		s.Advise("innodb_redo_log_capacity of %s or more for this rate (--log-capacity); twice that leaves room for a peak.", verdict.Size(of.Points[of.Enough].Capacity))
	}
	larger := func(not stats.Fit) bool {
		for i := range of.Points[1:] {
			// Where nothing was committed nobody waited either.
			if p := &of.Points[i+1]; p.Fit != not && p.Laps > 0 {
				return true
			}
		}
		return false
	}
	switch {
	case first.Fit == stats.FitTight && larger(stats.FitTight):
		return s.Holds(measured, "what may be overwritten ends at the checkpoint, and that moves only as fast as old dirty pages are written.")
	case first.Fit == stats.FitTight:
		return s.NotTestable(measured, "clients waited in every log that was written to: whether a larger one helps was not seen")
	case first.Fit == stats.FitUnfilled:
		return s.NotTestable(measured, "not even the smallest log was gone round in a round: the load is too slow here")
	}
	return s.DoesNotHold(measured, "the page cleaner moves the checkpoint as fast as this load writes, even in the smallest log.")
}
