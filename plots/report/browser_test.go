//go:build browser

package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrowser opens a page from the disk in a real browser: no complaint on its
// console, no request, and values, series and zoom work by pointer and keyboard, in
// light, in dark and on a phone. It needs chromium. FLUSHBENCH_SCREENSHOTS names a
// folder for pictures of it.
func TestBrowser(t *testing.T) {
	dir := t.TempDir()
	path, err := mustReport(t, partOf(run()), partOf(lab()), partOf(probe())).Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := startBrowser(t)
	for _, c := range []struct {
		name, scheme string
		width        int
	}{{"light", "light", 1000}, {"dark", "dark", 1000}, {"phone", "light", 390}, {"phone-dark", "dark", 390}} {
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": c.width, "height": 900, "deviceScaleFactor": 1, "mobile": c.width < 500})
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": c.scheme}}})
		b.open("file://" + path)
		if wide := b.eval("document.documentElement.scrollWidth"); wide != float64(c.width) {
			t.Errorf("%s: the page is %v wide; want %d: it must not scroll sideways", c.name, wide, c.width)
		}
		if shots := os.Getenv("FLUSHBENCH_SCREENSHOTS"); shots != "" {
			b.screenshot(filepath.Join(shots, c.name+".png"))
		}
		if got := b.eval(pageWorks); got != "" {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, line := range b.complaints() {
		t.Errorf("console: %s", line)
	}
	for _, url := range b.requests() {
		if url != "file://"+path && !strings.HasPrefix(url, "data:") {
			t.Errorf("a request for %s", url)
		}
	}
	// The test sees what it looks for.
	b.eval(`console.error("seen"); const i = new Image(); i.src = "http://127.0.0.1:9/x.png"; new Promise(r => { i.onerror = () => r(""); })`)
	if lines := strings.Join(b.complaints(), "\n"); !strings.Contains(lines, "seen") || !strings.Contains(lines, "Content Security Policy") {
		t.Errorf("the console of a page that misbehaves is empty: %q", lines)
	}
}

// pageWorks tries what the script does, and returns what is wrong.
const pageWorks = `(async () => {
	const wrong = [];
	const check = (ok, what) => { if (!ok) wrong.push(what); };
	const figure = document.getElementById("p1-throughput"), svg = figure.querySelector("svg"), frame = figure.querySelector(".scroll");
	const tip = document.querySelector(".tip");
	figure.scrollIntoView({ block: "center" });
	await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)));

	// Values, by pointer.
	const points = [...svg.querySelectorAll(".point")];
	check(points.length > 1, "no points");
	const at = points[0].getBoundingClientRect();
	const move = (x, y) => svg.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
	move(at.left + at.width / 2 + 3, at.top + at.height / 2);
	check(!tip.hidden && /1,350/.test(tip.textContent), "a pointer on the first point shows " + JSON.stringify(tip.textContent));
	svg.dispatchEvent(new PointerEvent("pointerleave"));
	check(tip.hidden, "the value stays when the pointer leaves");
	check(!svg.querySelector("g > title"), "the browser's own tips are left beside ours");

	// Values, by keyboard.
	frame.focus();
	const key = (k) => frame.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
	key("ArrowRight");
	const first = tip.textContent;
	key("ArrowRight");
	check(!tip.hidden && first && tip.textContent !== first, "the arrow keys do not step from value to value");
	check(document.querySelector("[aria-live]").textContent === tip.textContent, "a screen reader does not hear the value");
	key("Escape");
	check(tip.hidden, "Escape does not take the value away");

	// Series.
	const button = [...figure.querySelectorAll("button")].find(b => b.textContent === "policy 1");
	const drawn = () => [...svg.querySelectorAll('[data-series="policy 1"]')].filter(g => getComputedStyle(g).display !== "none").length;
	check(button && drawn() > 0, "no series to hide");
	button.click();
	check(drawn() === 0 && button.getAttribute("aria-pressed") === "false", "a series does not go");
	button.click();
	check(drawn() > 0 && button.getAttribute("aria-pressed") === "true", "a series does not come back");

	// Zoom.
	const box = () => svg.getAttribute("viewBox").split(" ").map(Number);
	const whole = box();
	figure.querySelector('[aria-label="Zoom in"]').click();
	const near = box();
	check(near[2] < whole[2] && near[0] > whole[0], "zooming in does nothing");
	const r = svg.getBoundingClientRect();
	const drag = (type, x) => svg.dispatchEvent(new PointerEvent(type, { clientX: r.left + x, clientY: r.top + 50, pointerId: 1, button: 0, bubbles: true }));
	svg.setPointerCapture = () => {};
	drag("pointerdown", 100); drag("pointermove", 60); drag("pointerup", 60);
	check(box()[0] > near[0], "dragging does not move the picture");
	svg.dispatchEvent(new WheelEvent("wheel", { deltaY: -1, ctrlKey: true, clientX: r.left + 10, clientY: r.top + 10, cancelable: true }));
	check(box()[2] < near[2], "the wheel does not zoom");
	const closer = box();
	check(svg.dispatchEvent(new WheelEvent("wheel", { deltaY: -1, cancelable: true })) && box()[2] === closer[2], "a plain wheel is taken from the page");
	key("0");
	check(box().join() === whole.join(), "0 does not show the whole picture");

	// Every control has a name, every text contrast enough.
	for (const b of document.querySelectorAll("button, summary, a")) check((b.getAttribute("aria-label") || b.textContent).trim(), "a control without a name");
	const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
	const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
	const paperOf = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c; } return "rgb(255, 255, 255)"; };
	for (const e of document.querySelectorAll("p, th, td, li, dt, dd, caption, h1, h2, h3, a, .badge, code, button, summary")) {
		if (!e.textContent.trim()) continue;
		const a = light(getComputedStyle(e).color), b = light(paperOf(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		check(ratio >= 4.5, "contrast " + ratio.toFixed(2) + " of " + e.tagName + " " + e.className + " " + e.textContent.slice(0, 40));
	}
	return [...new Set(wrong)].join("; ");
})()`
