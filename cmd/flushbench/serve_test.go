package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/plots/serve"
)

func TestServeBadInput(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for args, want := range map[string]string{
		"serve":                                  "results: no such file or directory",
		"serve missing":                          "missing: no such file or directory",
		"serve a b":                              "serve: takes one DIR, not 2",
		"serve . --listen 7178":                  `listen on "7178": must be HOST:PORT, such as 127.0.0.1:7178`,
		"serve . --listen " + addr:               "listen on " + addr + ": address already in use; port 0 takes any that is free",
		"serve . --listen 127.0.0.1:99999":       "invalid port",
		"run --serve=7178":                       "must be HOST:PORT",
		"run --quick --quiet --serve=" + addr:    "address already in use",
		"run --quick --serve " + addr:            "an address follows --serve= without a blank",
		"run --quick --serve=" + addr + " --bad": "unknown flag",
	} {
		dir := t.TempDir()
		stdout, stderr, code := runBinary(t, dir, strings.Fields(args)...)
		refused(t, dir, stdout, stderr, code, want)
	}
	file := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := runBinary(t, t.TempDir(), "serve", file); code != 2 || !strings.Contains(stderr, "is not a folder") {
		t.Errorf("serve of a file: exit code %d, %q", code, stderr)
	}
}

// startServe starts serve on a free port and returns its URL.
func startServe(t *testing.T, dir string, args ...string) (p *printing, url string) {
	t.Helper()
	p = startPrinting(t, dir, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	line, err := p.out.ReadString('\n')
	url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(line)
	if err != nil || url == "" || !strings.Contains(line, "until Ctrl-C") {
		t.Fatalf("serve says %q (%v); want its address", line, err)
	}
	return p, url
}

// fetch returns a page.
func fetch(t *testing.T, url string) (text string, code int) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(request(t, url))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestServe: the list, a report with the very bytes of report.html, a comparison with
// the sentences of compare; and Ctrl-C is how it is meant to end.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "results", "a-run"), filepath.Join(dir, "results", "b-run")
	for folder, speed := range map[string]float64{a: 1, b: 0.5} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		var saver result.Saver
		if err := saver.Save(folder, compared(10, speed)); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, code := runBinary(t, dir, "report", "results/a-run"); code != 0 {
		t.Fatalf("report: %s", stderr)
	}
	want, err := os.ReadFile(filepath.Join(a, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	p, url := startServe(t, dir)
	if text, code := fetch(t, url); code != 200 || !strings.Contains(text, "a-run") || !strings.Contains(text, "b-run") {
		t.Errorf("the list: %d\n%s", code, text)
	}
	if text, code := fetch(t, url+"report/a-run"); code != 200 || text != string(want) {
		t.Errorf("the report: %d, %d bytes; want report.html, %d bytes", code, len(text), len(want))
	}
	stdout, _, _ := runBinary(t, dir, "compare", "results/a-run", "results/b-run", "--format", "json")
	text, code := fetch(t, url+"compare?r=a-run&r=b-run")
	if code != 200 || !strings.Contains(text, "outcome") || !strings.Contains(text, "slower") || !strings.Contains(stdout, "slower") {
		t.Errorf("the comparison: %d\n%s\nand compare says %s", code, text, stdout)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v; want exit code 0", err)
	}
}

// TestServeWarns: an address that others reach is said to be one.
func TestServeWarns(t *testing.T) {
	for listen, warned := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout, stderr bytes.Buffer
		if err := runServe(ctx, t.TempDir(), listen, &stdout, &stderr); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(stderr.String(), "without a password"); got != warned {
			t.Errorf("--listen %s: %q; want a warning: %v", listen, stderr.String(), warned)
		}
	}
}

// events reads a stream until an event of a kind comes with what is wanted in its data.
func events(t *testing.T, url, kind, want string) *bufio.Scanner {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(request(t, url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	in := bufio.NewScanner(resp.Body)
	waitEvent(t, in, kind, want)
	return in
}

func waitEvent(t *testing.T, in *bufio.Scanner, kind, want string) {
	t.Helper()
	seen := ""
	for in.Scan() {
		if k, ok := strings.CutPrefix(in.Text(), "event: "); ok {
			seen = k
		}
		if data, ok := strings.CutPrefix(in.Text(), "data: "); ok && seen == kind && strings.Contains(data, want) {
			return
		}
	}
	t.Fatalf("the stream ended (%v) without %s: %s", in.Err(), kind, want)
}

// TestRunIsWatched: a run that takes its time is watched on its own pages and on those
// of another process, and ended by Ctrl-C as always.
func TestRunIsWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := exec.Command(binary, append(smallRun("--serve=127.0.0.1:0"), "--duration", "30s")...)
	run.Dir = dir
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	run.Stdout = &stdout
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Process.Kill() }()
	url, said := "", bufio.NewScanner(stderr)
	for url == "" && said.Scan() {
		if rest, ok := strings.CutPrefix(said.Text(), "watch it at "); ok {
			url = rest
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	name := filepath.Base(url)
	if text, code := fetch(t, url); code != 200 || !strings.Contains(text, "Live: "+name) {
		t.Fatalf("%s: %d\n%s", url, code, text)
	}
	own := events(t, url+"/events", "live", `"phase":"measured"`)
	waitEvent(t, own, "live", `"flush_per_s":`)

	other, home := startServe(t, dir, "results")
	theirs := events(t, home+"live/"+name+"/events", "live", `"phase":"measured"`)
	if text, _ := fetch(t, home+"metrics"); !strings.Contains(text, `flushbench_cell_commits_total{run="`+name+`"`) {
		t.Errorf("metrics of a run that measures:\n%s", text)
	}
	if text, _ := fetch(t, home); !strings.Contains(text, "Watch it live") {
		t.Errorf("the list does not show the run:\n%s", text)
	}
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	waitEvent(t, own, "end", "")
	waitEvent(t, theirs, "end", "")
	_ = run.Wait()
	if code := run.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d; want 130", code)
	}
	folder := filepath.Join(dir, "results", name)
	if _, err := os.Lstat(filepath.Join(folder, serve.SocketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if r, err := result.Load(folder); err != nil || !r.Interrupted {
		t.Errorf("the result: %v, %+v; want what was finished", err, r)
	}
	if text, _ := fetch(t, home+"live/"+name); !strings.Contains(text, "Not running") {
		t.Errorf("after the end:\n%s", text)
	}
	if err := other.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := other.cmd.Wait(); err != nil {
		t.Errorf("serve after SIGTERM: %v", err)
	}
}

// TestRunWithPagesEnds: in a pipe the pages end with the run, which prints what it
// always prints.
func TestRunWithPagesEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallRun("--quiet", "--serve=127.0.0.1:0")...)
	if code != 0 || strings.Contains(stdout, "Pages") || !strings.Contains(stdout, "Report  ") || strings.Count(stderr, "watch it at http://127.0.0.1:") != 1 {
		t.Errorf("exit code %d\n%s\n%s; want the screen alone, and the address once", code, stdout, stderr)
	}
	left, err := filepath.Glob(filepath.Join(dir, "results", "*", serve.SocketName))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestWatchNeedsNothing: where no socket can be, the run goes on with a note.
func TestWatchNeedsNothing(t *testing.T) {
	var notes []string
	w, err := newWatch("", func() result.Live { return result.Live{At: time.Now()} }, func(text string) { notes = append(notes, text) }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	w.begin(filepath.Join(t.TempDir(), "missing"))
	w.end()
	if err := w.close(t.Context(), io.Discard); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "other processes cannot watch this run") {
		t.Errorf("notes %q, %v; want one", notes, err)
	}
}
