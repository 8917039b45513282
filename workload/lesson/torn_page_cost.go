package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"flushbench/engine"
	"flushbench/engine/bufpool"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// What the cost of doublewrite is measured with: rows of 151 bytes with their headers
// on about 460 pages, whose changes go round a small log again and again, so that
// pages are written all the time.
const (
	doublewriteRows    = 50_000
	doublewriteLog     = 4 << 20
	doublewritePool    = 32 << 20
	doublewriteClients = 8
	doublewriteRounds  = 5
	doublewriteBytes   = 400 << 20 // that a round of one side may write
)

// doublewriteCost is what rounds without and with doublewrite gave, by round: one
// after the other on the same disk, the order changing from round to round.
type doublewriteCost struct{ off, on []doublewriteRound }

type doublewriteRound struct {
	tps       float64
	bytes     float64 // written a transaction, of all files
	pageBytes float64 // of these, to the data files and the doublewrite file
	device    float64 // what the device has counted meanwhile, others' writes too; 0: it counts nothing
}

// measureDoublewrite measures it on the disk of env.
func measureDoublewrite(ctx context.Context, env *Env) (c doublewriteCost, err error) {
	env.say("what doublewrite costs on this disk: %d rounds without and with it", env.Count(doublewriteRounds))
	g, err := workload.NewGenerator(env.Seed, workload.Spec{Kind: workload.KindUpdate, Rows: doublewriteRows, RowBytes: 120}, doublewriteClients)
	if err != nil {
		return c, err
	}
	device := deviceOf(ctx, env.Dir)
	sides := []*engine.DatabaseOptions{doublewriteOptions(true), doublewriteOptions(false)}
	for _, o := range sides {
		if o.Dir, err = env.Folder("doublewrite"); err == nil {
			err = embedded.CreateDatabase(*o, g)
		}
		if err != nil {
			return c, err
		}
	}
	for round := range env.Count(doublewriteRounds) {
		for i := range sides {
			o := sides[(round+i)%2]
			r, err := doublewriteRun(ctx, *o, g, device, uint64(round), env.Scaled(2*time.Second))
			if err != nil {
				return c, err
			}
			if o.NoDoublewrite {
				c.off = append(c.off, r)
			} else {
				c.on = append(c.on, r)
			}
		}
	}
	return c, nil
}

func doublewriteOptions(off bool) *engine.DatabaseOptions {
	o := &engine.DatabaseOptions{RowBytes: 136, Rows: doublewriteRows, BufferPool: doublewritePool, NoDoublewrite: off}
	o.FS, o.Capacity, o.Files, o.BufferSize, o.Clients = vfs.NewOS(), doublewriteLog, 1, 1<<20, doublewriteClients
	o.Commit.Policy = groupcommit.Policy1
	return o
}

// doublewriteRun is one round of one side: a quarter of the time warms up.
func doublewriteRun(ctx context.Context, o engine.DatabaseOptions, g *workload.Generator, device string, seed uint64, d time.Duration) (r doublewriteRound, err error) {
	fs := vfs.NewOS()
	o.FS = fs
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Shutdown()) }()
	target := embedded.NewDatabase(db, nil)
	run := func(seed uint64, d time.Duration) (driver.Outcome, error) {
		enough, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() { stopAt(enough, stop, fs, fs.Counts().Bytes+doublewriteBytes/2) })
		defer watching.Wait()
		defer stop()
		out, err := driver.Run(enough, driver.Config{Target: target, Clients: doublewriteClients, Seed: seed, Txns: g.Stream(seed), Duration: d, SampleEvery: -1})
		if err == nil {
			err = ctx.Err()
		}
		return out, err
	}
	if _, err := run(2*seed, max(d/4, time.Millisecond)); err != nil {
		return r, err
	}
	calls, pool, counted := fs.Counts(), db.Stats().Pool, deviceBytes(device)
	out, err := run(2*seed+1, max(d, 4*time.Millisecond))
	if err != nil {
		return r, err
	}
	n := max(1, float64(out.Commits+out.After))
	r.tps, r.bytes = out.TPS, float64(fs.Counts().Sub(calls).Bytes)/n
	r.pageBytes = float64(pageBytes(db.Stats().Pool)-pageBytes(pool)) / n
	r.device = float64(deviceBytes(device)-counted) / n
	return r, nil
}

