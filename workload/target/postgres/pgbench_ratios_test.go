//go:build ratios

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	osexec "os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/target"
)

// TestPgbench: as many transactions a second as pgbench -M prepared with the same
// statement on the same table, clients and server, in interleaved rounds. On a quiet
// machine:
//
//	go test -tags ratios -run TestPgbench -v -timeout 0 ./workload/target/postgres
func TestPgbench(t *testing.T) {
	const (
		rounds = 5
		length = 2 * time.Second
		least  = 0.9
	)
	pgbench, err := osexec.LookPath("pgbench")
	if err != nil {
		testenv.Lack(t, "install postgresql-contrib or postgresql: ", err)
	}
	s := opened(t, shared(t).Address())
	g, err := workload.NewGenerator(1, workload.Spec{Kind: workload.KindUpdate, Rows: 10_000}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "update.sql")
	_, c := g.Row(0)
	if err := os.WriteFile(script, fmt.Appendf(nil, "\\set id random(0, 9999)\nUPDATE %s SET c=:c WHERE id=:id;\n", table), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"on", "off"} {
		if _, err := s.Change(t.Context(), target.Settings{{Name: "synchronous_commit", Value: policy}}); err != nil {
			t.Fatal(err)
		}
		for _, clients := range []int{1, 8} {
			t.Run(fmt.Sprintf("synchronous_commit=%s/clients=%d", policy, clients), func(t *testing.T) {
				product := 0.0
				for round := range rounds {
					var ours, theirs rate
					for i := range 2 {
						if (round+i)%2 == 0 {
							ours = runOurs(t, s, g, clients, length)
						} else {
							theirs = runPgbench(t, pgbench, s, script, string(c), clients, length)
						}
					}
					t.Logf("ours %v, pgbench %v: %.3f", ours, theirs, ours.tps/theirs.tps)
					product += math.Log(ours.tps / theirs.tps)
				}
				if ratio := math.Exp(product / rounds); ratio < least {
					t.Errorf("%.3f of pgbench; want at least %v", ratio, least)
				} else {
					t.Logf("%.3f of pgbench", ratio)
				}
			})
		}
	}
	if err := s.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}

// rate is what a client program did.
type rate struct {
	tps float64
	cpu float64 // of the client program, microseconds a transaction
}

func (r rate) String() string { return fmt.Sprintf("%.0f/s (%.1f us CPU)", r.tps, r.cpu) }

func cpuOf(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func runOurs(t *testing.T, s *server, g *workload.Generator, clients int, length time.Duration) rate {
	t.Helper()
	tg, err := s.Target(g, clients, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all, ready sync.WaitGroup
	var n atomic.Int64
	var stop atomic.Bool
	start := make(chan struct{})
	ready.Add(clients)
	for c := range uint32(clients) {
		all.Go(func() {
			x, err := tg.Connect(c)
			ready.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Close()
			<-start
			txn := g.NewTxn(c)
			for !stop.Load() {
				g.Next(c, x.Seq(), txn)
				if err := x.Run(txn); err != nil {
					t.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	ready.Wait()
	began, cpu := time.Now(), cpuOf(syscall.RUSAGE_SELF)
	close(start)
	time.Sleep(length)
	stop.Store(true)
	took, used := time.Since(began), cpuOf(syscall.RUSAGE_SELF)-cpu
	all.Wait()
	return rate{float64(n.Load()) / took.Seconds(), float64(used.Microseconds()) / float64(n.Load())}
}

var (
	tpsLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
	numLine = regexp.MustCompile(`(?m)^number of transactions actually processed: (\d+)`)
)

func runPgbench(t *testing.T, pgbench string, s *server, script, c string, clients int, length time.Duration) rate {
	t.Helper()
	cmd := osexec.CommandContext(context.Background(), pgbench, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)),
		"-T", strconv.Itoa(int(length.Seconds())), "-D", "c="+c, "-f", script, "-h", path.Dir(s.address.Place), "-p", strings.TrimPrefix(path.Ext(s.address.Place), "."),
		"-U", s.address.User, s.address.Database)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pgbench: %v: %s", err, errs.String())
	}
	tps, n := tpsLine.FindSubmatch(out), numLine.FindSubmatch(out)
	if tps == nil || n == nil {
		t.Fatalf("pgbench said: %s", out)
	}
	rateOf, _ := strconv.ParseFloat(string(tps[1]), 64)
	num, _ := strconv.ParseFloat(string(n[1]), 64)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return rate{rateOf, float64(used.Microseconds()) / num}
}
