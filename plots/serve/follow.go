package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path"
	"time"

	"flushbench/metrics/result"
	"flushbench/plots/report"
)

const (
	// maxLine bounds a snapshot: whoever may write in the folder may have made the
	// socket.
	maxLine = 64 << 10
	// silence is how long a run may say nothing: it sends even while it waits.
	silence = 5 * time.Second
	// attempts is how often a run is called again that hung up before it was over.
	attempts = 3
)

// errNotLive is returned for a result that no run is at work on.
var errNotLive = errors.New("no run is at work on it")

// Attach lets a run of this process be followed, without a socket. snapshot is called
// by several goroutines until detach; detach may be called twice.
func (s *Server) Attach(name string, snapshot func() result.Live) (detach func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.attached[name] = snapshot
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.mu.attached, name)
	}
}

// attachedRun returns the run of this process called name, or nil.
func (s *Server) attachedRun(name string) func() result.Live {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.attached[name]
}

// dial connects to the run of another process. A socket that a dead run left does not
// answer.
func (s *Server) dial(name string) (*follower, error) {
	p, err := s.folder.within(name, SocketName)
	if err != nil {
		return nil, err
	}
	c, err := dialSocket(s.folder.root, p)
	if err != nil {
		return nil, errNotLive
	}
	lines := bufio.NewScanner(c)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	return &follower{c, lines}, nil
}

// follower reads the snapshots of another process.
type follower struct {
	conn  net.Conn
	lines *bufio.Scanner
}

// next waits for a snapshot.
func (f *follower) next() (result.Live, error) {
	if err := f.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return result.Live{}, err
	}
	if !f.lines.Scan() {
		if err := f.lines.Err(); err != nil {
			return result.Live{}, err
		}
		return result.Live{}, errors.New("the run hung up")
	}
	var l result.Live
	if err := json.Unmarshal(f.lines.Bytes(), &l); err != nil {
		return result.Live{}, fmt.Errorf("no snapshot: %w", err)
	}
	return cleaned(l), nil
}

func (f *follower) close() { _ = f.conn.Close() }

// cleaned bounds the texts of a snapshot: another process may have written it, or they
// name what a user named.
func cleaned(l result.Live) result.Live {
	for _, text := range []*string{&l.Kind, &l.Name, &l.What, &l.Phase, &l.Cell, &l.Section, &l.Error} {
		*text = report.Clean(*text)
	}
	return l
}

// snapshot asks a run once. The error is errNotLive where none answers.
func (s *Server) snapshot(name string) (result.Live, error) {
	if own := s.attachedRun(name); own != nil {
		return cleaned(own()), nil
	}
	f, err := s.dial(name)
	if err != nil {
		return result.Live{}, err
	}
	defer f.close()
	l, err := f.next()
	if err != nil {
		return result.Live{}, errNotLive
	}
	return l, nil
}

// follow hands the snapshots of a run to see until it is over, gone, or ctx ends.
func (s *Server) follow(ctx context.Context, name string, see func(result.Live)) {
	if own := s.attachedRun(name); own != nil {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			l := cleaned(own())
			see(l)
			if l.Over() || s.attachedRun(name) == nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
	for left := attempts; left > 0 && ctx.Err() == nil; left-- {
		f, err := s.dial(name)
		if err != nil {
			return // its socket is gone, or nobody is behind it
		}
		hangUp := context.AfterFunc(ctx, f.close)
		for {
			l, err := f.next()
			if err != nil {
				break
			}
			see(l)
			if l.Over() {
				left = 0
			}
		}
		hangUp()
		f.close()
		select {
		case <-time.After(2 * every):
		case <-ctx.Done():
		}
	}
}

// live lists the runs among names that go on, newest first.
func (s *Server) live(names []string) []string {
	var out []string
	for _, name := range names {
		if s.isLive(name) {
			out = append(out, name)
		}
	}
	return out
}

// isLive reports whether a run is at work on a result, without asking it anything.
func (s *Server) isLive(name string) bool {
	if s.attachedRun(name) != nil {
		return true
	}
	p, err := s.folder.within(name, SocketName)
	if err != nil {
		return false
	}
	if _, err := s.folder.root.Lstat(path.Clean(p)); err != nil {
		return false
	}
	f, err := s.dial(name)
	if err != nil {
		return false
	}
	f.close()
	return true
}
