package crash

import (
	"context"

	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// Judge implements Backend.
func (machine) Judge(_ context.Context, j *Job, v Victim, c Crash) (judge.Outcome, error) {
	return judge.Judge(judge.Case{
		Subject: j.subject(), Kind: durability.Kind(j.Cell.Kind), State: v.(realVictim).Ledger().Read(),
		Frozen: c.Frozen, Began: c.Began, Ended: c.Ended, Before: j.Before,
	}), nil
}