// stopAt stops a round when so many bytes have been written.
func stopAt(ctx context.Context, stop context.CancelFunc, fs vfs.FS, bytes uint64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for fs.Counts().Bytes < bytes {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	stop()
}

// deviceOf names the device below a folder that counts what is written to it; "" if
// none does.
func deviceOf(ctx context.Context, dir string) string {
	env, err := hostinfo.Collect(ctx, dir)
	if err != nil {
		return ""
	}
	if names := hostinfo.CountingDevices(env.Device); len(names) > 0 {
		return names[0]
	}
	return ""
}

// deviceBytes is what was written to a device so far; 0 where that is not known.
func deviceBytes(name string) int64 {
	c, err := hostinfo.DiskCounters(name)
	if err != nil {
		return 0
	}
	return c.Bytes
}

// pageBytes is what went to the data files and the doublewrite file.
func pageBytes(s bufpool.Stats) (n uint64) {
	for _, pages := range s.Flushed {
		n += pages * bufpool.PageSize
	}
	return n + s.DoublewriteBytes
}

// tell says what it costs.
func (c *doublewriteCost) tell(s *Story) {
	rows := [][]string{}
	for i, side := range [][]doublewriteRound{c.off, c.on} {
		tps, bytes, pages := medianOf(side, roundTPS), medianOf(side, roundBytes), medianOf(side, roundPages)
		name := []string{"off", "on"}[i]
		rows = append(rows, []string{name, fmt.Sprintf("%s (%s..%s)", rate(tps.mid), rate(tps.lo), rate(tps.hi)), rate(bytes.mid), rate(pages.mid)})
		s.Figure("doublewrite_"+name+"_tps", tps.mid, "commits/s", "median of rounds")
		s.Figure("doublewrite_"+name+"_bytes_per_commit", bytes.mid, "bytes", "median of rounds")
	}
	speed, bytes, pages, device := c.ratio(roundTPS), c.ratio(roundBytes), c.ratio(roundPages), c.ratio(roundDevice)
	s.Figure("doublewrite_tps_ratio", speed.mid, "", fmt.Sprintf("on to off, rounds %.2f to %.2f", speed.lo, speed.hi))
	s.Figure("doublewrite_bytes_ratio", bytes.mid, "", fmt.Sprintf("on to off, rounds %.2f to %.2f", bytes.lo, bytes.hi))
	s.Step("Its cost on this disk, %d rounds in turn: with it %.2f times the transactions a second (%.2f to %.2f), %.2f times the bytes a transaction; of pages alone %.2f times.",
		len(c.on), speed.mid, speed.lo, speed.hi, bytes.mid, pages.mid)
	if device.mid > 0 {
		s.Figure("doublewrite_device_bytes_ratio", device.mid, "", fmt.Sprintf("on to off, rounds %.2f to %.2f, all that was written to the device", device.lo, device.hi))
		s.Step("  the device itself has counted %.2f times the bytes a transaction (%.2f to %.2f), whoever wrote them.", device.mid, device.lo, device.hi)
	}
	s.Table(fmt.Sprintf("Cost of doublewrite: policy 1, %d clients, a log of %d MiB", doublewriteClients, doublewriteLog>>20),
		[]string{"doublewrite", "commits/s (range)", "bytes/commit", "of pages"}, rows...)
}

func roundDevice(r doublewriteRound) float64 { return r.device }

func roundTPS(r doublewriteRound) float64   { return r.tps }
func roundBytes(r doublewriteRound) float64 { return r.bytes }
func roundPages(r doublewriteRound) float64 { return r.pageBytes }

// ratio is on to off, round by round.
func (c *doublewriteCost) ratio(of func(doublewriteRound) float64) spread {
	var all []float64
	for i := range min(len(c.on), len(c.off)) {
		if off := of(c.off[i]); off > 0 {
			all = append(all, of(c.on[i])/off)
		}
	}
	return spreadOf(all)
}

// spread is a median with the smallest and the largest.
type spread struct{ mid, lo, hi float64 }

func spreadOf(all []float64) spread {
	if len(all) == 0 {
		return spread{}
	}
	all = slices.Sorted(slices.Values(all))
	n := len(all)
	return spread{mid: (all[(n-1)/2] + all[n/2]) / 2, lo: all[0], hi: all[n-1]}
}

func medianOf[T any](all []T, of func(T) float64) spread {
	var values []float64
	for _, x := range all {
		values = append(values, of(x))
	}
	return spreadOf(values)
}
