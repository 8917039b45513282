package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// TestHostHeader: a site whose name was made to resolve to this machine (DNS
// rebinding) gets nothing, whatever it asks for.
func TestHostHeader(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	s := newServer(t, dir)
	named, err := New(Config{Dir: dir, Host: "Bench.Example.", Report: fakeReport, Compare: fakeCompare})
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	for _, c := range []struct {
		host, local string
		plain       bool // without a host of its own
		withName    bool // told to listen on bench.example
	}{
		{"localhost", "", true, true}, {"localhost:7178", "", true, true}, {"LOCALHOST.:7178", "", true, true}, {"127.0.0.1:7178", "", true, true},
		{"[::1]:7178", "", true, true}, {"[::1]", "", true, true},
		{"bench.example:7178", "", false, true}, {"BENCH.example", "", false, true},
		{"evil.example:7178", "", false, false}, {"evil.example", "", false, false}, {"localhost.evil.example", "", false, false},
		{"127.0.0.1.evil.example:7178", "", false, false}, {"evil.example:80@localhost", "", false, false}, {"", "", false, false}, {"[::1", "", false, false},
		{"0.0.0.0:7178", "", false, false}, {"127.0.0.2:7178", "", false, false}, {"bench.example.evil", "", false, false},
		// The address that the connection came in on.
		{"192.0.2.7:7178", "192.0.2.7", true, true}, {"[2001:db8::7]:7178", "2001:db8::7", true, true}, {"192.0.2.8:7178", "192.0.2.7", false, false},
	} {
		for _, path := range []string{"/", "/report/A", "/file/A/result.json", "/live/A/events", "/metrics", "/missing"} {
			for server, want := range map[*Server]bool{s: c.plain, named: c.withName} {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = c.host
				if c.local != "" {
					r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(c.local), Port: 7178}))
				}
				w := httptest.NewRecorder()
				server.Handler().ServeHTTP(w, r)
				if got := w.Code != http.StatusMisdirectedRequest; got != want {
					t.Errorf("Host %q, connection to %q, own name %q, %s: %d; want answered: %v", c.host, c.local, server.host, path, w.Code, want)
				}
				if !want && strings.Contains(w.Body.String(), "laptop-7") {
					t.Errorf("Host %q: %s tells of the results", c.host, path)
				}
			}
		}
	}
}

// TestOnlyLooking: no method but GET and HEAD, no body, and nothing in the folder is
// changed by anything that is asked.
func TestOnlyLooking(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	s := newServer(t, dir)
	before := listing(t, dir)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW"} {
		for _, path := range []string{"/", "/report/A", "/file/A/result.json", "/compare?r=A&r=B", "/live/A/events", "/metrics", "/style.css", "/x"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			r.Method = method
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q; want 405", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	for _, body := range []io.Reader{strings.NewReader("x"), io.LimitReader(strings.NewReader("of unknown length"), 9)} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", body))
		wants(t, "a body", w, http.StatusRequestEntityTooLarge)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
}

