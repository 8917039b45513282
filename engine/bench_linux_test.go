package engine

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// BenchmarkUpdate commits b.N transactions of one updated row and reports the
// processor time of each, which a busy machine leaves about as it is:
//
//	go test -run '^$' -bench Update -benchtime 200000x ./engine
//
// FLUSHBENCH_DIR names the folder, which decides about the flushes: without it
// they go to the disk of the temporary files.
func BenchmarkUpdate(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		for _, binlog := range []bool{false, true} {
			b.Run(fmt.Sprintf("clients=%d/binlog=%v", clients, binlog), func(b *testing.B) { benchUpdate(b, clients, binlog) })
		}
	}
}

const benchRows = 100_000

func benchUpdate(b *testing.B, clients int, withBinlog bool) {
	base := os.Getenv("FLUSHBENCH_DIR")
	home, err := os.MkdirTemp(base, "bench-update-")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { must(b, os.RemoveAll(home)) }()
	o := DatabaseOptions{Rows: benchRows, RowBytes: DefaultRowBytes}
	o.FS, o.Dir, o.Clients, o.Capacity = vfs.NewOS(), home, clients, 256<<20
	o.Commit.Policy = groupcommit.Policy1
	o.Binlog = BinlogOptions{Enabled: withBinlog, Growth: vfs.GrowAppend}
	o.Stages.SyncBinlog = 1
	must(b, CreateDatabase(o, nil))
	db, err := OpenDatabase(o)
	if err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	run := func(n int) {
		left.Store(int64(n))
		var wg sync.WaitGroup
		for client := range uint32(clients) {
			c := conn(b, db, client)
			wg.Go(func() {
				if err := updates(c, &left, client); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	run(1000)
	b.ReportAllocs()
	b.ResetTimer()
	user, system := cpuNs(b)
	run(b.N)
	u, s := cpuNs(b)
	b.ReportMetric(float64(u-user)/float64(b.N), "user-ns/op")
	b.ReportMetric(float64(s-system)/float64(b.N), "system-ns/op")
	b.StopTimer()
	must(b, db.Shutdown())
}

func updates(c *Conn, left *atomic.Int64, client uint32) error {
	r := table.Row{C: make([]byte, DefaultRowBytes-table.MinRowBytes)}
	rng := uint64(client)*0x9e3779b97f4a7c15 + 1
	for left.Add(-1) >= 0 {
		rng = rng*6364136223846793005 + 1442695040888963407
		r.Key, r.K = rng>>33%benchRows, int64(rng)
		r.C[0]++
		err := errors.Join(c.Begin(), c.StartStatement(nil, false))
		if err == nil {
			_, err = c.Update(&r)
		}
		c.EndStatement()
		if err = errors.Join(err, c.Commit()); err != nil {
			return err
		}
	}
	return nil
}

// cpuNs is the processor time of this process so far, its own and the kernel's.
func cpuNs(b *testing.B) (user, system int64) {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano(), u.Stime.Nano()
}
