//go:build browser

package report

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser drives a headless chromium through its debugging pipe: JSON messages, each
// ended by a zero byte. One goroutine may call it.
type browser struct {
	t       testing.TB
	out     *os.File
	session string
	answers chan message

	mu struct {
		sync.Mutex
		said  []string // on the console
		asked []string // URLs
	}
	nextID int
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

// patience bounds a call; it is only met when the browser hangs.
const patience = time.Minute

func startBrowser(t testing.TB) *browser {
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
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3: it reads, 4: it writes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toBrowser.Close()
	fromBrowser.Close()
	b := &browser{t: t, out: ours, answers: make(chan message, 100)}
	done := make(chan struct{})
	go func() { defer close(done); b.listen(theirs) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		ours.Close()
		<-done
		theirs.Close()
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

// listen reads messages until the browser ends.
func (b *browser) listen(from *os.File) {
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

func (b *browser) event(m *message) {
	var p struct {
		Type    string
		Entry   struct{ Level, Text string }
		Request struct{ URL string }
		Args    []struct{ Value any }
	}
	_ = json.Unmarshal(m.Params, &p) // what does not fit is of no interest
	b.mu.Lock()
	defer b.mu.Unlock()
	switch m.Method {
	case "Network.requestWillBeSent":
		b.mu.asked = append(b.mu.asked, p.Request.URL)
	case "Log.entryAdded":
		b.mu.said = append(b.mu.said, p.Entry.Level+": "+p.Entry.Text)
	case "Runtime.consoleAPICalled":
		b.mu.said = append(b.mu.said, fmt.Sprint(p.Type, ": ", p.Args))
	case "Runtime.exceptionThrown":
		b.mu.said = append(b.mu.said, string(m.Params))
	}
}

// call sends a command and returns its result.
func (b *browser) call(method string, params map[string]any) json.RawMessage {
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
	limit := time.After(patience)
	for {
		select {
		case a, open := <-b.answers:
			if !open {
				b.t.Fatalf("%s: the browser has ended", method)
			}
			if a.ID != b.nextID {
				continue
			}
			if a.Error.Message != "" {
				b.t.Fatalf("%s: %s", method, a.Error.Message)
			}
			return a.Result
		case <-limit:
			b.t.Fatalf("%s: no answer", method)
		}
	}
}

func (b *browser) result(data json.RawMessage, into any) {
	b.t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		b.t.Fatal(err)
	}
}

// open shows a page and waits until all of it is there.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url})
	if got := b.eval(`new Promise(r => { const look = () => document.readyState === "complete" && location.protocol === "file:" ? r("") : setTimeout(look, 10); look(); })`); got != "" {
		b.t.Fatalf("open %s: %v", url, got)
	}
}

// eval runs an expression, waits for a promise, and returns its value.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.result(b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}), &out)
	if e := out.ExceptionDetails; e != nil {
		b.t.Fatalf("%s %s", e.Text, e.Exception.Description)
	}
	return out.Result.Value
}

// screenshot keeps a picture of the whole page.
func (b *browser) screenshot(path string) {
	b.t.Helper()
	var out struct{ Data string }
	b.result(b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}), &out)
	data, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// complaints returns what the console was told.
func (b *browser) complaints() []string {
	b.eval("0") // what came before it is here
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.mu.said...)
}

// requests returns the addresses that were asked for, without about:blank.
func (b *browser) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, url := range b.mu.asked {
		if !strings.HasPrefix(url, "about:") {
			out = append(out, url)
		}
	}
	return out
}
