package serve

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"flushbench/metrics/result"
)

func TestListSaysWhatEachResultIs(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "20261121T091402Z-laptop-7-run", nil)
	save(t, dir, "20261122T091402Z-laptop-7-run", func(r *result.Result) { r.Complete, r.Interrupted = false, true })
	save(t, dir, "20261123T091402Z-laptop-7-run", func(r *result.Result) { r.Complete, r.Finished = false, nil })
	save(t, dir, "20261124T091402Z-laptop-7-probe", func(r *result.Result) {
		r.Kind, r.Probe = result.KindProbe, &result.Probe{Verdict: "Nothing suspicious."}
		r.Complete, r.Error = false, "disk full"
	})
	save(t, dir, "20261125T091402Z-laptop-7-crash", func(r *result.Result) { r.Kind, r.Complete = result.KindCrash, false })
	write(t, filepath.Join(dir, "README.md"), "no result")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, dir)
	w := get(s, "/")
	wants(t, "the list", w, 200, "5, newest first.", "laptop-7: ext4 on nvme0n1", "quick", "complete", "interrupted", "unfinished", "failed", "partial", "Nothing suspicious.",
		`href="/report/20261121T091402Z-laptop-7-run"`, `href="/file/20261121T091402Z-laptop-7-run/result.json"`, `name="r" value="20261122T091402Z-laptop-7-run"`)
	for _, no := range []string{"README", "empty", "/live/", `value="20261125`} {
		if strings.Contains(w.Body.String(), no) {
			t.Errorf("the list has %q", no)
		}
	}
	if newest, oldest := strings.Index(w.Body.String(), "20261125"), strings.Index(w.Body.String(), "20261121"); newest > oldest {
		t.Error("the newest result does not come first")
	}
	// A file that changes is read again, one that does not is not.
	save(t, dir, "20261121T091402Z-laptop-7-run", func(r *result.Result) { r.Environment.Host = "other-host" })
	wants(t, "the list after a change", get(s, "/"), 200, "other-host: ext4")
}

func TestListOfManyHasPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 2*perPage + 1 {
		save(t, dir, fmt.Sprintf("2026112%03d-x-run", i), nil)
	}
	s := newServer(t, dir)
	for _, c := range []struct{ page, shown, link string }{
		{"", "1 to 100 of 201", `href="/?page=2" rel="next"`}, {"2", "101 to 200 of 201", `href="/?page=1" rel="prev"`},
		{"3", "201 to 201 of 201", `rel="prev"`}, {"99", "201 to 201 of 201", `rel="prev"`}, {"-5", "1 to 100", `rel="next"`}, {"x", "1 to 100", `rel="next"`},
	} {
		wants(t, "page "+c.page, get(s, "/?page="+c.page), 200, c.shown, c.link)
	}
}

func TestFolderOfNothingAndOfOne(t *testing.T) {
	wants(t, "an empty folder", get(newServer(t, t.TempDir()), "/"), 200, "There is no result yet")
	folder := save(t, t.TempDir(), "20261121T091402Z-laptop-7-run", nil)
	s := newServer(t, folder)
	wants(t, "a single result", get(s, "/"), 200, "1, newest first.", `href="/report/20261121T091402Z-laptop-7-run"`)
	wants(t, "its report", get(s, "/report/20261121T091402Z-laptop-7-run"), 200, "report of laptop-7")
	wants(t, "another name", get(s, "/report/other"), 404)
	if _, err := New(Config{Dir: filepath.Join(t.TempDir(), "missing"), Report: fakeReport, Compare: fakeCompare}); err == nil {
		t.Error("a folder that is not there is served")
	}
}

