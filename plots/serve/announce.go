package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flushbench/metrics/result"
)

// SocketName is the socket in the folder of a result that is still being measured.
const SocketName = "live.sock"

const (
	// every is the time between two snapshots: ten a second show the teeth of a
	// loss window of one second.
	every = 100 * time.Millisecond
	// maxFollowers bounds the connections to a run; a server needs one for all who
	// look.
	maxFollowers = 8
	// slowFollower is how long a snapshot may take to be taken.
	slowFollower = 2 * time.Second
	// dialTime is how long a socket of this machine may take to answer.
	dialTime = time.Second
)

// Announcement is a run that can be followed from other processes.
type Announcement struct {
	dir      string
	snapshot func() result.Live
	slow     time.Duration // a follower may take so long to take a snapshot
	socket   net.Listener
	places   chan struct{}
	stop     chan struct{}
	once     sync.Once
	open     sync.WaitGroup
	err      error // of Close
}

// Announce lets other processes of this user follow a run: on a unix socket in the
// folder of its result, dir, each who connects gets what snapshot returns, as lines
// of JSON, some ten a second until Close. snapshot is called by several goroutines,
// and only while somebody listens. Nobody who is slow holds anything up: a connection
// that does not take a line in two seconds is closed.
//
// A socket that a dead run left is replaced. It fails where a living run has one, and
// on a file system without sockets.
func Announce(dir string, snapshot func() result.Live) (*Announcement, error) {
	return announceTo(dir, snapshot, slowFollower)
}

// announceTo is Announce to followers as slow as that.
func announceTo(dir string, snapshot func() result.Live, slow time.Duration) (*Announcement, error) {
	a := &Announcement{dir: dir, snapshot: snapshot, slow: slow, places: make(chan struct{}, maxFollowers), stop: make(chan struct{})}
	path := filepath.Join(dir, SocketName)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("announce: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("announce: %s is there and no socket", path)
	default:
		if answers(dir) {
			return nil, fmt.Errorf("announce: another run answers at %s", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("announce: %w", err)
		}
	}
	if a.socket, err = listenSocket(dir); err != nil {
		return nil, fmt.Errorf("announce: %s: %w", path, lastOf(err))
	}
	a.open.Go(a.accept)
	return a, nil
}

// answers reports whether somebody listens at the socket in dir.
func answers(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	c, err := dialSocket(root, SocketName)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// accept takes connections until Close.
func (a *Announcement) accept() {
	for {
		c, err := a.socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors
			select {
			case <-a.stop:
				return
			case <-time.After(every):
			}
			continue
		}
		select {
		case a.places <- struct{}{}:
		default:
			_ = c.Close() // one too many: it may try again
			continue
		}
		a.open.Go(func() {
			defer func() { <-a.places }()
			a.tell(c)
		})
	}
}

// tell sends snapshots until the follower goes, or Close. The last one follows Close.
func (a *Announcement) tell(c net.Conn) {
	defer func() { _ = c.Close() }()
	enc := json.NewEncoder(c)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := false; ; {
		if c.SetWriteDeadline(time.Now().Add(a.slow)) != nil || enc.Encode(a.snapshot()) != nil || last {
			return
		}
		select {
		case <-tick.C:
		case <-a.stop:
			last = true
		}
	}
}

// Close removes the socket, sends everybody a last snapshot and waits for that, some
// seconds at most. A second call does nothing but return the same.
func (a *Announcement) Close() error {
	a.once.Do(func() {
		// The name goes first: who finds it finds somebody who answers.
		a.err = os.Remove(filepath.Join(a.dir, SocketName))
		if errors.Is(a.err, fs.ErrNotExist) {
			a.err = nil // the folder was tidied up
		}
		close(a.stop)
		a.err = errors.Join(a.err, a.socket.Close())
		a.open.Wait()
	})
	return a.err
}
