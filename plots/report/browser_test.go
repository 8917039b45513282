//go:build browser

package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/plots/browser"
)

// These tests open pages from the disk in a real browser. They need chromium, and
// the network once, for axe-core. FLUSHBENCH_SCREENSHOTS names a folder for pictures
// of the pages.

// shots keeps pictures of the page if somebody wants them.
func shots(b *browser.Browser, name string, keep func(path string)) {
	if dir := os.Getenv("FLUSHBENCH_SCREENSHOTS"); dir != "" {
		keep(filepath.Join(dir, name))
	}
}

// written writes a page and returns its address.
func written(t *testing.T, parts ...Part) string {
	t.Helper()
	path, err := mustReport(t, parts...).Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// long is a result whose names are long and hold no place to break, with a table of
// many columns.
func long() Part {
	r := run()
	word := strings.Repeat("very-long-name", 12)
	e := &r.Environment
	for _, s := range []*string{&e.Host, &e.Dir, &e.MountPoint, &e.MountSource, &e.MountOptions, &e.Kernel, &e.Device.Model, &e.Device.Name, &r.ToolVersion, &r.Error} {
		*s = word
	}
	r.CommandLine = append(r.CommandLine, "--name", word)
	e.Warnings = append(e.Warnings, result.Warning{Code: "x", Text: word, Advice: word})
	part := partOf(r)
	part.Head = append(part.Head, word)
	table := Table{Title: "WIDE", About: word, Note: word}
	var row []string
	for i := range 12 {
		table.Columns = append(table.Columns, Column{fmt.Sprintf("a long head %d", i), i%7 == 0})
		if i == 7 {
			row = append(row, "stopped")
			continue
		}
		row = append(row, []string{"os,policy=1,sync_binlog=100,clients=8,rate=1000", "1,234,567", "32,161 (1.01 s)", "0.071", "-", "(1,310..1,380)", "lost within the window"}[i%7])
	}
	table.Rows = [][]string{row, row}
	part.Tables = append(part.Tables, table)
	return part
}

// TestBrowserLooks holds that pages look right in light, in dark, on a phone and on
// paper: nothing cut off, nothing on top of another, nothing wider than the window;
// and that axe-core finds no serious fault.
func TestBrowserLooks(t *testing.T) {
	pages := map[string]string{"three": written(t, partOf(run()), partOf(lab()), partOf(probe())), "sweep": written(t, partOf(search())), "server": written(t, partOf(labOnServer())), "folded": written(t, partOf(manyTrials(40))), "long": written(t, long()), "empty": written(t, Part{Result: &result.Result{}})}
	b := browser.Start(t)
	for page, url := range pages {
		for i, look := range []browser.Look{
			{Scheme: "light", Width: 1000}, {Scheme: "dark", Width: 1000}, {Scheme: "light", Width: 390}, {Scheme: "dark", Width: 390},
			{Scheme: "light", Width: browser.A4, Print: true}, {Scheme: "dark", Width: browser.A4, Print: true},
		} {
			name := fmt.Sprintf("%s-%s-%d", page, look.Scheme, look.Width)
			b.Show(look)
			b.Open(url)
			if look.Print {
				b.Eval(`document.querySelectorAll("details").forEach(d => { d.open = true; })`)
			}
			shots(b, name+".png", b.Screenshot)
			for _, wrong := range b.Misplaced() {
				t.Errorf("%s: %s", name, wrong)
			}
			if look.Print {
				if paper := b.Eval(`getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color`); paper != "rgb(255, 255, 255)rgb(0, 0, 0)" {
					t.Errorf("%s: paper and ink are %v; want white and black", name, paper)
				}
				continue
			}
			if i > 1 && page != "three" {
				continue // the rules take seconds, and see little else in a narrow window
			}
			for _, wrong := range b.Accessibility() {
				t.Errorf("%s: %s", name, wrong)
			}
		}
		b.Show(browser.Look{Scheme: "light", Width: 1000})
		shots(b, page+".pdf", b.PDF)
	}
}

// TestBrowserAlone holds that a page opened from the disk asks for nothing and has
// nothing to complain of, whatever stands in it.
func TestBrowserAlone(t *testing.T) {
	hostilePart := partOf(run())
	hostilePart.Result.Environment.Host = strings.Join(hostile, " ")
	hostilePart.Head = append(hostilePart.Head, hostile...)
	hostilePart.Tables[0].Rows = append(hostilePart.Tables[0].Rows, hostile)
	b := browser.Start(t)
	for _, url := range []string{written(t, partOf(run()), partOf(lab()), partOf(probe())), written(t, hostilePart)} {
		b.Forget()
		b.Open(url)
		for _, line := range b.Complaints() {
			t.Errorf("%s: console: %s", url, line)
		}
		if got := b.Requests(); len(got) != 1 || got[0] != url {
			t.Errorf("requests for %q; want %s alone", got, url)
		}
	}
	// The test sees what it looks for.
	b.Eval(`console.error("seen"); const i = new Image(); i.src = "http://127.0.0.1:9/x.png"; new Promise(r => { i.onerror = () => r(""); })`)
	if lines := strings.Join(b.Complaints(), "\n"); !strings.Contains(lines, "seen") || !strings.Contains(lines, "Content Security Policy") {
		t.Errorf("the console of a page that misbehaves is empty: %q", lines)
	}
}

// figure is the picture that the tests below use, its values and what shows them.
const (
	figure  = `document.getElementById("p1-throughput")`
	svg     = figure + `.querySelector("svg")`
	frame   = figure + `.querySelector(".scroll")`
	tip     = `document.querySelector(".tip")`
	tipText = `(` + tip + `.hidden ? "" : ` + tip + `.textContent)`
	box     = svg + `.getAttribute("viewBox").split(" ").map(Number)`
)

// openRun opens the page of a run, pictures in view.
func openRun(t *testing.T) *browser.Browser {
	t.Helper()
	b := browser.Start(t)
	b.Show(browser.Look{Scheme: "light", Width: 1000})
	b.Open(written(t, partOf(run())))
	return b
}

// TestBrowserValues holds that values show under the mouse and by the arrow keys.
func TestBrowserValues(t *testing.T) {
	b := openRun(t)
	// The mouse, on a point and nearby, then away.
	at := b.Middle(svg + `.querySelector(".point")`)
	b.Move(browser.Point{X: at.X + 4, Y: at.Y}, 0)
	b.Until(`/1,350/.test(` + tipText + `)`)
	if b.Eval(svg+`.querySelectorAll(".seen").length`) != 1.0 {
		t.Error("the point under the mouse is not marked")
	}
	b.Move(browser.Point{X: 2, Y: 2}, 0)
	b.Until(tipText + ` === ""`)
	if b.Eval(`document.querySelectorAll("g > title").length`) != 0.0 {
		t.Error("the browser's own tips are left beside ours")
	}

	// Lines over time tell what stands in each piece of it, wherever the mouse is.
	const strip = `document.querySelector("#p1-timeline .strip")`
	b.Move(b.Middle(strip), 0)
	b.Until(`/ s: .*commits\/s.*mean .* ms/.test(` + tipText + `)`)

	// The keyboard: Tab reaches the frame, arrows step, Escape ends.
	b.Move(browser.Point{X: 2, Y: 2}, 0)
	b.Until(tipText + ` === ""`)
	b.Eval(`document.activeElement.blur(); ` + figure + `.querySelector(".tools span button:last-of-type").focus()`)
	b.Key("Tab")
	b.Until(`document.activeElement === ` + frame)
	b.Key("ArrowRight")
	b.Until(tipText + ` !== ""`)
	first := b.Eval(tipText)
	b.Key("ArrowRight")
	b.Until(tipText + ` !== ` + fmt.Sprintf("%q", first))
	if b.Eval(`document.querySelector("[aria-live]").textContent === `+tipText) != true {
		t.Error("a screen reader does not hear the value")
	}
	b.Key("ArrowLeft")
	b.Until(tipText + ` === ` + fmt.Sprintf("%q", first))
	b.Key("Escape")
	b.Until(tipText + ` === ""`)
}

// TestBrowserSeries holds that a series goes and comes back, by mouse and keyboard.
func TestBrowserSeries(t *testing.T) {
	b := openRun(t)
	const button = `[...` + figure + `.querySelectorAll("button")].find(b => b.textContent === "policy 1")`
	const drawn = `[...` + svg + `.querySelectorAll('[data-series="policy 1"]')].filter(g => getComputedStyle(g).display !== "none").length`
	if b.Eval(drawn) == 0.0 {
		t.Fatal("no series to hide")
	}
	b.Click(button)
	b.Until(drawn + ` === 0 && ` + button + `.getAttribute("aria-pressed") === "false"`)
	// What is hidden tells nothing.
	b.Move(b.Middle(svg), 0)
	if text := b.Eval(tipText).(string); strings.HasPrefix(text, "policy 1,") {
		t.Errorf("a hidden series shows %q", text)
	}
	b.Click(button)
	b.Until(drawn + ` > 0 && ` + button + `.getAttribute("aria-pressed") === "true"`)
	b.Eval(button + `.focus()`)
	b.Key(" ")
	b.Until(drawn + ` === 0`)
	b.Key("Enter")
	b.Until(drawn + ` > 0`)
}

// TestBrowserZoom holds that a picture is zoomed, moved and shown whole again, by
// buttons, wheel, dragging and keys.
func TestBrowserZoom(t *testing.T) {
	b := openRun(t)
	whole := fmt.Sprint(b.Eval(box))
	width := func() float64 { return b.Eval(box).([]any)[2].(float64) }
	isWhole := box + `.join() === ` + fmt.Sprintf("%q", b.Eval(box+`.join()`))
	full := width()

	b.Click(figure + `.querySelector('[aria-label="Zoom in"]')`)
	b.Until(box + fmt.Sprintf(`[2] < %v`, full))
	near := width()
	middle := b.Middle(svg)
	before := b.Eval(box).([]any)[0].(float64)
	b.Press(middle)
	b.Move(browser.Point{X: middle.X - 60, Y: middle.Y}, 1)
	b.Release(browser.Point{X: middle.X - 60, Y: middle.Y})
	b.Until(box + fmt.Sprintf(`[0] > %v`, before))
	b.Wheel(middle, -100, true)
	b.Until(box + fmt.Sprintf(`[2] < %v`, near))
	// A plain wheel is the page's.
	closer, top := width(), b.Eval(`scrollY`).(float64)
	b.Wheel(middle, 100, false)
	b.Until(fmt.Sprintf(`scrollY > %v`, top))
	if got := width(); got != closer {
		t.Errorf("a plain wheel zooms: %v wide, %v before", got, closer)
	}
	b.Click(figure + `.querySelector('[aria-label="Whole picture"]')`)
	b.Until(isWhole)

	b.Eval(frame + `.focus()`)
	b.Key("+")
	b.Until(box + fmt.Sprintf(`[2] < %v`, full))
	b.Key("-")
	b.Until(isWhole)
	b.Key("+")
	b.Key("+")
	b.Key("0")
	b.Until(isWhole)
	if got := fmt.Sprint(b.Eval(box)); got != whole {
		t.Errorf("the picture is %s in the end; want %s", got, whole)
	}
}
