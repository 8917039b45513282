package lesson

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
	"flushbench/workload/writeback"
)

// place is a disk whose files get records that nobody flushes, until it crashes.
type place struct {
	name  string // "ext4", "ext4 without a journal"
	kind  vfs.CrashKind
	fs    lab.FSType
	mkfs  []string
	mount []string
	here  bool // no disk of its own, and no crash: the folder that is measured

	files map[vfs.Growth]int // how many of each growth
	timer time.Duration      // flushes them all so often; 0: nobody does
	life  time.Duration      // of the load, until the crash
	// engine: our own engine runs there too, under policy 2 with the same timer.
	engine bool

	disk     *lab.Disk // nil where here
	dir      string
	settings writeback.Settings
	logs     []*heldLog
	group    writeback.Group
	commits  *heldEngine // nil: none
	cancel   context.CancelFunc
	ended    chan error // of the files and the engine together
}

// heldLog is one file of a place, and what became of it.
type heldLog struct {
	*writeback.Log
	growth vfs.Growth
	path   string
	// held is how old the oldest record was that the page cache had not written back
	// when the load ended; it and the rest were written at most.
	held time.Duration
	// Of a crash: what it took, and how old the oldest of that was.
	gone int
	lost time.Duration
}

// How the files are written: a small transaction every 10 ms to each.
const (
	heldEvery  = 10 * time.Millisecond
	heldSample = 50 * time.Millisecond
)

// make makes the disk and its files.
func (p *place) make(ctx context.Context, env *Env) (err error) {
	if p.dir, err = env.Folder("held"); err != nil {
		return err
	}
	records := int(p.life/heldEvery) + int(p.life/heldEvery)/4 + 64
	if !p.here {
		n := 0
		for _, count := range p.files {
			n += count
		}
		o := lab.Options{Dir: p.dir, Kind: p.kind, FS: p.fs, MkfsOptions: p.mkfs, MountOptions: p.mount, Bytes: int64(n)*int64(records)*writeback.RecordBytes + 4<<20}
		if p.engine {
			o.Bytes += engineRoom
		}
		if p.disk, err = lab.New(ctx, o); err != nil {
			return err
		}
		p.dir = p.disk.Path()
	}
	p.settings = writeback.SettingsOf(p.dir)
	p.group = writeback.Group{Every: heldEvery, SampleEvery: heldSample, FlushEvery: p.timer, Spread: p.life / 9}
	for i := range max(p.files[vfs.GrowZero], p.files[vfs.GrowAppend]) {
		for _, growth := range []vfs.Growth{vfs.GrowZero, vfs.GrowAppend} {
			if i >= p.files[growth] {
				continue
			}
			path := filepath.Join(p.dir, fmt.Sprintf("%v.%d", growth, i))
			l, err := writeback.Create(writeback.Options{FS: vfs.NewOS(), Path: path, Growth: growth, Records: records})
			if err != nil {
				return err
			}
			p.logs = append(p.logs, &heldLog{Log: l, growth: growth, path: path})
			p.group.Logs = append(p.group.Logs, l)
		}
	}
	if p.engine {
		if p.commits, err = newHeldEngine(p.dir, p.timer); err != nil {
			return err
		}
	}
	if p.here {
		return nil // others' files are on it
	}
	return writeback.Settle(p.dir)
}

// start starts the load.
func (p *place) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.ended = make(chan error, 1)
	commits := make(chan error, 1)
	go func() {
		if p.commits == nil {
			commits <- nil
			return
		}
		commits <- p.commits.run(ctx)
	}()
	go func() { p.ended <- errors.Join(p.group.Run(ctx), <-commits) }()
}

// stop ends the load and notes what the page cache holds back.
func (p *place) stop() error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	err := <-p.ended
	p.cancel = nil
	now := clock.Now()
	for _, l := range p.logs {
		l.held = l.Age(now)
	}
	return err
}

// crash ends the load, crashes the disk, and reads what is there afterwards.
func (p *place) crash(ctx context.Context) error {
	if err := p.stop(); err != nil || p.here {
		return errors.Join(err, p.group.Close())
	}
	began, _, err := p.disk.Crash()
	if p.commits != nil {
		p.commits.close()
	}
	if err = errors.Join(err, p.group.Close()); err != nil {
		return err
	}
	if err := p.disk.Restart(ctx); err != nil {
		return err
	}
	for _, l := range p.logs {
		k, err := writeback.Check(vfs.NewOS(), l.path, l.Records())
		if err != nil {
			return err
		}
		if l.gone = k.Gone; k.Gone > 0 {
			l.lost = time.Duration(began - l.WrittenAt(k.First))
		}
	}
	if p.commits != nil {
		return p.commits.judge(began)
	}
	return nil
}

// close ends what is left of the place. Safe to call twice.
func (p *place) close() error {
	err := p.stop()
	if p.commits != nil {
		p.commits.close()
	}
	err = errors.Join(err, p.group.Close())
	if p.disk != nil {
		err = errors.Join(err, p.disk.Close())
	}
	return err
}

// load is what the place's files get.
func (p *place) load(g vfs.Growth) writeback.Load {
	return writeback.Load{Growth: g, BytesPerS: float64(len(p.logs)) * writeback.RecordBytes / heldEvery.Seconds()}
}
