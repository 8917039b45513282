package workdir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// The flags of folders that refusals know by name.
const (
	defaultFlag = "--dir"
	logFlag     = "--log-dir"
)

// Part is one of the folders that a run works in, and what it needs there.
type Part struct {
	Flag      string // of the command that names the folder, "--binlog-dir"; "" is "--dir"
	Base      string // an existing folder; "" is the current one
	NeedBytes int64  // what the run will hold there on disk at most
}

// place is a folder that some parts share.
type place struct {
	Part              // of the first of them; NeedBytes is the sum
	info  os.FileInfo // of the folder
	parts []int
}

// AcquireAll is Acquire for a run whose files lie in several folders, which may
// be on several devices: dirs[i] is where part i lies. Parts that name the same
// folder, by whatever path, get the same Dir, and what parts need on one file
// system is added up. Every folder is inspected before anything is written in
// one of them. o.Base, o.Flag and o.NeedBytes mean nothing; o.MaxWriteBytes is for all
// parts together. The caller must Release every Dir; a second Release of a
// shared one does nothing.
func AcquireAll(ctx context.Context, o Options, parts []Part) (dirs []*Dir, err error) {
	places, err := o.places(ctx, parts)
	if err != nil {
		return nil, err
	}
	dirs = make([]*Dir, len(parts))
	var got []*Dir
	for i := range places {
		one := o.at(places[i].Part)
		one.NeedBytes = 0
		for k := range places {
			if sameFileSystem(places[i].info, places[k].info) {
				one.NeedBytes += places[k].NeedBytes
			}
		}
		d, err := Acquire(ctx, one)
		if err != nil {
			for _, d := range got {
				err = errors.Join(err, d.Release())
			}
			return nil, onlyRefusal(err)
		}
		got = append(got, d)
		for _, part := range places[i].parts {
			dirs[part] = d
		}
	}
	return dirs, nil
}

// at are the options for one part.
func (o Options) at(p Part) Options {
	o.Flag, o.Base, o.NeedBytes = p.Flag, p.Base, p.NeedBytes
	return o
}

// places inspects the folder of every part and joins those that are the same. It
// writes nothing.
func (o Options) places(ctx context.Context, parts []Part) ([]place, error) {
	var places []place
	var all Part
	for i, p := range parts {
		all.NeedBytes += p.NeedBytes
		one := o.at(p)
		if err := one.fill(); err != nil {
			return nil, err
		}
		info, err := one.preflight(ctx)
		if err != nil {
			return nil, one.named(err)
		}
		k := 0
		for k < len(places) && !os.SameFile(places[k].info, info) {
			k++
		}
		if k == len(places) {
			p.NeedBytes = 0
			places = append(places, place{Part: p, info: info})
		}
		places[k].NeedBytes += parts[i].NeedBytes
		places[k].parts = append(places[k].parts, i)
	}
	whole := o.at(all)
	return places, whole.fill() // the write budget must do for all of them
}

// preflight refuses what can be told of a base folder without writing anything.
func (o *Options) preflight(ctx context.Context) (os.FileInfo, error) {
	facts, err := o.inspect(ctx)
	if err != nil {
		return nil, err
	}
	d := &Dir{Facts: facts, base: facts.Path.Path}
	if err := o.allowed(ctx, d); err != nil {
		return nil, err
	}
	info, err := os.Stat(d.base)
	if err != nil {
		return nil, cannotWrite(d.base, err)
	}
	return info, nil
}

// named makes the advice of a refusal, which is worded for --dir, name the flag
// that chose the folder.
func (o *Options) named(err error) error {
	var r *Refusal
	if o.Flag == "" || o.Flag == defaultFlag || !errors.As(err, &r) {
		return err
	}
	for i, line := range r.Lines[1:] {
		if o.Flag != logFlag {
			line = strings.Replace(line, "Lower "+o.lower()+", or choose", "Choose", 1)
		}
		r.Lines[1+i] = strings.ReplaceAll(line, defaultFlag, o.Flag)
	}
	return err
}

// onlyRefusal drops what came on top of a refusal: its screen is the message.
func onlyRefusal(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return err
}

// Base is the real path of the folder that the user named.
func (d *Dir) Base() string { return d.base }

// Within reports whether path lies in the run's folder, or is it.
func (d *Dir) Within(path string) bool {
	rel, err := filepath.Rel(d.path, path)
	return err == nil && filepath.IsLocal(rel)
}
