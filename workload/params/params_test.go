package params

import (
	"reflect"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

func TestOf(t *testing.T) {
	e := engine.Options{Method: vfs.DirectFdatasync, Growth: vfs.GrowAppend, Capacity: 8 << 20, Files: 2, BufferSize: 1 << 20,
		Commit: groupcommit.Config{Policy: groupcommit.Policy2, Delay: groupcommit.Delay{Fixed: time.Millisecond}, Count: 7}}
	d := engine.DatabaseOptions{BufferPool: 3 << 20, NoDoublewrite: true}
	d.Commit.Policy, d.Files = groupcommit.Policy0, 9 // its own Options do not count
	engineOnly := result.Params{
		Workload: "log", Policy: "2", Policy0Style: e.Commit.Style.String(), FlushMethod: vfs.DirectFdatasync.String(), FlushIntervalNS: 1e9,
		Growth: "append", GroupCommit: e.Commit.Strategy.String(), GroupDelay: e.Commit.Delay.String(), GroupCount: 7,
		LogBuffer: e.BufferKind.String(), LogBufferBytes: 1 << 20, LogCapacityBytes: 8 << 20, LogFiles: 2, Tail: e.Tail.String(),
	}
	check := func(what string, got, want result.Params) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Of = %+v; want %+v", what, got, want)
		}
	}

	log := engineOnly
	log.RecordBytes, log.RecordDistribution = 256, workload.FixedSize(256).String()
	check("log", Of(&e, &d, &workload.Spec{}, workload.FixedSize(256)), log)

	load := workload.Spec{Kind: workload.KindBank, Rows: 100, RowBytes: 40, RowsPerTxn: 2, ReadShare: 0.25, RollbackShare: 0.5}
	bank := engineOnly
	bank.Workload, bank.Rows, bank.RowBytes, bank.RowsPerTxn, bank.ReadShare, bank.RollbackShare = "bank", 100, 40, 2, 0.25, 0.5
	bank.KeyDistribution, bank.Isolation, bank.Durability = load.Keys.String(), d.Isolation.String(), d.Durability.String()
	bank.BufferPoolBytes, bank.NoDoublewrite = 3<<20, true
	check("bank", Of(&e, &d, &load, workload.FixedSize(256)), bank)

	d.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Method: vfs.ODsync}
	d.Stages.SyncBinlog, d.Stages.Count, d.Stages.Serial = 100, 5, true
	sync := 100
	bank.SyncBinlog, bank.BinlogMethod, bank.BinlogGrowth, bank.BinlogOverlap = &sync, vfs.ODsync.String(), "append", false
	bank.BinlogFormat, bank.BinlogRowImage = d.Binlog.Format.String(), d.Binlog.RowImage.String()
	bank.GroupDelay, bank.GroupCount = d.Stages.Delay.String(), 5 // those of the binlog, which gathers first
	got := Of(&e, &d, &load, workload.Sizes{})
	check("bank with a binlog", got, bank)
	for _, p := range groupcommit.Protocols.All() {
		d.Stages.Protocol = p
		if bank.CommitProtocol = p.String(); p == groupcommit.TwoPhase {
			bank.CommitProtocol = "" // a cell of an older result is the same
		}
		check(p.String(), Of(&e, &d, &load, workload.Sizes{}), bank)
	}
	e.Commit.NoTimer, bank.NoTimer, bank.FlushIntervalNS = true, true, 0
	check("no timer", Of(&e, &d, &load, workload.Sizes{}), bank)
	if *got.SyncBinlog = 1; d.Stages.SyncBinlog != 100 {
		t.Error("a result changes the options that it is of")
	}
}
