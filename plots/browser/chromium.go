package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
)

// patience bounds a wait. On a machine that is only slow nothing comes near it: with
// fifty others at work for each processor a page that loads 75 times took over a minute.
const patience = 5 * time.Minute

// Browser is a chromium with one page.
type Browser struct {
	t       testing.TB
	out     *os.File // to the browser: JSON messages, each ended by a zero byte
	session string
	answers chan message
	nextID  int

	mu struct {
		sync.Mutex
		said  []string // on the console, and in the browser's log
		asked []string // addresses
	}
}

// message is an answer to a call, or an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Start starts a browser that ends with the test. It fails the test where there is
// no chromium.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: apt-get install chromium", err)
	}
	toBrowser, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	theirs, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
		"--remote-debugging-pipe", "--user-data-dir="+filepath.Join(dir, "home"), "about:blank")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)       // what it would leave beside its home, when it is killed
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3: it reads, 4: it writes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = toBrowser.Close()
	_ = fromBrowser.Close()
	b := &Browser{t: t, out: ours, answers: make(chan message, 100)}
	done := make(chan struct{})
	go func() { defer close(done); b.listen(theirs) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = ours.Close()
		<-done
		_ = theirs.Close()
		_ = os.RemoveAll(dir)
	})
	var target struct{ TargetID string }
	b.result(b.call("Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	var attached struct{ SessionID string }
	b.result(b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
	return b
}

// prefix begins the names of the browsers' folders.
const prefix = "flushbench-chromium-"

// folder makes a folder for all that a browser writes, and removes those that killed
// tests have left. It is not t.TempDir: the last helpers may still write while it is
// removed. And it is in no other folder than /tmp: the browser makes a socket in it, whose
// path has to be short.
func folder() (string, error) { return testenv.MakeIn("/tmp", prefix) }

// listen reads messages until the browser ends.
func (b *Browser) listen(from *os.File) {
	defer close(b.answers)
	in := bufio.NewReader(from)
	for {
		data, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		if m.ID != 0 {
			b.answers <- m
			continue
		}
		b.event(&m)
	}
}

// event keeps what the page said and asked for.
func (b *Browser) event(m *message) {
	var p struct {
		Type    string
		Entry   struct{ Level, Text, URL string }
		Request struct{ URL string }
		URL     string
		Args    []struct{ Value any }
	}
	_ = json.Unmarshal(m.Params, &p) // what does not fit is of no interest
	b.mu.Lock()
	defer b.mu.Unlock()
	switch m.Method {
	case "Network.requestWillBeSent":
		b.mu.asked = append(b.mu.asked, p.Request.URL)
	case "Network.webSocketCreated":
		b.mu.asked = append(b.mu.asked, p.URL)
	case "Log.entryAdded":
		b.mu.said = append(b.mu.said, strings.TrimSpace(p.Entry.Level+": "+p.Entry.Text+" "+p.Entry.URL))
	case "Runtime.consoleAPICalled":
		b.mu.said = append(b.mu.said, fmt.Sprint(p.Type, ": ", p.Args))
	case "Runtime.exceptionThrown":
		b.mu.said = append(b.mu.said, string(m.Params))
	}
}

// call sends a command and returns its result.
func (b *Browser) call(method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	result, failed := b.try(method, params)
	if failed != "" {
		b.t.Fatalf("%s: %s", method, failed)
	}
	return result
}

// try sends a command and returns its result, or what the browser says is wrong.
func (b *Browser) try(method string, params map[string]any) (result json.RawMessage, failed string) {
	b.t.Helper()
	b.nextID++
	m := map[string]any{"id": b.nextID, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	data, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(data, 0)); err != nil {
		b.t.Fatal(err)
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case a, open := <-b.answers:
			if !open {
				b.t.Fatalf("%s: the browser has ended", method)
			}
			if a.ID == b.nextID {
				return a.Result, a.Error.Message
			}
		case <-limit.C:
			b.t.Fatalf("%s: no answer in %v", method, patience)
		}
	}
}

func (b *Browser) result(data json.RawMessage, into any) {
	b.t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		b.t.Fatal(err)
	}
}

// Complaints returns what the page and the browser said of it since Forget: console,
// exceptions, refused requests.
func (b *Browser) Complaints() []string {
	b.t.Helper()
	b.Eval("0") // what came before it is here
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.mu.said...)
}

// Requests returns the addresses that were asked for since Forget, without
// about:blank and data.
func (b *Browser) Requests() []string {
	b.t.Helper()
	b.Eval("0")
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, url := range b.mu.asked {
		if !strings.HasPrefix(url, "about:") && !strings.HasPrefix(url, "data:") {
			out = append(out, url)
		}
	}
	return out
}

// Forget begins Complaints and Requests anew.
func (b *Browser) Forget() {
	b.t.Helper()
	b.Eval("0")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.said, b.mu.asked = nil, nil
}
