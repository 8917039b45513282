package beside

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/workload"
)

const (
	// depth is how many operations of a kind may be under way.
	depth = 32
	// behind is how late an operation may be; one that is later is left out, so that
	// a slow disk gets no heap of them.
	behind = time.Second
)

// Done is what a kind of operation came to. Times are nanoseconds from the call to its
// return.
type Done struct {
	Operations int64
	Bytes      int64
	Skipped    int64 // left out, because they were more than a second late
	Latency    *metrics.Histogram
}

// Report is what was done from Start to Stop.
type Report struct {
	Load        workload.Background
	Lasted      time.Duration
	Read, Write Done
}

// Achieved is the share of what was asked that was done, of the kind that fell behind
// most: 1, or a little above, where the disk kept up.
func (r *Report) Achieved() float64 {
	least := 1.0
	for _, k := range []struct {
		asked int64
		done  *Done
	}{{r.Load.Read, &r.Read}, {r.Load.Write, &r.Write}} {
		if asked := float64(k.asked) * r.Lasted.Seconds(); asked > 0 {
			// The operation under way at the end is not done.
			least = min(least, (float64(k.done.Bytes)+float64(r.Load.Piece()))/asked)
		}
	}
	return least
}

// IO is background I/O that runs.
type IO struct {
	disk  *Disk
	load  workload.Background
	began int64
	quit  chan struct{}
	wg    sync.WaitGroup
	kinds [2]*kind
}

// kind is one kind of operation: reads or writes.
type kind struct {
	io    *IO
	file  vfs.File
	every float64 // nanoseconds from one operation to the next
	do    func(buf []byte, at int64) error
	next  atomic.Int64

	mu   sync.Mutex
	done Done  // guarded by mu, as is err
	err  error // the first
}

// Start begins load. REQUIRES: it is among the loads of the Disk, and no other runs.
func (d *Disk) Start(load workload.Background) *IO { return d.start(load, clock.Now()) }

// start is Start with the moment of the first operations.
func (d *Disk) start(load workload.Background, began int64) *IO {
	x := &IO{disk: d, load: load, began: began, quit: make(chan struct{})}
	piece := load.Piece()
	if load.Read > 0 {
		x.kinds[0] = x.begin(d.read, load.Read, func(buf []byte, at int64) error {
			_, err := d.read.ReadAt(buf, at)
			return err
		})
	}
	if load.Write > 0 {
		x.kinds[1] = x.begin(d.write, load.Write, func(buf []byte, at int64) error {
			if err := d.spend(piece); err != nil {
				return err
			}
			_, err := d.write.WriteAt(buf, at)
			return err
		})
	}
	return x
}

func (x *IO) begin(f vfs.File, perSecond int64, do func([]byte, int64) error) *kind {
	k := &kind{io: x, file: f, do: do, every: 1e9 * float64(x.load.Piece()) / float64(perSecond)}
	k.done.Latency = metrics.NewHistogram()
	for worker := range depth {
		x.wg.Go(func() { k.work(uint64(worker)) })
	}
	return k
}

// work does operations, each at its moment, until quit or an error.
func (k *kind) work(worker uint64) {
	x := k.io
	piece := x.load.Piece()
	buf := vfs.AlignedBuffer(int(piece), k.file.Align())
	random := rand.New(rand.NewPCG(x.disk.cfg.Seed, worker))
	for i := range buf {
		buf[i] = byte(random.Uint32())
	}
	blocks := x.disk.cfg.FileBytes / piece
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		n := k.next.Add(1) - 1
		due := x.began + int64(float64(n)*k.every)
		late := clock.Now() - due
		if late < 0 {
			timer.Reset(time.Duration(-late))
			select {
			case <-x.quit:
				return
			case <-timer.C:
			}
		}
		select {
		case <-x.quit:
			return
		default:
		}
		if late > int64(behind) {
			k.mu.Lock()
			k.done.Skipped++
			k.mu.Unlock()
			continue
		}
		place := n % blocks
		if x.load.Block > 0 {
			place = random.Int64N(blocks)
		}
		from := clock.Now()
		err := k.do(buf, place*piece)
		if !k.note(clock.Now()-from, piece, err) {
			return
		}
	}
}

// note counts an operation; false: it is the last.
func (k *kind) note(took, bytes int64, err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		if k.err == nil {
			k.err = err
		}
		return false
	}
	k.done.Operations++
	k.done.Bytes += bytes
	k.done.Latency.Record(took)
	return k.err == nil
}

// Stop ends the I/O, waits for what is under way and says what was done. Its error is
// the first of a read or a write; after it nothing more of the kind was done.
func (x *IO) Stop() (Report, error) {
	r := Report{Load: x.load, Lasted: time.Duration(clock.Now() - x.began)}
	close(x.quit)
	x.wg.Wait()
	var errs []error
	for i, to := range []*Done{&r.Read, &r.Write} {
		if k := x.kinds[i]; k != nil {
			*to = k.done
			errs = append(errs, k.err)
		}
	}
	return r, errors.Join(errs...)
}
