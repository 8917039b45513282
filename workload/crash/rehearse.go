package crash

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
	"flushbench/workload/workdir"
)

// setUp makes the disks and finds out what they refuse, before a result is made
// and anything is crashed. What the user asked for and cannot be had is a
// *workdir.Refusal.
func (r *run) setUp(ctx context.Context) error {
	r.steps, r.left = r.plan.trials(), r.plan.Length()
	err := r.makeDisks(ctx)
	if err == nil {
		err = r.tryMethods()
	}
	asked := len(r.plan.Matrix.Mount) > 0 && errors.Is(err, lab.ErrMount)
	if asked || errors.Is(err, lab.ErrDevice) || errors.Is(err, vfs.ErrMethodRefused) || errors.Is(err, vfs.ErrNotSupported) {
		return &workdir.Refusal{Lines: []string{err.Error()}}
	}
	return err
}

// tryMethods tries every flush method on each disk that it is to be used on.
func (r *run) tryMethods() error {
	tried := map[string]bool{}
	for _, c := range r.cells {
		for _, m := range c.methods() {
			key := fmt.Sprint(c.disk.spec.Dir, " ", m)
			if tried[key] {
				continue
			}
			tried[key] = true
			if err := r.backend.Try(c.disk.Path(), m); err != nil {
				return fmt.Errorf("crash: %s: %w", c.Name, err)
			}
		}
	}
	return nil
}

// methods are the flush methods of a cell's logs.
func (c *Cell) methods() []vfs.Method {
	if c.Server != nil {
		return nil // it finds its own way
	}
	out := []vfs.Method{c.Engine.Method}
	if c.Transactional() && c.Database.Binlog.Enabled {
		out = append(out, c.Database.Binlog.Method)
	}
	return out
}

// makeDisks makes every disk once, and a name on it for each cell.
func (r *run) makeDisks(ctx context.Context) error {
	specs, of := r.plan.disks()
	for i := range specs {
		s := specs[i]
		r.progressNow(fmt.Sprintf("making disk %d of %d: %s %s", i+1, len(specs), s.Kind, s.FS))
		path, err := r.dir.Tree(fmt.Sprintf("disk-%s-%d", s.Kind, i))
		if err != nil {
			return err
		}
		s.Dir = path
		d, err := r.backend.NewDisk(ctx, s)
		if err != nil {
			return err
		}
		disk := &diskRun{Disk: d, spec: s}
		r.disks = append(r.disks, disk)
		if disk.info, err = d.Describe(); err != nil {
			return err
		}
		if disk.info.FS == "" {
			disk.info.FS = r.dir.Facts.Env.Filesystem
		}
	}
	spare, err := r.dir.Tree("left")
	if err != nil {
		return err
	}
	r.spare = filepath.Join(spare, "by-the-crash")
	for i := range r.plan.Cells {
		d := r.disks[of[i]]
		r.cells = append(r.cells, &cellRun{Cell: &r.plan.Cells[i], disk: d, dir: filepath.Join(d.Path(), fmt.Sprintf("cell-%d", i+1))})
	}
	return nil
}

// closeDisks removes the disks, but for those that nobody can unmount any more:
// the end of the process does, and the next start removes their files.
func (r *run) closeDisks() (err error) {
	for _, d := range r.disks {
		if d.stuck {
			r.cfg.Progress.Note(fmt.Sprintf("a recovery that did not end keeps %s in use: the next crash removes what is left of it", d.spec.Dir))
			continue
		}
		err = errors.Join(err, d.Close())
	}
	return err
}
