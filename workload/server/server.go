package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"flushbench/workload/process"
	"flushbench/workload/target"
)

// Recovery is how a server came up.
type Recovery struct {
	Took    time.Duration // from the start of the process to its first answer
	Crashed bool          // it says that it was not shut down properly
	Said    []string      // what its log says about its recovery, without times
}

// Server is a running private server. Its methods are safe for concurrent use.
type Server struct {
	kind     *kind
	config   Config // completed
	version  string
	folder   *folder
	account  *account // nil: runs as we do
	logFrom  int64    // where this start begins in the log
	recovery Recovery

	main  process.ID
	ended chan struct{} // closed when main was waited for
	exit  error         // how it ended; read after ended

	mu      sync.Mutex
	wanted  bool     // we asked it to end; guarded by mu
	closed  bool     // guarded by mu
	runOpen *os.File // holds the folder of the socket for a path that would be too long
	place   string   // of the socket, never changed
}

// Address returns where the server is, as its superuser, in its database. When
// the path of the socket would be too long for one (107 bytes), it leads through a
// descriptor of this process, and ends with it and with Close.
func (s *Server) Address() target.Address {
	return target.Address{
		Scheme: s.kind.scheme, User: s.kind.superuser,
		Network: "unix", Place: s.place, Database: s.config.Database,
	}
}

// PID returns the number of the server's process, for PostgreSQL of the
// postmaster.
func (s *Server) PID() int { return s.main.PID }

// Version returns what the server's program says.
func (s *Server) Version() string { return s.version }

// Binary returns the path of the server's program.
func (s *Server) Binary() string { return s.config.Binary }

// DataDir returns the server's data folder, a folder in Config.Dir.
func (s *Server) DataDir() string { return s.folder.data() }

// User returns the name of the user that the server runs as, "" for ours.
func (s *Server) User() string {
	if s.account == nil {
		return ""
	}
	return s.account.name
}

// Recovery returns how the server came up.
func (s *Server) Recovery() Recovery { return s.recovery }

// Ended returns a channel that is closed when the process has ended.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Exit says how a server ended that nobody asked to, with the last words of its
// log; nil while it runs, and after Stop, Kill and Close.
func (s *Server) Exit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isRunning() || s.wanted {
		return nil
	}
	return s.died("it ended by itself", lastWords(s.log()))
}

// Processes returns the numbers of the server's processes, PID first: for
// PostgreSQL those of its backends too.
func (s *Server) Processes() ([]int, error) {
	family, err := s.main.Family()
	if err != nil {
		return nil, fmt.Errorf("private server: %w", err)
	}
	pids := make([]int, len(family))
	for i, p := range family {
		pids[i] = p.PID
	}
	return pids, nil
}

// Stop shuts the server down properly, with no wait for its clients, and returns
// when it has ended. The folder stays, to be started on again.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(ctx); err != nil {
		return err
	}
	return s.release()
}

// stop is Stop. REQUIRES: s.mu is held.
func (s *Server) stop(ctx context.Context) error {
	if !s.isRunning() {
		if s.wanted {
			return nil
		}
		return s.died("it had ended already", lastWords(s.log()))
	}
	s.wanted = true
	err := s.main.Signal(s.kind.stopSignal)
	if err == nil {
		err = s.thaw()
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) { // it ends by itself
		return fmt.Errorf("stop %s: %w", s.kind.program, err)
	}
	if err := s.progress(ctx, s.ended, "stopping"); err != nil {
		return err
	}
	if s.exit != nil {
		return s.died("it failed while it stopped", lastWords(s.log()))
	}
	return s.settle()
}

// settle notes that the server has ended, unless another was started since.
func (s *Server) settle() error {
	if !s.folder.ours() {
		return nil
	}
	return s.folder.sign(func(m *marker) { m.Server, m.Shared = process.ID{}, nil })
}

// Kill kills the server by SIGKILL, all of its processes, and returns when they
// are gone. The folder stays as the crash left it, to be started on again.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.kill(), s.release())
}

// kill is Kill. REQUIRES: s.mu is held.
func (s *Server) kill() error {
	if s.isRunning() {
		s.wanted = true
		s.folder.marker.Shared = sharedNames(s.main)
	}
	if err := s.main.KillFamily(); err != nil {
		return fmt.Errorf("kill %s: %w", s.kind.program, err)
	}
	<-s.ended
	err := removeShared(s.folder, s.folder.marker.Shared)
	// The disk may have crashed with the server. A marker that names a process
	// that is gone is as good as one that names none.
	_ = s.settle()
	return err
}

// Freeze stops all of the server's processes with SIGSTOP and returns when none of
// their threads runs any more. A thread within a flush stops after it.
func (s *Server) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.main.FreezeFamily(s.config.Patience); err != nil {
		return fmt.Errorf("freeze %s: %w", s.kind.program, err)
	}
	return nil
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.thaw(); err != nil {
		return fmt.Errorf("thaw %s: %w", s.kind.program, err)
	}
	return nil
}

func (s *Server) thaw() error {
	return s.main.SignalFamily(syscall.SIGCONT)
}

// Close kills the server, unless it has ended, and removes all that is in its
// folder, and the folder itself if Start made it. It leaves a folder alone on which
// another server was started since. A second Close does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.isRunning() {
		err = s.kill() // quicker than to put in order what is thrown away
	}
	err = errors.Join(err, s.release())
	if err == nil && s.folder.ours() {
		err = s.folder.empty()
	}
	return err
}

// release lets go of the folder of the socket.
func (s *Server) release() error {
	if s.runOpen == nil {
		return nil
	}
	f := s.runOpen
	s.runOpen = nil
	return f.Close()
}

func (s *Server) isRunning() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}
