package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"flushbench/metrics/result"
	"flushbench/plots/serve"
)

// watch lets a run be followed while it goes on: from other processes always, and on
// pages of this process with --serve. The run does not depend on it: what goes wrong
// is a note.
type watch struct {
	snapshot func() result.Live
	note     func(string)
	pages    *pages // nil: without --serve
	socket   *serve.Announcement
	detach   func()
	stop     context.CancelFunc
	served   chan error // what serving came to, once
}

// newWatch listens on an address, unless that is "". It is the only thing that can
// fail, and does so before anything is written.
func newWatch(listen string, snapshot func() result.Live, note func(string), stderr io.Writer) (*watch, error) {
	w := &watch{snapshot: snapshot, note: note}
	if listen == "" {
		return w, nil
	}
	var err error
	w.pages, err = listenFor(listen, stderr)
	return w, err
}

// begin is called when the run's folder is there.
func (w *watch) begin(folder string) {
	full, err := filepath.Abs(folder)
	if err != nil {
		w.note("note: nobody can watch this run: " + err.Error())
		return
	}
	if w.socket, err = serve.Announce(full, w.snapshot); err != nil {
		w.note("note: other processes cannot watch this run: " + err.Error())
	}
	if w.pages == nil {
		return
	}
	if err := w.pages.open(filepath.Dir(full)); err != nil {
		w.note("note: nobody can watch this run: " + err.Error())
		return
	}
	name := filepath.Base(full)
	w.detach = w.pages.server.Attach(name, w.snapshot)
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.served = stop, make(chan error, 1)
	go func() { w.served <- w.pages.server.Serve(ctx, w.pages.l) }()
	w.note("watch it at " + w.pages.url + "live/" + url.PathEscape(name))
}

// end is called when the run has ended: nobody follows it any more. Its pages stay.
func (w *watch) end() {
	if w.socket != nil {
		if err := w.socket.Close(); err != nil {
			w.note("note: " + err.Error())
		}
	}
	if w.detach != nil {
		w.detach()
	}
}

// close ends the pages: where somebody sits at the terminal stdout, when ctx ends.
func (w *watch) close(ctx context.Context, stdout io.Writer) error {
	if w.pages == nil {
		return nil
	}
	if w.served != nil {
		if isTerminal(stdout) && ctx.Err() == nil {
			fmt.Fprintf(stdout, "Pages   %s (until Ctrl-C)\n", w.pages.url)
			select {
			case <-ctx.Done():
			case err := <-w.served:
				w.served <- err
			}
		}
		w.stop()
		if err := <-w.served; err != nil {
			return errors.Join(err, w.pages.close())
		}
	}
	return w.pages.close()
}
