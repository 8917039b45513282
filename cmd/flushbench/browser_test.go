//go:build browser

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"flushbench/metrics/result"
	"flushbench/plots/browser"
)

// keep saves r below results under its name, and returns that of its folder.
func keep(t *testing.T, results string, r *result.Result) string {
	t.Helper()
	dir, err := new(result.Saver).CreateFolder(results, r)
	if err != nil {
		t.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(dir)
}

// served starts flushbench serve in a process of its own, which ends with the test,
// and returns its address.
func served(t *testing.T, results string) string {
	t.Helper()
	cmd := exec.Command(binary, "serve", results, "--listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve ends with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://[^ ]+/`).FindString(line)
	if url == "" {
		t.Fatalf("serve prints %q, %v; want its address", line, err)
	}
	return url
}

// sane holds that the page that is open looks right in light and in dark, in a wide
// and in a narrow window, that axe-core finds no serious fault, and that it complains
// of nothing and asks nobody but the server.
func sane(t *testing.T, b *browser.Browser, page, host string) {
	t.Helper()
	for _, look := range []browser.Look{{Scheme: "dark", Width: 390}, {Scheme: "light", Width: 390}, {Scheme: "dark", Width: 1000}, {Scheme: "light", Width: 1000}} {
		b.Show(look)
		for _, wrong := range b.Misplaced() {
			t.Errorf("%s, %+v: %s", page, look, wrong)
		}
		if look.Width == 1000 {
			for _, wrong := range b.Accessibility() {
				t.Errorf("%s, %+v: %s", page, look, wrong)
			}
		}
		if dir := os.Getenv("FLUSHBENCH_SCREENSHOTS"); dir != "" {
			b.Screenshot(filepath.Join(dir, "serve-"+page+"-"+look.Scheme+map[bool]string{true: "-phone"}[look.Width < 500]+".png"))
		}
	}
	for _, line := range b.Complaints() {
		t.Errorf("%s: console: %s", page, line)
	}
	for _, url := range b.Requests() {
		if !strings.HasPrefix(url, host) {
			t.Errorf("%s: a request for %s", page, url)
		}
	}
	b.Forget()
}

// TestBrowserServe lists results, compares two that were chosen, and opens a report.
func TestBrowserServe(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results")
	older, newer := keep(t, results, compared(5, 1)), keep(t, results, compared(5, 1.5))
	probe := keep(t, results, probeResult())
	host := served(t, results)
	b := browser.Start(t)

	b.Show(browser.Look{Scheme: "light", Width: 1000})
	b.Open(host)
	for _, name := range []string{older, newer, probe} {
		if b.Eval(`document.body.innerText.includes("`+name+`")`) != true {
			t.Errorf("the list lacks %s", name)
		}
	}
	sane(t, b, "list", host)

	for _, name := range []string{older, newer} {
		b.Click(`document.querySelector('input[value="` + name + `"]')`)
	}
	b.Click(`[...document.querySelectorAll("button")].find(b => /Compare/.test(b.textContent))`)
	b.Until(`location.pathname === "/compare" && document.readyState === "complete" && document.querySelectorAll("table tbody tr").length > 0`)
	if text := b.Eval(`document.querySelector(".answer").innerText`).(string); !strings.Contains(text, "faster") {
		t.Errorf("half as fast again is answered by %q; want faster", text)
	}
	sane(t, b, "compare", host)

	b.Click(`document.querySelector('a[href="/report/` + newer + `"]')`)
	b.Until(`location.pathname === "/report/` + newer + `" && document.readyState === "complete" && document.querySelectorAll("figure svg").length > 0`)
	sane(t, b, "report", host)

	// The keyboard alone: from the list's first link to its report.
	b.Open(host)
	b.Eval(`document.querySelector(".result h2 a").focus()`)
	b.Key("Enter")
	b.Until(`location.pathname.startsWith("/report/") && document.readyState === "complete"`)
	b.Open(host + "live")
	sane(t, b, "no-run", host)
}

// TestBrowserFollows watches a run of another process as it happens, to its end and
// its report.
func TestBrowserFollows(t *testing.T) {
	dir := t.TempDir()
	results := filepath.Join(dir, "results")
	if err := os.Mkdir(results, 0o755); err != nil {
		t.Fatal(err)
	}
	host := served(t, results)
	b := browser.Start(t)
	b.Show(browser.Look{Scheme: "light", Width: 1000})

	// So long that the browser sees it on any machine; it is stopped when it was seen.
	run := exec.Command(binary, "run", "--policy", "2", "--clients", "2", "--rate", "500", "--rounds", "40", "--warmup", "5ms", "--duration", "10s",
		"--log-capacity", "8M", "--log-buffer-size", "1M", "--allow-volatile", "--beside-live-database", "--results", "results")
	run.Dir = dir
	var said strings.Builder
	run.Stdout, run.Stderr = &said, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	t.Cleanup(func() { _ = run.Process.Kill() }) // no harm where it has ended

	for b.Open(host + "live"); b.Eval(`!!document.querySelector("#live")`) != true; b.Open(host + "live") {
		select {
		case err := <-ended: // before anybody could look at it
			t.Fatalf("the run ended, %v; it said\n%s", err, said.String())
		default:
		}
	}
	b.Until(`document.getElementById("phase").textContent === "measured"`)
	// Figures move and pictures grow.
	const reached = `document.querySelector(".now").innerText`
	b.Until(`window.first ??= ` + reached + `, window.first !== ` + reached)
	b.Until(`[...document.querySelectorAll("#charts path.line")].filter(p => (p.getAttribute("d") || "").split("L").length > 5).length >= 4`)
	b.Click(`document.getElementById("pause")`)
	b.Until(`document.getElementById("pause").getAttribute("aria-pressed") === "true"`)
	b.Show(browser.Look{Scheme: "light", Width: 390}) // turned while the pictures stand still, they still fit
	b.Until(`[...document.querySelectorAll("#charts svg.chart")].every(s => Math.abs(s.viewBox.baseVal.width - s.clientWidth) < 2)`)
	sane(t, b, "live", host)
	b.Click(`document.getElementById("pause")`)

	if err := run.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ended
	b.Until(`document.getElementById("live").dataset.ended === "true"`)
	if got := b.Eval(`document.getElementById("problem").textContent`); got != "The run has ended." {
		t.Errorf("a run that was stopped is shown as %v; it said\n%s", got, said.String())
	}
	for _, line := range b.Complaints() {
		t.Errorf("the end: console: %s", line)
	}
	b.Click(`document.querySelector("#after a")`)
	b.Until(`location.pathname.startsWith("/report/") && document.readyState === "complete" && /flushbench run/.test(document.querySelector("h2").textContent)`)
	sane(t, b, "interrupted", host)
}
