package workdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"flushbench/metrics/hostinfo"
)

// DefaultReserve is what a run leaves free: a twentieth of the file system,
// at least 1 MiB and at most 256 MiB.
func DefaultReserve(total int64) int64 {
	return min(max(total/20, 1<<20), 256<<20)
}

var legalName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// fill puts defaults in and checks what needs no look at the machine.
func (o *Options) fill() error {
	if o.Base == "" {
		o.Base = "."
	}
	if o.Name == "" {
		o.Name = "run"
	}
	if !legalName.MatchString(o.Name) {
		return fmt.Errorf("workdir: name %q: must be 1 to 32 small letters, digits and hyphens", o.Name)
	}
	if o.NeedBytes < 0 {
		return fmt.Errorf("workdir: need of %d bytes: must be 0 or more", o.NeedBytes)
	}
	if o.MaxWriteBytes > 0 && o.NeedBytes > o.MaxWriteBytes {
		return o.budgetTooSmall()
	}
	if o.Look == nil {
		o.Look = hostinfo.Inspect
	}
	if o.Neighbours == nil {
		o.Neighbours = func(ctx context.Context, f hostinfo.Facts) (hostinfo.NeighbourReport, error) {
			return hostinfo.Neighbours(ctx, f.Env)
		}
	}
	return nil
}

// inspect looks at the base folder.
func (o *Options) inspect(ctx context.Context) (hostinfo.Facts, error) {
	abs, err := filepath.Abs(o.Base)
	if err != nil {
		return hostinfo.Facts{}, fmt.Errorf("workdir: %w", err)
	}
	facts, err := o.Look(ctx, abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return facts, missingFolder(abs)
	case errors.Is(err, fs.ErrPermission):
		return facts, cannotWrite(abs, err)
	case err != nil:
		return facts, fmt.Errorf("workdir: %w", err)
	}
	info, err := os.Stat(facts.Path.Path)
	if err != nil {
		return facts, fmt.Errorf("workdir: %w", err)
	}
	if !info.IsDir() {
		return facts, notAFolder(abs)
	}
	return facts, nil
}

// allowed refuses what can be told without writing anything.
func (o *Options) allowed(ctx context.Context, d *Dir) error {
	env := d.Facts.Env
	if d.Facts.Path.ReadOnly {
		where := ""
		if env.MountPoint != "" {
			where = fmt.Sprintf(" (%s on %s)", env.Filesystem, env.MountPoint)
		}
		return readOnly(d.base, where)
	}
	if !o.AllowVolatile && env.Volatile {
		return memoryOnly(d.base, env.Filesystem)
	}
	if !o.AllowVolatile && env.Device.Volatile {
		return memoryOnly(d.base, env.Device.Name)
	}
	report, err := o.Neighbours(ctx, d.Facts)
	if err != nil {
		return fmt.Errorf("workdir: %w", err)
	}
	d.mu.notes = append(d.mu.notes, report.Notes...)
	if len(report.Found) == 0 {
		return nil
	}
	refusal := liveDatabase(report.Found)
	if !o.BesideLiveDatabase {
		return refusal
	}
	for _, n := range report.Found {
		d.mu.notes = append(d.mu.notes, fmt.Sprintf("%s (pid %d) uses this device (%s): its commits are slowed, and it disturbs the figures", n.Command, n.PID, n.Device))
	}
	return nil
}

// enoughSpace compares what is free now with need and reserve. A file system
// that does not tell its size is trusted.
func (o *Options) enoughSpace(ctx context.Context, d *Dir) error {
	facts, err := o.Look(ctx, d.base)
	if err != nil {
		return fmt.Errorf("workdir: %w", err)
	}
	d.Facts = facts
	free, total := facts.Path.FreeBytes, facts.Path.TotalBytes
	reserve := o.ReserveBytes
	switch {
	case reserve == 0:
		reserve = DefaultReserve(total)
	case reserve < 0:
		reserve = 0
	}
	if total > 0 && free-reserve < o.NeedBytes {
		return o.tooLittleSpace(d.base, free, reserve)
	}
	return nil
}
