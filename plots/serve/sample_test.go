package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/plots"
	"flushbench/plots/report"
)

// sample is a result with little in it.
func sample(change func(*result.Result)) *result.Result {
	finished := time.Date(2026, 11, 21, 9, 16, 0, 0, time.UTC)
	r := &result.Result{
		Schema: result.Version, Kind: result.KindRun, Name: "run", Complete: true, Preset: "quick",
		Started: time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC), Finished: &finished,
		Environment: result.Environment{Host: "laptop-7", Filesystem: "ext4", Device: result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe}},
	}
	if change != nil {
		change(r)
	}
	return r
}

// save writes a result below dir and returns its folder.
func save(t testing.TB, dir, name string, change func(*result.Result)) string {
	t.Helper()
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := result.Encode(sample(change))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, result.FileName), string(text))
	return folder
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fakeReport is a report that names its result.
func fakeReport(r *result.Result) ([]byte, error) {
	if r.Environment.Host == "no-report" {
		return nil, errors.New("no report of this")
	}
	return []byte("report of " + r.Environment.Host), nil
}

// fakeCompare is a comparison that names its results.
func fakeCompare(a, b *result.Result) (*Comparison, error) {
	if a.Kind != b.Kind {
		return nil, errors.New("must be of one kind")
	}
	picture := plots.Comparison(a, b, &stats.Diff{}, 0)
	return &Comparison{
		Sentences: []string{a.Environment.Host + " against " + b.Environment.Host}, Notes: []string{"a note"},
		Picture: &picture,
		Tables:  []report.Table{{Title: "cells", Columns: []report.Column{{Head: "cell", Left: true}, {Head: "a"}}, Rows: [][]string{{"speed", "1,350"}}}},
	}, nil
}

// newServer returns a server of dir, which is closed with the test.
func newServer(t testing.TB, dir string) *Server {
	t.Helper()
	var mu sync.Mutex
	var noted []string
	s, err := New(Config{Dir: dir, Report: fakeReport, Compare: fakeCompare, Note: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		noted = append(noted, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, text := range noted {
			t.Logf("noted: %s", text)
		}
	})
	return s
}

// get asks the handler for a path of this machine.
func get(s *Server, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// wants checks a code and texts of a body.
func wants(t *testing.T, what string, w *httptest.ResponseRecorder, code int, texts ...string) {
	t.Helper()
	if w.Code != code {
		t.Errorf("%s: code %d; want %d\n%s", what, w.Code, code, w.Body)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s: no %q in\n%s", what, text, w.Body)
		}
	}
}

// listening starts a server on an address of its own, which it returns. It ends with
// the test, or by stop.
func listening(t testing.TB, s *Server) (addr string, stop func() error) {
	t.Helper()
	l, _, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), stop
}

// say sends text to addr as it is and returns all that comes back.
func say(t testing.TB, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	// The server may have refused before all was sent.
	_, _ = io.WriteString(c, text)
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// aRun is a run that goes on, or has ended, as a test wants it.
type aRun struct {
	mu   sync.Mutex
	live result.Live
}

func newRun() *aRun {
	tps, flushes, p99, commits := 1350.0, 1417.0, int64(1_900_000), int64(4050)
	return &aRun{live: result.Live{
		At: time.Date(2026, 11, 21, 9, 15, 0, 0, time.UTC), Started: time.Date(2026, 11, 21, 9, 14, 0, 0, time.UTC), Kind: result.KindRun,
		Step: 3, Steps: 24, What: "round 1 of 5: risk,policy=2", Phase: result.PhaseMeasured, Round: 1, Rounds: 5, Cell: "risk,policy=2",
		Params: &result.Params{Policy: "2"}, LeftNS: int64(80 * time.Second), Done: 0.125, Commits: &commits, TPS: &tps, TPSNow: &tps, P99NS: &p99, FlushPerS: &flushes, Flushes: &commits,
		AtRisk: &result.LiveRisk{OS: result.LiveLoss{Commits: 2623, Bytes: 671_488, AgeNS: 1_010_000_000}, Power: result.LiveLoss{Commits: 2623, Bytes: 671_488, AgeNS: 1_010_000_000}},
	}}
}

func (a *aRun) snapshot() result.Live {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live
}

func (a *aRun) change(how func(*result.Live)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	how(&a.live)
}

// event is a server-sent event.
type event struct{ kind, id, data string }

// frame reads the data of a live event.
func (e event) frame(t testing.TB) (f frame) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &f); err != nil {
		t.Fatalf("event %+v: %v", e, err)
	}
	return f
}
