//go:build ratios && linux

package mysql

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
)

// The figures of a comparison: interleaved rounds on one server.
const (
	ratioRounds = 15
	ratioLasts  = 2 * time.Second
	ratioRows   = 20_000
	ratioLeast  = 0.9
)

// TestServerAgainstSysbench holds our client against sysbench oltp_update_non_index
// on the same server, with the same clients, one after the other in each round, in
// turn. It needs a quiet machine:
//
//	go test -tags ratios -run TestServerAgainstSysbench -v ./workload/target/mysql
func TestServerAgainstSysbench(t *testing.T) {
	path, err := exec.LookPath("sysbench")
	if err != nil {
		testenv.Lack(t, err)
	}
	private := startServer(t, "--innodb-buffer-pool-size=128M")
	s := openServer(t, private.Address())
	sqlExec(t, s, "SET GLOBAL sync_binlog=1")
	sysbench := func(command string, clients int) (string, time.Duration) {
		t.Helper()
		cmd := exec.Command(path, "oltp_update_non_index", "--db-driver=mysql", "--mysql-user=root", "--mysql-db=flushbench",
			"--mysql-socket="+private.Address().Place, "--tables=1", fmt.Sprintf("--table-size=%d", ratioRows), "--rand-type=uniform",
			fmt.Sprintf("--threads=%d", clients), fmt.Sprintf("--time=%d", int(ratioLasts.Seconds())), command)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("sysbench %s: %v\n%s", command, err, out)
		}
		return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	sysbench("prepare", 1)
	for _, clients := range []int{1, 8, 64} {
		t.Run(fmt.Sprintf("clients=%d", clients), func(t *testing.T) {
			g := withTables(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: ratioRows}, clients)
			all := sessions(t, newTarget(t, s, g, clients), clients)
			var ratios []float64
			for round := range ratioRounds {
				var ours, theirs float64
				var cpu, theirCPU time.Duration
				measure := []func(){
					func() {
						var out string
						out, theirCPU = sysbench("run", clients)
						theirs = perSecond(t, out)
					},
					func() {
						before := ownCPU(t)
						ours = updates(t, g, all)
						cpu = ownCPU(t) - before
					},
				}
				if round%2 == 1 {
					slices.Reverse(measure)
				}
				for _, m := range measure {
					m()
				}
				n := ratioLasts.Seconds()
				t.Logf("round %d: %.0f/s, sysbench %.0f/s; CPU of the client %.1f us a transaction, sysbench %.1f us",
					round, ours, theirs, float64(cpu.Microseconds())/(ours*n), float64(theirCPU.Microseconds())/(theirs*n))
				ratios = append(ratios, ours/theirs)
			}
			slices.Sort(ratios)
			t.Logf("median %.3f of sysbench (%.3f to %.3f)", ratios[ratioRounds/2], ratios[0], ratios[ratioRounds-1])
			if ratios[ratioRounds/2] < ratioLeast {
				t.Errorf("%.3f of sysbench's rate; want %v", ratios[ratioRounds/2], ratioLeast)
			}
		})
	}
}

// ownCPU is what this process has used.
func ownCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var sysbenchRate = regexp.MustCompile(`transactions: +\d+ +\(([\d.]+) per sec`)

func perSecond(t *testing.T, out string) float64 {
	t.Helper()
	found := sysbenchRate.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("sysbench says no rate:\n%s", out)
	}
	rate, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

// updates runs all sessions for a while and returns their transactions a second.
func updates(t *testing.T, g *workload.Generator, all []workload.Session) float64 {
	t.Helper()
	var wg sync.WaitGroup
	counts := make([]uint64, len(all))
	began := time.Now()
	for client, x := range all {
		wg.Go(func() {
			txn, first := g.NewTxn(uint32(client)), x.Seq()
			for time.Since(began) < ratioLasts {
				g.Next(uint32(client), x.Seq(), txn)
				if err := x.Run(txn); err != nil {
					t.Error(err)
					return
				}
			}
			counts[client] = x.Seq() - first
		})
	}
	wg.Wait()
	took := time.Since(began)
	sum := uint64(0)
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / took.Seconds()
}
