package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/groupcommit"
)

// The axes that take a safeguard away, or give a buffer or the log another size, are
// axes of the matrix, and stand in the name of a cell.
func TestSafeguardCells(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--policy 1 --clients 4 --log-capacity 4M,64M --log-buffer-size 1M,2M", []string{
			"policy=1,clients=4,buffer-size=1MiB,capacity=4MiB", "policy=1,clients=4,buffer-size=1MiB,capacity=64MiB",
			"policy=1,clients=4,buffer-size=2MiB,capacity=4MiB", "policy=1,clients=4,buffer-size=2MiB,capacity=64MiB"}},
		{"--workload bank --policy 1 --clients 4 --commit-protocol 2pc,redo-first,binlog-first", []string{
			"policy=1,clients=4,protocol=2pc", "policy=1,clients=4,protocol=redo-first", "policy=1,clients=4,protocol=binlog-first"}},
		// What was taken away is named though it does not vary.
		{"--workload bank --policy 1 --clients 4 --commit-protocol redo-first --doublewrite off", []string{"policy=1,clients=4,protocol=redo-first,doublewrite=off"}},
		{"--workload bank --policy 1 --clients 4 --commit-protocol 2pc --doublewrite on", []string{"policy=1,clients=4"}},
		{"--policy 2,1 --clients 4 --flush-interval off", []string{"policy=2,clients=4,interval=off", "policy=1,clients=4,interval=off"}},
		{"--workload bank --policy 1 --clients 4 --buffer-pool 8M,16M", []string{"policy=1,clients=4,pool=8MiB", "policy=1,clients=4,pool=16MiB"}},
		// Without a log there is one cell for all that belongs to logs.
		{"--workload bank --policy 0,1 --clients 4 --sync-binlog 1,100 --log-capacity 4M,64M --durability redo,force-pages", []string{
			"policy=0,clients=4,capacity=4MiB,sync_binlog=1,durability=redo", "policy=1,clients=4,capacity=4MiB,sync_binlog=1,durability=force-pages",
			"policy=0,clients=4,capacity=4MiB,sync_binlog=100,durability=redo", "policy=0,clients=4,capacity=64MiB,sync_binlog=1,durability=redo",
			"policy=0,clients=4,capacity=64MiB,sync_binlog=100,durability=redo", "policy=1,clients=4,capacity=4MiB,sync_binlog=1,durability=redo",
			"policy=1,clients=4,capacity=4MiB,sync_binlog=100,durability=redo", "policy=1,clients=4,capacity=64MiB,sync_binlog=1,durability=redo",
			"policy=1,clients=4,capacity=64MiB,sync_binlog=100,durability=redo"}},
		// Workload log has no rows, and a server is as it is.
		{"--policy 1 --clients 4 --doublewrite on,off --buffer-pool 8M,16M --sync-binlog 0,1", []string{"policy=1,clients=4"}},
		{"--target engine,mariadbd --policy 1 --clients 4 --commit-protocol redo-first,2pc --log-capacity 4M,64M", []string{
			"target=engine,policy=1,clients=4,capacity=4MiB,protocol=redo-first", "target=engine,policy=1,clients=4,capacity=4MiB,protocol=2pc",
			"target=engine,policy=1,clients=4,capacity=64MiB,protocol=redo-first", "target=engine,policy=1,clients=4,capacity=64MiB,protocol=2pc",
			"target=mariadbd,policy=1,clients=4"}},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err == nil {
			err = s.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		cells, skipped := s.Cells()
		got := names(cells)
		for i := range got {
			got[i] = strings.Replace(got[i], "mariadb,", "mariadbd,", 1)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got  %q\n want %q", c.args, got, c.want)
		}
		for _, k := range skipped {
			if k.Name == "" || k.Reason == "" {
				t.Errorf("%s: skipped %+v; want a name and a reason", c.args, k)
			}
		}
		if !s.Matrix() {
			t.Errorf("%s: not taken for a matrix", c.args)
		}
	}
}

// What each of these axes makes of a cell's options.
func TestSafeguardOptions(t *testing.T) {
	s, err := parse(t, strings.Fields("--workload bank --policy 2,1 --clients 4 --flush-interval off --commit-protocol binlog-first --doublewrite off --log-capacity 32M --log-buffer-size 2M --buffer-pool 48M --rate 500")...)
	if err == nil {
		err = s.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	for _, c := range cells {
		o := s.DatabaseOptions(c)
		if g := o.Commit; !g.NoTimer || g.Interval != 0 {
			t.Errorf("%s: NoTimer %v, interval %v; want no timer", c.Name, g.NoTimer, g.Interval)
		}
		if o.Stages.Protocol != groupcommit.BinlogFirst || !o.NoDoublewrite || o.Capacity != 32<<20 || o.BufferSize != 2<<20 || o.BufferPool != 48<<20 {
			t.Errorf("%s: protocol %v, no doublewrite %v, log %d, buffer %d, pool %d", c.Name, o.Stages.Protocol, o.NoDoublewrite, o.Capacity, o.BufferSize, o.BufferPool)
		}
		// A loss window is looked at for as long as with a timer.
		if want := groupcommit.DefaultInterval / 10 * riskIntervals; !c.Policy.Flushes() && c.Duration != want {
			t.Errorf("%s: lasts %v; want %v", c.Name, c.Duration, want)
		}
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	s.FlushInterval, s.Durability = 200*time.Millisecond, List[engine.Durability]{engine.DurabilityRedo}
	cells, _ = s.Cells()
	if g := s.EngineOptions(cells[0]).Commit; g.NoTimer || g.Interval != 200*time.Millisecond {
		t.Errorf("with a timer: NoTimer %v, interval %v", g.NoTimer, g.Interval)
	}
}

// What cannot be meant is one line that names it.
func TestSafeguardsRefused(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"--commit-protocol redo-first", "commit-protocol redo-first with workload log: it has no binlog"},
		{"--commit-protocol 2pc,binlog-first --workload bank --binlog off", "commit-protocol binlog-first with binlog off"},
		{"--commit-protocol redo-first --workload bank --durability force-pages", "commit-protocol redo-first with durability force-pages: it has no binlog; legal is redo"},
		{"--commit-protocol redo-first --target mariadbd", "commit-protocol redo-first with a server"},
		{"--flush-interval off --target mariadbd", "flush-interval off with a server: its timer cannot be switched off"},
		{"--flush-interval 0", "flush-interval 0s: must be 1ms to 45m0s, or off"},
		{"--log-capacity 1G,1M --record-bytes 512k", "record-bytes 524288 in log-capacity 1MiB"},
		{"--log-buffer-size 1M,3M", "log-buffer-size 3MiB: must be a power of two"},
		{"--log-capacity 16M,4k", "log-capacity 4KiB: must be"},
		{"--log-capacity 16M,16384k", "log-capacity: 16MiB stands in the list twice"},
		{"--checkpoint-distance 16M --log-capacity 64M,16M", "checkpoint-distance 16MiB: must be 0 (default) to 12MiB"},
		{"--buffer-pool 8M,16M --target mariadbd", "buffer-pool: several sizes with a private server"},
		{"--workload bank --durability redo,force-pages --flush-method none", "durability force-pages with flush method none"},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err == nil {
			err = s.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", c.args, err, c.says)
		}
	}
}