func TestReportAndFiles(t *testing.T) {
	dir := t.TempDir()
	folder := save(t, dir, "A", nil)
	save(t, dir, "B", func(r *result.Result) { r.Environment.Host = "no-report" })
	write(t, filepath.Join(folder, result.BenchFileName), "Unit commits/s")
	write(t, filepath.Join(folder, "notes.txt"), "private")
	s := newServer(t, dir)
	w := get(s, "/report/A")
	if w.Code != 200 || w.Body.String() != "report of laptop-7" {
		t.Errorf("the report is %d, %q; want what Config.Report made, and not a byte more", w.Code, w.Body)
	}
	if p := w.Header().Get("Content-Security-Policy"); !strings.Contains(p, "script-src 'sha256-") || !strings.Contains(p, "frame-ancestors 'none'") {
		t.Errorf("policy of a report: %s", p)
	}
	wants(t, "a report that cannot be made", get(s, "/report/B"), 422, "no report of this")
	wants(t, "no result", get(s, "/report/C"), 404)
	wants(t, "bench.txt", get(s, "/file/A/bench.txt"), 200, "Unit commits/s")
	w = get(s, "/file/A/result.json")
	wants(t, "result.json", w, 200, `"schema": 1`)
	if kind := w.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("result.json is sent as %s", kind)
	}
	for _, path := range []string{"/file/A/notes.txt", "/file/A/report.html", "/file/A/live.sock", "/file/A/fio.json", "/file/C/result.json", "/nothing", "/report/", "/report/A/more"} {
		wants(t, path, get(s, path), 404)
	}
	for path, kind := range map[string]string{"/style.css": "text/css; charset=utf-8", "/live.js": "text/javascript; charset=utf-8"} {
		if got := get(s, path); got.Code != 200 || got.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %d as %s; want %s", path, got.Code, got.Header().Get("Content-Type"), kind)
		}
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"20261121-a", "20261122-b", "20261123-c"} {
		save(t, dir, name, func(r *result.Result) { r.Environment.Host = name[9:] })
	}
	save(t, dir, "20261124-p", func(r *result.Result) { r.Kind = result.KindProbe })
	s := newServer(t, dir)
	wants(t, "two", get(s, "/compare?r=20261122-b&r=20261121-a"), 200, "a against b", "a note", "<th scope=\"col\" class=\"left\">cell</th>", "1,350", `<option value="20261121-a" selected>`)
	wants(t, "three", get(s, "/compare?r=20261121-a&r=20261122-b&r=20261123-c"), 200, "a against b", "a against c",
		`aria-labelledby="p1-comparison-title p1-comparison-desc"`, `id="p1-comparison-title"`, `id="p1-comparison-desc"`, `id="p2-comparison-title"`)
	wants(t, "another base", get(s, "/compare?r=20261121-a&r=20261122-b&base=20261122-b"), 200, "b against a")
	wants(t, "a base that was not chosen", get(s, "/compare?r=20261121-a&r=20261122-b&base=../x"), 200, "a against b")
	wants(t, "a probe and a run", get(s, "/compare?r=20261121-a&r=20261124-p&r=20261122-b"), 200, "must be of one kind", "a against b")
	wants(t, "one that is not there", get(s, "/compare?r=20261121-a&r=20261199-x"), 200, "there is no such result")
	wants(t, "a base that is not there", get(s, "/compare?r=00000000-x&r=20261121-a"), 404)
	wants(t, "one", get(s, "/compare?r=20261121-a"), 400, "Choose 2 to 12 results")
	wants(t, "none", get(s, "/compare"), 400)
	wants(t, "the same twice", get(s, "/compare?r=20261121-a&r=20261121-a"), 400)
	wants(t, "too many", get(s, "/compare?"+strings.Repeat("r=x&", 2)+manyNames(maxCompared+1)), 400)
}

func manyNames(n int) string {
	q := url.Values{}
	for i := range n {
		q.Add("r", fmt.Sprint("n", i))
	}
	return q.Encode()
}

// TestDamagedResultsShowAsSuch: whatever lies there, the list shows it as a row that
// cannot be read, and nothing hangs or panics.
func TestDamagedResultsShowAsSuch(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(filepath.Join(save(t, dir, "0-good", nil), result.FileName))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) string {
		path := filepath.Join(dir, name, result.FileName)
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
		return path
	}
	put("1-empty", "")
	put("2-cut", string(whole[:len(whole)/2]))
	put("3-foreign", `{"hello": "world"}`)
	put("4-newer", strings.Replace(string(whole), `"schema": 1`, `"schema": 99`, 1))
	put("5-binary", "\x00\xff\xfe\x7fELF")
	if err := os.Truncate(put("6-huge", "{"), 3*result.MaxFileBytes); err != nil {
		t.Fatal(err)
	}
	pipe := put("7-pipe", "")
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "8-folder", result.FileName), 0o755); err != nil {
		t.Fatal(err)
	}
	put("9-deep", `{"schema":1,"kind":"run","scenario":`+strings.Repeat("[", 100_000))
	s := newServer(t, dir)
	w := get(s, "/")
	wants(t, "the list", w, 200, "10, newest first.", "laptop-7: ext4")
	if n := strings.Count(w.Body.String(), "cannot be read"); n != 9 {
		t.Errorf("%d rows cannot be read; want 9\n%s", n, w.Body)
	}
	for _, name := range []string{"1-empty", "2-cut", "3-foreign", "4-newer", "5-binary", "6-huge", "7-pipe", "8-folder", "9-deep"} {
		wants(t, name, get(s, "/report/"+name), 422, "cannot be read")
		wants(t, name+" compared", get(s, "/compare?r=0-good&r="+name), 200, `class="failed"`)
		wants(t, name+" live", get(s, "/live/"+name), map[bool]int{true: 404, false: 200}[name == "7-pipe" || name == "8-folder"])
	}
	wants(t, "a huge file", get(s, "/file/6-huge/result.json"), 422)
	wants(t, "metrics", get(s, "/metrics"), 200, "flushbench_results 10")
}

