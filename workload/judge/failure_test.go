package judge

import (
	"strings"
	"testing"

	"flushbench/groupcommit"
	"flushbench/workload/crash/ledger"
)

// A client may have had one commit under way when the engine failed. Where no
// commit waits for a flush, the engine has Grace to notice one that failed.
func TestAcknowledgedAfterFailure(t *testing.T) {
	// Client 0 has nine acknowledgements, 1000 ns apart, the last at struck - 1000.
	const grace = int64(Grace)
	failed := func(at int64) *ledger.Failure { return &ledger.Failure{At: at, Text: "EIO"} }
	for _, c := range []struct {
		name    string
		policy  groupcommit.Policy
		struck  int64 // the flush, before the crash; 0: none
		failure *ledger.Failure
		after   int64
		seen    bool
		says    string
	}{
		{"no fault", groupcommit.Policy2, 0, nil, 0, false, ""},
		{"commits go on until it notices", groupcommit.Policy2, 4500, failed(struck - 1500), 0, true, ""},
		{"each waits for a flush", groupcommit.Policy1, 4500, failed(struck - 1500), 3, true, "a flush was made to fail"},
		{"after it has noticed", groupcommit.Policy2, 0, failed(struck - 2500), 1, false, "EIO"},
		{"never noticed", groupcommit.Policy2, grace + 5500, nil, 4, true, "it took no notice for 300ms"},
		{"noticed late", groupcommit.Policy0, grace + 5500, failed(struck - 10), 4, true, "it took no notice for 300ms"},
		{"never noticed, one under way", groupcommit.Policy2, grace + 1500, nil, 0, true, ""},
		{"no time to notice", groupcommit.Policy2, grace - 10, nil, 0, false, ""},
		{"struck by the crash", groupcommit.Policy2, -10, failed(struck + 20), 0, false, ""},
		{"noticed after the crash", groupcommit.Policy2, 50, failed(struck + 20), 0, false, ""},
		{"noticed, its writer died", groupcommit.Policy2, 50, failed(0), 0, true, ""},
	} {
		tr := &trial{Case: &Case{Subject: subjectOf(c.policy), Began: struck, State: stateOf(0, [clients]uint64{9, 0, 0})}}
		if tr.State.Failure = c.failure; c.struck != 0 {
			tr.State.Struck = struck - c.struck
		}
		tr.failure()
		o := tr.out
		if o.AckedAfter != c.after || (len(o.Violations) > 0) != (c.after > 0) || !strings.Contains(strings.Join(o.Violations, "\n"), c.says) {
			t.Errorf("%s: %d after it, %q; want %d, %q", c.name, o.AckedAfter, o.Violations, c.after, c.says)
		}
		if (o.Struck != 0) != c.seen {
			t.Errorf("%s: struck at %d; want it seen in time: %v", c.name, o.Struck, c.seen)
		}
	}
}
