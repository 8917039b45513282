package serve

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// announce starts an announcement in dir that ends with the test.
func announce(t testing.TB, dir string, snapshot func() result.Live) *Announcement {
	t.Helper()
	a, err := Announce(dir, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestAnnouncedRunIsFollowed(t *testing.T) {
	dir := t.TempDir()
	folder := save(t, dir, "A", nil)
	s, run := newServer(t, dir), newRun()
	addr, _ := listening(t, s)
	wants(t, "before", get(s, "/live"), 200, "No run is at work in this folder")
	wants(t, "before", get(s, "/live/A"), 200, "Not running")
	before := openStream(t, addr, "A", "")
	before.want("end") // a browser does not come back

	a := announce(t, folder, run.snapshot)
	info, err := os.Lstat(filepath.Join(folder, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("socket %v; want %v: of this user alone", info.Mode(), fs.ModeSocket|0o600)
	}
	wants(t, "the list", get(s, "/"), 200, "running", `href="/live/A"`)
	w := get(s, "/live")
	if wants(t, "live", w, 303); w.Header().Get("Location") != "/live/A" {
		t.Errorf("live leads to %q", w.Header().Get("Location"))
	}
	wants(t, "the page of the run", get(s, "/live/A"), 200, "Live: A", "risk,policy=2", "2,623 (1.01 s)", "1,350", `data-events="/live/A/events"`, `<script src="/live.js" defer></script>`)
	r := openStream(t, addr, "A", "")
	r.want("reset")
	if f := r.want("live").frame(t); f.Cell != "risk,policy=2" || *f.Risk != [3]int64{0, 2623, 2623} {
		t.Errorf("frame %+v", f)
	}
	run.change(func(l *result.Live) { l.Phase = result.PhaseFinished })
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	var last frame
	for e, ok := r.next(); e.kind != "end"; e, ok = r.next() {
		if !ok {
			t.Fatal("the stream broke off")
		}
		last = e.frame(t)
	}
	if !last.Over {
		t.Errorf("the last frame is of phase %s", last.Phase)
	}
	if _, err := os.Lstat(filepath.Join(folder, SocketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	wants(t, "after", get(s, "/live/A"), 200, "Not running")
}

// TestSocketInADeepFolder: a unix address holds 108 bytes, a folder's path may be
// longer.
func TestSocketInADeepFolder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux names an open folder")
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 60))
	folder := save(t, dir, "A", nil)
	announce(t, folder, newRun().snapshot)
	wants(t, "the run", get(newServer(t, dir), "/live/A"), 200, "Live: A")
}

// TestSocketOfADeadRun: what a killed run left is neither followed nor in the way.
func TestSocketOfADeadRun(t *testing.T) {
	dir := t.TempDir()
	folder := save(t, dir, "A", nil)
	path := filepath.Join(folder, SocketName)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, dir)
	wants(t, "the list", get(s, "/"), 200, "complete")
	wants(t, "the page", get(s, "/live/A"), 200, "Not running")
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("looking removed it: %v", err)
	}
	a := announce(t, folder, newRun().snapshot)
	wants(t, "the new run", get(s, "/live/A"), 200, "Live: A")
	if _, err := Announce(folder, newRun().snapshot); err == nil || !strings.Contains(err.Error(), "another run answers") {
		t.Errorf("a second run in the same folder: %v; want that another answers", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "no socket")
	if _, err := Announce(folder, newRun().snapshot); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in its place: %v", err)
	}
	if _, err := Announce(filepath.Join(dir, "missing"), newRun().snapshot); err == nil {
		t.Error("a folder that is not there is announced in")
	}
}

// silentFollowers calls a run with long snapshots until it sends one away, and returns
// how many it took. They read a byte and no more, and stay until the test ends.
func silentFollowers(t *testing.T, dir string) (taken int) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for ; taken < 5*maxFollowers; taken++ {
		c, err := dialSocket(root, SocketName)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if got, err := c.Read(make([]byte, 1)); got == 0 && err != nil {
			break
		}
	}
	return taken
}

// TestFollowersAreBounded: one too many is sent away.
func TestFollowersAreBounded(t *testing.T) {
	dir, run := t.TempDir(), newRun()
	run.change(func(l *result.Live) { l.What = strings.Repeat("w", 1<<20) })
	a, err := announceTo(dir, run.snapshot, time.Hour) // whoever does not read stays
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() }) // when the followers have gone
	if taken := silentFollowers(t, dir); taken != maxFollowers {
		t.Errorf("%d followers are taken; want %d", taken, maxFollowers)
	}
}

