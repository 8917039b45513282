package serve

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"flushbench/metrics/result"
	"flushbench/plots"
	"flushbench/plots/report"
)

// times are how long the parts of a request may take.
type times struct {
	header, request time.Duration // until the header, and all of it, is there
	answer          time.Duration // a page is made in three seconds at most
	idle            time.Duration // between two requests of a connection
	write           time.Duration // each piece of a stream, which may last for days
	heartbeat       time.Duration // a stream says nothing for so long at most: a reader that has gone shows
	linger          time.Duration // a run is followed on, so that a page that is loaded again finds its minute
	goodbye         time.Duration // until a server that ends no longer waits for its readers
}

var usualTimes = times{
	header: 5 * time.Second, request: 10 * time.Second, answer: time.Minute, idle: time.Minute,
	write: 10 * time.Second, heartbeat: 15 * time.Second, linger: 10 * time.Second, goodbye: 2 * time.Second,
}

const (
	// maxHeaderBytes bounds the header of a request.
	maxHeaderBytes = 16 << 10
	// makers is how many pages are made of results at a time: each may hold all of a
	// large result, and a run may be measuring beside it.
	makers = 2
)

// Config is what a server shows, and who makes it.
type Config struct {
	// Dir is the folder of results, or that of a single one.
	Dir string
	// Host is what the server was told to listen on, a name or an address: requests
	// may go by it, beside the loopback names. "": none.
	Host string
	// Report makes the report page of a result: the bytes of its report.html.
	Report func(r *result.Result) ([]byte, error)
	// Compare holds b against a.
	Compare func(a, b *result.Result) (*Comparison, error)
	// Note is told, in one line, what went wrong that no reader is told; nil: nobody.
	// Several goroutines may call it.
	Note func(text string)
}

// Comparison is what is said about a pair of results.
type Comparison struct {
	Sentences []string       // the answer
	Notes     []string       // on the two runs: ended early, the limit of their disks
	Tables    []report.Table // what differs between the machines, then the cells
	Picture   *plots.Plot    // nil: none
}

// Server shows one folder of results. Any number of goroutines may use it.
type Server struct {
	config  Config
	host    string
	folder  *folder
	times   times
	handler http.Handler
	streams chan struct{} // one token for each open event stream
	makers  chan struct{} // one for each page that is being made
	cards   cards

	ctx     context.Context // ends the hubs
	stop    context.CancelFunc
	running sync.WaitGroup // hubs

	mu struct {
		sync.Mutex
		hubs     map[string]*hub
		attached map[string]func() result.Live
		closed   bool
	}
}

// New opens the folder of a server, which Close gives back.
func New(c Config) (*Server, error) {
	if c.Report == nil || c.Compare == nil {
		return nil, errors.New("serve: nobody makes reports or comparisons")
	}
	if c.Note == nil {
		c.Note = func(string) {}
	}
	f, err := openFolder(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	s := &Server{config: c, host: hostOf(c.Host), folder: f, times: usualTimes, streams: make(chan struct{}, maxStreams), makers: make(chan struct{}, makers)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mu.hubs, s.mu.attached = map[string]*hub{}, map[string]func() result.Live{}
	s.handler = s.guard(s.recovered(s.routes()))
	return s, nil
}

// Handler returns what answers the requests.
func (s *Server) Handler() http.Handler { return s.handler }

// routes says which path shows what. Names of results are one element of a path; the
// methods are guard's business.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.showList)
	mux.HandleFunc("/report/{name}", s.showReport)
	mux.HandleFunc("/file/{name}/{file}", s.sendFile)
	mux.HandleFunc("/compare", s.showComparison)
	mux.HandleFunc("/live", s.showNewestLive)
	mux.HandleFunc("/live/{name}", s.showLive)
	mux.HandleFunc("/live/{name}/events", s.streamEvents)
	mux.HandleFunc("/metrics", s.showMetrics)
	mux.HandleFunc("/style.css", asset("text/css; charset=utf-8", report.Style()+styleSheet))
	mux.HandleFunc("/live.js", asset("text/javascript; charset=utf-8", liveScript))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, "There is no such page.")
	})
	return mux
}

// Serve answers on l until ctx ends, then ends all streams and closes l. It may be
// called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: s.times.header, ReadTimeout: s.times.request, WriteTimeout: s.times.answer, IdleTimeout: s.times.idle,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: log.New(noteWriter{s.config.Note}, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.endStreams()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.times.goodbye)
	defer cancel()
	err := h.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close() // somebody does not listen
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// endStreams ends all streams and waits for what fed them.
func (s *Server) endStreams() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// Close gives the folder back. A second call does nothing.
func (s *Server) Close() error {
	s.endStreams()
	return s.folder.Close()
}

// noteWriter hands the complaints of net/http on.
type noteWriter struct{ note func(string) }

// Write takes one line.
func (n noteWriter) Write(line []byte) (int, error) {
	n.note(report.Clean(string(line)))
	return len(line), nil
}

// recovered answers a request that makes a bug show with an error, and says so.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if bug := recover(); bug != nil {
				s.config.Note(report.Clean(fmt.Sprintf("%s: %v", r.URL.Path, bug)))
				s.refuse(w, r, http.StatusInternalServerError, "This page cannot be made.")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// turn waits for its turn to make a page of a result, unless the reader goes first.
func (s *Server) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.makers <- struct{}{}:
		return func() { <-s.makers }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// asset sends a file that was built in.
func asset(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}
}
