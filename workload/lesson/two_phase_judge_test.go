package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"flushbench/engine/clock"
	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/victim"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// A table made from the binlog differs from the engine in exactly the rows that the
// judge of the crash lab names, by what it knows of the transactions: for every
// workload and both ways in which the logs can be apart.
func TestRebuildFindsWhatTheJudgeNames(t *testing.T) {
	kinds := slices.DeleteFunc(workload.Kinds.All(), func(k workload.Kind) bool { return !k.Transactional() })
	for _, kind := range kinds {
		for _, p := range []groupcommit.Protocol{groupcommit.RedoFirst, groupcommit.BinlogFirst} {
			t.Run(fmt.Sprintf("%v/%v", kind, p), func(t *testing.T) {
				t.Parallel()
				if yield.Enabled && kind != workload.KindBank && kind != workload.KindWriteOnly {
					t.Skip("two workloads are enough for the race detector")
				}
				for seed := range uint64(40) { // the first few are enough on a machine of its own
					judged, rebuilt, err := judgedAndRebuilt(kind, p, seed)
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if !slices.Equal(judged, rebuilt) {
						t.Fatalf("seed %d: the judge names rows %v, the binlog makes other rows of %v", seed, judged, rebuilt)
					}
					if len(judged) > 0 {
						return
					}
				}
				t.Error("no crash left the logs apart: this shows nothing")
			})
		}
	}
}

// judgedAndRebuilt crashes a victim on the in-memory disk and returns the rows that
// the judge names and those in which a table made from the binlog differs.
func judgedAndRebuilt(kind workload.Kind, p groupcommit.Protocol, seed uint64) (judged, rebuilt []uint64, err error) {
	sub := steppedBank(p)
	sub.Load.Kind = kind
	if kind == workload.KindReadWrite {
		sub.Engine.Capacity = 4 << 20
	}
	sub.Seed = seed + 1
	m, err := newMemory(sub)
	if err != nil {
		return nil, nil, err
	}
	sub, mem := m.subject, m.disk()
	spec := &victim.Spec{Subject: sub, Limit: memoryLimit}
	l, err := spec.Ledger(ledger.New)
	if err != nil {
		return nil, nil, err
	}
	err = victim.Run(context.Background(), spec, l, mem, func() { mem.CrashAfter(mem.Events() + 60 + int(seed)*7) })
	if !errors.Is(err, vfs.ErrCrashed) {
		return nil, nil, fmt.Errorf("the load ended with %w", err)
	}
	now, disk := clock.Now(), mem.Crash(vfs.CrashOS, vfs.CrashOptions{Seed: seed})
	o := judge.Judge(judge.Case{Subject: sub, FS: disk, Kind: durability.OS, State: l.Read(), Frozen: true, Began: now, Ended: now})
	if len(o.Violations) > 0 {
		return nil, nil, fmt.Errorf("violation: %s", o.Violations[0])
	}
	db, g, err := sub.OpenDatabase(disk)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	table, _, err := rebuild.Run(rebuild.Options{FS: disk, Dir: db.Options().BinlogDir(), Base: baseOf(g)})
	if err != nil {
		return nil, nil, err
	}
	c, err := db.Conn(0)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Begin(); err != nil {
		return nil, nil, err
	}
	const keys = 20_000 // the largest that was inserted is far below
	diff, err := rebuild.Compare(table, c, keys, keys)
	for i := range diff.Rows {
		rebuilt = append(rebuilt, diff.Rows[i].Key)
	}
	return o.Rows, rebuilt, errors.Join(err, c.Commit())
}