// listing names all files below dir with their sizes and times.
func listing(t *testing.T, dir string) (out string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			out += fmt.Sprintln(path, info.Size(), info.ModTime(), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOtherSitesPagesLoadNothing(t *testing.T) {
	s := newServer(t, t.TempDir())
	for _, c := range []struct {
		site, mode string
		want       int
	}{
		{"", "", 200}, {"none", "navigate", 200}, {"same-origin", "cors", 200}, {"cross-site", "navigate", 200},
		{"cross-site", "no-cors", 403}, {"cross-site", "cors", 403}, {"same-site", "no-cors", 403}, {"cross-site", "", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Header.Set("Sec-Fetch-Site", c.site)
		r.Header.Set("Sec-Fetch-Mode", c.mode)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("Sec-Fetch-Site %q, -Mode %q: %d; want %d", c.site, c.mode, w.Code, c.want)
		}
	}
}

const secret = "SECRET-OUTSIDE"

// withSecret returns a folder of results with a secret beside it, which is made to look
// like a result's files.
func withSecret(t testing.TB) (results, outside string) {
	base := t.TempDir()
	results = filepath.Join(base, "results")
	outside = save(t, base, "outside", func(r *result.Result) { r.Environment.Host = secret })
	write(t, filepath.Join(outside, result.BenchFileName), secret)
	write(t, filepath.Join(base, result.FileName), secret)
	write(t, filepath.Join(base, result.BenchFileName), secret)
	save(t, results, "A", nil)
	return results, outside
}

// TestTraversal asks a server over a real connection, with paths as nobody cleans them.
func TestTraversal(t *testing.T) {
	results, outside := withSecret(t)
	s := newServer(t, results)
	addr, _ := listening(t, s)
	paths := []string{
		"/file/../outside/bench.txt", "/file/A/../../outside/bench.txt", "/file/../bench.txt", "/file/%2e%2e/bench.txt", "/file/%2e%2e/result.json", "/file/./bench.txt",
		"/file/..%2foutside/bench.txt", "/file/%2e%2e%2foutside/bench.txt", "/file/%2E%2E%2Foutside/bench.txt", "/file/..%252foutside/bench.txt", "/file/%252e%252e/bench.txt",
		"/file/A/..%2f..%2foutside%2fbench.txt", "/file/A/%2e%2e%2f%2e%2e%2fbench.txt", "/file//outside/bench.txt", "/file/" + strings.ReplaceAll(outside, "/", "%2f") + "/bench.txt",
		outside + "/bench.txt", "//" + outside + "/bench.txt", "/file/..\\outside/bench.txt", "/file/..%5coutside/bench.txt", "/file/A%00/bench.txt", "/file/%00/bench.txt", "/file/A/bench.txt%00.html",
		"/report/..", "/report/%2e%2e", "/report/..%2foutside", "/report/A%2f..%2f..%2foutside", "/report/%2e%2e/outside", "/live/..%2foutside", "/live/%2e%2e/events", "/live/../outside/events",
		"/compare?r=../outside&r=A", "/compare?r=..%2foutside&r=A", "/compare?r=A/../../outside&r=A", "/compare?r=" + outside + "&r=A", "/compare?r=..%5Coutside&r=A%00", "/compare?r=.&r=..",
		"/file/%c0%ae%c0%ae/bench.txt", "/file/\xc0\xae\xc0\xae/bench.txt", "/?page=../outside", "*", "file:///etc/passwd", "/%", "/file/%zz/bench.txt",
	}
	for _, path := range paths {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			answer := say(t, addr, "GET "+path+" "+version+"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if strings.Contains(answer, secret) {
				t.Errorf("GET %s gets what lies outside:\n%s", path, answer)
			}
			code, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(answer, "HTTP/1.1 "), "HTTP/1.0 "), " ")
			if code != "200" && !strings.HasPrefix(code, "4") {
				t.Errorf("GET %s: %q; want a refusal", path, code)
			}
			if code == "200" && !strings.HasPrefix(path, "/compare") && !strings.HasPrefix(path, "/?") {
				t.Errorf("GET %s is answered:\n%s", path, answer)
			}
		}
	}
}