// TestHostileTextIsNoMarkup: a host, a device, a folder or a run may be called
// anything.
func TestHostileTextIsNoMarkup(t *testing.T) {
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)' \u202e` + "\u202e\x07"
	dir := t.TempDir()
	hostile := func(r *result.Result) {
		r.Environment.Host, r.Environment.Filesystem, r.Environment.Device.Name, r.Preset, r.Name = evil, evil, evil, evil, evil
		r.Kind, r.Probe = result.KindProbe, &result.Probe{Verdict: evil, Advice: []string{evil}}
	}
	names := []string{`1"><script>alert(1)<` + "\n" + `b>'&amp;`, "2 %2e%2e;?#", "3\u202e"}
	for _, name := range names {
		save(t, dir, name, hostile)
	}
	if err := os.Mkdir(filepath.Join(dir, "4<script>alert(4)"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "4<script>alert(4)", result.FileName), `{"schema":1,"kind":"<script>alert(5)</script>"}`)
	s := newServer(t, dir)
	run := newRun()
	run.change(func(l *result.Live) { l.What, l.Phase, l.Cell, l.Name = evil, evil, evil, evil })
	defer s.Attach(names[0], run.snapshot)()
	live := "/live/" + url.PathEscape(names[0])
	paths := []string{"/", live, "/live/" + url.PathEscape(names[2]), "/metrics", "/report/" + url.PathEscape("4<script>alert(4)"), "/%3Cscript%3Ealert(6)", "/compare?" + url.Values{"r": names}.Encode()}
	markup := regexp.MustCompile(`(?i)<script>|<img|<b>| on[a-z]+="|\x{202e}|\x07`)
	for _, path := range paths {
		w := get(s, path)
		body := w.Body.String()
		if path == "/metrics" {
			body = strings.ReplaceAll(body, "<", "") // no page: text
			if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("%s is sent as %s", path, kind)
			}
		}
		if bad := markup.FindString(body); bad != "" {
			t.Errorf("%s: %q is markup or a control character in\n%s", path, bad, body)
		}
	}
	// A form sends the names back as they are.
	form := url.Values{}
	for _, name := range names {
		form.Add("r", url.PathEscape(name))
	}
	wants(t, "a form", get(s, "/compare?"+form.Encode()), 200, "against")
	// The links lead where they should.
	for _, name := range names {
		wants(t, name, get(s, "/report/"+url.PathEscape(name)), 200, "report of ")
		list := get(s, "/").Body.String()
		if !strings.Contains(list, `href="/report/`+strings.ReplaceAll(url.PathEscape(name), "&", "&amp;")+`"`) {
			t.Errorf("no link to %q in\n%s", name, list)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	s := newServer(t, dir)
	defer s.Attach("A", newRun().snapshot)()
	for _, path := range []string{"/", "/report/A", "/file/A/result.json", "/live", "/live/A", "/compare", "/metrics", "/style.css", "/live.js", "/missing"} {
		w := get(s, path)
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "frame-ancestors 'none'",
		} {
			if got := w.Header().Get(header); !strings.Contains(got, want) {
				t.Errorf("%s: %s %q; want %q", path, header, got, want)
			}
		}
		script := strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'")
		if script != (path == "/live/A") {
			t.Errorf("%s: may run our script: %v", path, script)
		}
		head := httptest.NewRecorder()
		s.Handler().ServeHTTP(head, httptest.NewRequest(http.MethodHead, "http://localhost"+path, nil))
		if head.Code != w.Code || head.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d with %d bytes; want %d and none", path, head.Code, head.Body.Len(), w.Code)
		}
	}
}