// TestSilentFollowersAreGivenUp: those who do not read hold nobody up.
func TestSilentFollowersAreGivenUp(t *testing.T) {
	dir, run := t.TempDir(), newRun()
	run.change(func(l *result.Live) { l.What = strings.Repeat("w", 1<<20) })
	a, err := announceTo(dir, run.snapshot, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	silentFollowers(t, dir)
	waitFor(t, "those who do not read are given up", func() bool { return len(a.places) == 0 })
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if slowFollower <= 0 || slowFollower > 10*time.Second {
		t.Errorf("a run that ends waits %v for whoever does not read", slowFollower)
	}
}

// fakeSocket answers at the socket of a result with text.
func fakeSocket(t testing.TB, folder, text string) {
	l, err := net.Listen("unix", filepath.Join(folder, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, text)
			c.Close()
		}
	}()
}

// TestStrangeSockets: whoever may write in the folder may put anything there.
func TestStrangeSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	live, err := json.Marshal(newRun().snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"silent": "", "garbage": "\x00\xff{{{\n", "no-snapshot": "[1,2,3]\n", "without-end": strings.Repeat("x", 3*maxLine), "cut": string(live[:len(live)/2]),
		"hangs-up": string(live) + "\n",
	} {
		fakeSocket(t, save(t, dir, name, nil), text)
	}
	s := newServer(t, dir)
	addr, _ := listening(t, s)
	var streams []*reader
	for name, want := range map[string]string{
		"silent": "Not running", "garbage": "Not running", "no-snapshot": "Not running", "without-end": "Not running", "cut": "Not running", "hangs-up": "Live: hangs-up",
	} {
		wants(t, name, get(s, "/live/"+name), 200, want)
		streams = append(streams, openStream(t, addr, name, "")) // they take their time beside each other
	}
	for _, r := range streams {
		for e, ok := r.next(); e.kind != "end"; e, ok = r.next() {
			if !ok {
				t.Fatalf("%s: the stream broke off", r.resp.Request.URL)
			}
		}
	}
	wants(t, "metrics", get(s, "/metrics"), 200, `run="hangs-up"`)
	wants(t, "the list", get(s, "/"), 200, "6, newest first.")
}

// TestSocketLinksAreNotFollowed: a link to another socket of this machine is none of
// ours.
func TestSocketLinksAreNotFollowed(t *testing.T) {
	results, outside := withSecret(t)
	other := newRun()
	other.change(func(l *result.Live) { l.What = secret })
	announce(t, outside, other.snapshot)
	for name, target := range map[string]string{"A": filepath.Join(outside, SocketName), "B": "../../outside/" + SocketName} {
		if err := os.Symlink(target, filepath.Join(save(t, results, name, nil), SocketName)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(results, "C")); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, results)
	for _, path := range []string{"/", "/live", "/live/A", "/live/B", "/live/C", "/metrics"} {
		if w := get(s, path); strings.Contains(w.Body.String(), secret) || strings.Contains(w.Body.String(), "Watch it live") {
			t.Errorf("%s follows a link out of the folder:\n%s", path, w.Body)
		}
	}
}

// FuzzSnapshot: whatever a socket says, no page, event or metric breaks.
func FuzzSnapshot(f *testing.F) {
	live, err := json.Marshal(newRun().snapshot())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(live))
	f.Add(`{"tps":1e308,"left_ns":-9223372036854775808,"done":-1e99,"at_risk":{"process":{"commits":-9223372036854775808,"age_ns":-1}}}`)
	f.Add(`{"phase":"\n\n","cell":"\"} 1\nevil 2","params":{"policy":"\\"}}`)
	f.Fuzz(func(t *testing.T, line string) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			fmt.Fprintln(there, line)
			there.Close()
		}()
		in := &follower{here, bufio.NewScanner(here)}
		in.lines.Buffer(nil, maxLine)
		l, err := in.next()
		if err != nil {
			return
		}
		text, err := json.Marshal(newFrame(&l))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if strings.ContainsAny(string(text), "\r\n") {
			t.Errorf("%q: an event of several lines: %q", line, text)
		}
		var m exposition
		m.run("A", &l)
		parseMetrics(t, string(m.text()))
	})
}

// TestAnnouncementAsksAtItsPace: only while somebody listens, and no more often than it
// says.
func TestAnnouncementAsksAtItsPace(t *testing.T) {
	dir := t.TempDir()
	asked := make(chan time.Time, 1000)
	announce(t, dir, func() result.Live {
		asked <- time.Now()
		return result.Live{}
	})
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if len(asked) != 0 {
		t.Error("asked although nobody listens")
	}
	c, err := dialSocket(root, SocketName)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first := <-asked
	for range 5 {
		<-asked
	}
	// One tick may have waited for the first snapshot: the four after it had to come due.
	if took := time.Since(first); took < 3*every {
		t.Errorf("six snapshots within %v; want one each %v", took, every)
	}
}
