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

// buffers is the lesson buffers.
func buffers() Lesson {
	return Lesson{
		Name:  "buffers",
		Title: "What a larger log buffer gives, and what a group",
		Claim: "A larger log buffer makes commits faster.",
		Rule:  "It holds if the largest buffer carries significantly more commits a second than the default of 16 MiB; it does not if it carries no more, in 5 rounds.",
		Takes: 45 * time.Second,
		Bytes: 32 << 30,
		Disk:  512 << 20,
		Run: func(ctx context.Context, env *Env) (*result.Lesson, error) {
			return tellBuffers(ctx, env, bufferSizes, bufferClients)
		},
	}
}

// What buffers measures: a group of 64 commits has as many bytes as the smallest buffer.
var bufferSizes = []scenario.Size{64 << 10, 1 << 20, 16 << 20, 64 << 20}

const (
	bufferClients = 64
	bufferRecord  = 1 << 10
	bufferDefault = 16 << 20
)

func tellBuffers(ctx context.Context, env *Env, sizes []scenario.Size, clients int) (*result.Lesson, error) {
	s := env.Story()
	x := scenario.Default()
	x.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy1}
	x.RecordBytes = scenario.List[workload.Sizes]{workload.FixedSize(bufferRecord)}
	x.LogCapacity = scenario.List[scenario.Size]{64 << 20}
	x.Clients, x.LogBufferSize = scenario.List[int]{clients}, sizes
	x.Duration, x.Warmup, x.Rounds = env.Scaled(400*time.Millisecond), env.Scaled(100*time.Millisecond), env.Count(stats.MinRounds)
	s.Step("%d clients commit records of %d bytes under policy 1 with log buffers of %s to %s; then by one write or flush a commit, or one a group: %d rounds of %s each, in turn.",
		clients, bufferRecord, sizeWords(sizes[0]), sizeWords(sizes[len(sizes)-1]), x.Rounds, seconds(x.Duration))
	bySize, err := env.matrix(ctx, x, buffers().Bytes/2)
	if err != nil {
		return nil, err
	}
	x.LogBufferSize = scenario.List[scenario.Size]{bufferDefault}
	x.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy1, groupcommit.Policy2}
	x.GroupCommit = scenario.List[groupcommit.Strategy]{groupcommit.Serial, groupcommit.Dedicated}
	x.Clients = scenario.List[int]{1, clients}
	byGroup, err := env.matrix(ctx, x, buffers().Bytes/2)
	if err != nil {
		return nil, err
	}
	s.bufferTable(bySize)
	s.batchTable(byGroup)
	return s.buffersJudged(bySize), nil
}

// bufferTable shows what each size did.
func (s *Story) bufferTable(res *result.Result) {
	var rows [][]string
	for i := range res.Cells {
		c := &res.Cells[i]
		tps := stats.Summarize(stats.Collect(c, stats.TPS))
		waits := stats.Median(stats.Collect(c, func(r *result.Round) (float64, bool) {
			return float64(r.Stalls.BufferNS) / (r.DurationS * 1e9 * float64(c.Params.Clients)), r.DurationS > 0
		}))
		size := verdict.Size(c.Params.LogBufferBytes)
		rows = append(rows, []string{size, fmt.Sprintf("%s (%s..%s)", rate(tps.Median), rate(tps.Lo), rate(tps.Hi)), p99Of(c), verdict.Decimal(100 * waits), verdict.Decimal(groupOf(c))})
		s.Figure("tps_buffer_"+figureName(size), tps.Median, "commits/s", "")
		s.Figure("wait_share_buffer_"+figureName(size), waits, "", "of the clients' time, for room in the log buffer")
	}
	s.Table("Log buffers under policy 1", []string{"buffer", "commits/s (range)", "p99 ms", "waits %", "group"}, rows...)
}