// TestLinksOutOfTheFolder: a link in the folder does not lead out of it, one within it
// does.
func TestLinksOutOfTheFolder(t *testing.T) {
	results, outside := withSecret(t)
	for name, target := range map[string]string{
		"absolute": outside, "relative": "../outside", "up": "..", "inside": "A",
	} {
		if err := os.Symlink(target, filepath.Join(results, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range map[string]string{"B": result.FileName, "A": result.BenchFileName} {
		if err := os.MkdirAll(filepath.Join(results, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(outside, file), filepath.Join(results, name, file)); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t, results)
	for _, path := range []string{
		"/", "/file/absolute/bench.txt", "/file/relative/bench.txt", "/file/up/bench.txt", "/file/A/bench.txt", "/file/B/result.json",
		"/report/absolute", "/report/relative", "/report/up", "/report/B", "/compare?r=A&r=absolute&r=B", "/live/absolute", "/live", "/metrics",
	} {
		if w := get(s, path); strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s gets what lies outside:\n%s", path, w.Body)
		} else if code := w.Code; strings.HasPrefix(path, "/file") && code < 400 {
			t.Errorf("%s: %d; want a refusal", path, code)
		}
	}
	wants(t, "a link within the folder", get(s, "/report/inside"), 200, "report of laptop-7")
	wants(t, "the list", get(s, "/"), 200, "cannot be read")
}

// TestLargeAndSlowRequests: a header without end and one that never comes are given
// up, and others are answered meanwhile.
func TestLargeAndSlowRequests(t *testing.T) {
	t.Parallel()
	addr, _ := listening(t, newServer(t, t.TempDir()))
	if answer := say(t, addr, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 4*maxHeaderBytes)+"\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 431 ") && answer != "" {
		t.Errorf("a header of %d bytes: %.100q; want 431", 4*maxHeaderBytes, answer)
	}
	if answer := say(t, addr, "GET /"+strings.Repeat("a", 4*maxHeaderBytes)+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); strings.HasPrefix(answer, "HTTP/1.1 2") {
		t.Errorf("a path of %d bytes: %.100q; want a refusal", 4*maxHeaderBytes, answer)
	}
	body := "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
	if answer := say(t, addr, body); !strings.HasPrefix(answer, "HTTP/1.1 413 ") {
		t.Errorf("a body of 1 GB: %.100q; want 413 at once", answer)
	}
	// Others who have not finished their header, or never begin it, hold nobody up.
	unfinished := "GET / HTTP/1.1\r\nHost: localhost\r\n"
	patient := newServer(t, t.TempDir())
	patient.times.header, patient.times.request = time.Hour, time.Hour
	addr, _ = listening(t, patient)
	for i := range 40 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, unfinished[:i%len(unfinished)]); err != nil {
			t.Fatal(err)
		}
	}
	if answer := say(t, addr, unfinished+"Connection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("beside slow requests: %.100q; want 200", answer)
	}
	// Each of them is cut off.
	s := newServer(t, t.TempDir())
	s.times.header, s.times.request = 200*time.Millisecond, 400*time.Millisecond
	addr, _ = listening(t, s)
	var open []net.Conn
	for i := range 40 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
		_, _ = io.WriteString(c, unfinished[:i%len(unfinished)]) // it may be cut off by now
	}
	for _, c := range open {
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("half a header is waited for")
		}
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("half a header was answered: %.100q", answer)
		}
	}
	if usualTimes.header <= 0 || usualTimes.request <= 0 || usualTimes.answer <= 0 || usualTimes.idle <= 0 || usualTimes.write <= 0 {
		t.Errorf("a time without a limit: %+v", usualTimes)
	}
}

// FuzzRequest: no path, host or query gets what lies outside, or makes a bug show.
func FuzzRequest(f *testing.F) {
	results, _ := withSecret(f)
	if err := os.Symlink("../outside", filepath.Join(results, "link")); err != nil {
		f.Fatal(err)
	}
	s := newServer(f, results)
	for _, path := range []string{"/", "/report/A", "/file/A/result.json", "/file/../outside/bench.txt", "/compare?r=A&r=link", "/live/A", "/metrics", "/file/%2e%2e/bench.txt"} {
		f.Add(path, "localhost", "GET")
	}
	f.Fuzz(func(t *testing.T, target, host, method string) {
		text := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil || strings.HasSuffix(r.URL.Path, "/events") {
			return
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%q gets what lies outside", text)
		}
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%q makes a bug show: %s", text, w.Body)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && w.Code < 400 {
			t.Errorf("%q is answered with %d", text, w.Code)
		}
	})
}

// TestNamesOfResults: what may name a result's folder. Nothing else reaches a file.
func TestNamesOfResults(t *testing.T) {
	for name, want := range map[string]bool{
		"20261121T091402Z-laptop-7-run": true, "with blank": true, "...": true, "a..b": true, "<b>": true,
		"": false, ".": false, "..": false, "a/b": false, "/": false, "../x": false, `a\b`: false, "a\x00": false, strings.Repeat("x", 256): false,
	} {
		if got := legalName(name); got != want {
			t.Errorf("legalName(%q) = %v; want %v", name, got, want)
		}
	}
}

// TestPathsAreNames: what may be a path of a request.
func TestPathsAreNames(t *testing.T) {
	for target, want := range map[string]int{
		"/": 200, "/metrics": 200, "/...": 404, "/%20": 404, "/%2e": 400, "/..": 400, "/a/../b": 400, "/a/%2E%2e/b": 400, "/a//b": 400, "/a%2fb": 400, "/a%2Fb": 400, "/a%5cb": 400, "/a%00b": 400,
	} {
		if w := get(newServer(t, t.TempDir()), target); w.Code != want {
			t.Errorf("GET %s: %d; want %d", target, w.Code, want)
		}
	}
}