// batchTable takes the effect of groups apart.
func (s *Story) batchTable(res *result.Result) {
	var rows [][]string
	for i := range res.Cells {
		c := &res.Cells[i]
		tps := stats.Summarize(stats.Collect(c, stats.TPS))
		each := func(of func(*result.Round) int64) float64 {
			return stats.Median(stats.Collect(c, func(r *result.Round) (float64, bool) {
				return float64(of(r)) / float64(max(r.Commits, 1)), r.Commits > 0
			}))
		}
		writes := each(func(r *result.Round) int64 { return r.Bytes.Writes })
		flushes := each(func(r *result.Round) int64 { return r.Flushes.Syscalls })
		p := &c.Params
		rows = append(rows, []string{p.Policy, fmt.Sprint(p.Clients), p.GroupCommit, batchWords(writes, flushes), fmt.Sprintf("%.3f", writes), fmt.Sprintf("%.3f", flushes), rate(tps.Median)})
		name := fmt.Sprintf("policy_%s_%s_%d", p.Policy, p.GroupCommit, p.Clients)
		s.Figure("writes_per_commit_"+name, writes, "", "")
		s.Figure("flushes_per_commit_"+name, flushes, "", "")
		s.Figure("tps_"+name, tps.Median, "commits/s", "")
	}
	s.Table("The batch effect, taken apart: writes and flushes a commit", []string{"policy", "clients", "strategy", "counted", "writes", "flushes", "commits/s"}, rows...)
}

// batchWords says what stands behind a write and a flush, as it was counted.
func batchWords(writes, flushes float64) string {
	of := func(n float64) string {
		if n > batchLone {
			return "a commit"
		}
		return "a group"
	}
	text := "a write " + of(writes)
	if flushes < batchNone {
		return text + ", no flush"
	}
	return text + ", a flush " + of(flushes)
}

// With more than batchLone of something a commit most commits have their own; with
// fewer than batchNone commits have none.
const (
	batchLone = 0.5
	batchNone = 1e-4
)

// p99Of is the median of the rounds' p99.
func p99Of(c *result.Cell) string {
	all := stats.Collect(c, stats.P99)
	if len(all) == 0 {
		return "-"
	}
	return verdict.Milliseconds(stats.Median(all))
}

func groupOf(c *result.Cell) float64 {
	return stats.Median(stats.Collect(c, func(r *result.Round) (float64, bool) { return r.GroupSizeMean, true }))
}

// buffersJudged judges the claim: the largest buffer against the default.
func (s *Story) buffersJudged(res *result.Result) *result.Lesson {
	of := func(bytes int64) *result.Cell {
		return res.Find(func(c *result.Cell) bool { return c.Params.LogBufferBytes == bytes })
	}
	small, usual, large := &res.Cells[0], of(bufferDefault), &res.Cells[len(res.Cells)-1]
	if usual == nil || large == usual {
		return s.NotTestable("", "the default size was not measured beside a larger one")
	}
	noise := stats.RelativeSpread(stats.Summarize(stats.Collect(usual, stats.TPS))) / 2
	more := stats.Compare(stats.Collect(usual, stats.TPS), stats.Collect(large, stats.TPS), 0)
	less := stats.Compare(stats.Collect(usual, stats.TPS), stats.Collect(small, stats.TPS), 0)
	measured := fmt.Sprintf("%s carries %.2f times as many commits/s as the default of %s (%s); %s %.2f times as many (%s).",
		verdict.Size(large.Params.LogBufferBytes), more.Ratio, verdict.Size(bufferDefault), more.Outcome,
		verdict.Size(small.Params.LogBufferBytes), less.Ratio, less.Outcome)
	s.Advise("leave innodb_log_buffer_size at its default: larger than what is written between two flushes gives nothing.")
	switch {
	case more.Outcome == stats.Inconclusive:
		return s.NotTestable(measured, fmt.Sprintf("fewer than %d rounds", stats.MinRounds))
	case more.Outcome == stats.Faster:
		return s.Holds(measured, "the default does not hold what is written between two flushes here.")
	case more.Outcome == stats.Slower, noise < buffersNoise:
		return s.DoesNotHold(measured, "a buffer has to hold what comes between two writes; what is beyond that is never used.")
	}
	return s.NotTestable(measured, fmt.Sprintf("the rounds with the default differ by %.0f %% among themselves: a gain would not be seen", 200*noise))
}

// buffersNoise is how far the rounds of one buffer may lie from their median before no
// difference is no answer.
const buffersNoise = 0.25
