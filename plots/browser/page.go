package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Look is how a page is shown.
type Look struct {
	Scheme string // light or dark
	Width  int    // of the window, in CSS pixels; below 500 it is a phone's
	Print  bool   // as on paper
}

// A4 is the width of a sheet of paper without its margins, in CSS pixels: 210 mm
// less 10 mm on both sides.
const A4 = 718

// Show makes the page look so from now on.
func (b *Browser) Show(l Look) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": l.Width, "height": 900, "deviceScaleFactor": 1, "mobile": l.Width < 500})
	media := ""
	if l.Print {
		media = "print"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []any{map[string]any{"name": "prefers-color-scheme", "value": l.Scheme}}})
}

// Open shows the page at url, or the one that the server leads to from there, and waits
// until all of it is there.
func (b *Browser) Open(url string) {
	b.t.Helper()
	var answer struct{ ErrorText, LoaderID string } // no loader: within the page that is shown
	b.result(b.call("Page.navigate", map[string]any{"url": url}), &answer)
	if answer.ErrorText != "" {
		b.t.Fatalf("open %s: %s", url, answer.ErrorText)
	}
	for end := time.Now().Add(patience); answer.LoaderID != ""; time.Sleep(5 * time.Millisecond) {
		var shown struct {
			FrameTree struct {
				Frame struct{ LoaderID, URL string }
			}
		}
		b.result(b.call("Page.getFrameTree", nil), &shown)
		if shown.FrameTree.Frame.LoaderID == answer.LoaderID {
			break
		}
		if time.Now().After(end) {
			b.t.Fatalf("open %s: not within %v; %s is shown", url, patience, shown.FrameTree.Frame.URL)
		}
	}
	b.Until(`document.readyState === "complete"`)
}

// Until waits until the condition, in JavaScript, holds. A page that goes away
// meanwhile is no error: the condition is asked of the next one.
func (b *Browser) Until(condition string) {
	b.t.Helper()
	// The browser looks again at every frame and gives up after a while, so that a
	// page which shows no frames, or went away, is asked again.
	expression := fmt.Sprintf(`new Promise(r => { const end = performance.now() + 1000; const look = () => {
		let ok = false; try { ok = !!(%s); } catch {}
		if (ok || performance.now() > end) r(ok); else setTimeout(look, 15); }; look(); })`, condition)
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		value, failed := b.value(expression)
		if value == true {
			return
		}
		last = failed
	}
	says, failed := b.value("document.body && document.body.innerText.slice(0, 600)")
	b.t.Fatalf("%s: not within %v %s; the page says %q %s", condition, patience, last, says, failed)
}

// Eval runs an expression, waits for a promise, and returns its value: a bool, a
// float64, a string, a []any, a map[string]any or nil.
func (b *Browser) Eval(expression string) any {
	b.t.Helper()
	value, failed := b.value(expression)
	if failed != "" {
		b.t.Fatalf("%.200s: %s", expression, failed)
	}
	return value
}

// Words is Eval of an expression that gives a list of texts.
func (b *Browser) Words(expression string) []string {
	b.t.Helper()
	list, ok := b.Eval(expression).([]any)
	if !ok {
		b.t.Fatalf("%.200s: no list", expression)
	}
	out := make([]string, len(list))
	for i := range list {
		out[i] = fmt.Sprint(list[i])
	}
	return out
}

// value runs an expression and returns its value, or what is wrong with it.
func (b *Browser) value(expression string) (value any, failed string) {
	b.t.Helper()
	data, failed := b.try("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true})
	if failed != "" {
		return nil, failed
	}
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.result(data, &out)
	if e := out.ExceptionDetails; e != nil {
		return nil, e.Text + " " + e.Exception.Description
	}
	return out.Result.Value, ""
}

// Point is a place in the window, in CSS pixels.
type Point struct{ X, Y float64 }

// Middle returns where the middle of an element stands, an expression in JavaScript,
// after it was brought into view.
func (b *Browser) Middle(element string) Point {
	b.t.Helper()
	at, ok := b.Eval(fmt.Sprintf(`(async () => { const e = %s; e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
		const r = e.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`, element)).([]any)
	if !ok || len(at) != 2 {
		b.t.Fatalf("%s: no place", element)
	}
	return Point{at[0].(float64), at[1].(float64)}
}

// Move moves the mouse. buttons is 1 while the left one is down.
func (b *Browser) Move(to Point, buttons int) {
	b.t.Helper()
	button := "none"
	if buttons == 1 {
		button = "left"
	}
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": to.X, "y": to.Y, "button": button, "buttons": buttons})
}

// Press presses the left button of the mouse at a place, Release lets it go.
func (b *Browser) Press(at Point) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mousePressed", "x": at.X, "y": at.Y, "button": "left", "buttons": 1, "clickCount": 1})
}

// Release lets the left button of the mouse go.
func (b *Browser) Release(at Point) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseReleased", "x": at.X, "y": at.Y, "button": "left", "clickCount": 1})
}

// Click clicks an element, an expression in JavaScript, with the mouse.
func (b *Browser) Click(element string) {
	b.t.Helper()
	at := b.Middle(element)
	b.Move(at, 0)
	b.Press(at)
	b.Release(at)
}

// Wheel turns the wheel of the mouse by so many pixels (above 0: down), with the
// control key or without it.
func (b *Browser) Wheel(at Point, by float64, control bool) {
	b.t.Helper()
	modifiers := 0
	if control {
		modifiers = 2
	}
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": at.X, "y": at.Y, "deltaX": 0, "deltaY": by, "modifiers": modifiers})
}

// codes are the keys that are no letters.
var codes = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// Key presses and releases a key, by its name in JavaScript: "a", "Enter".
func (b *Browser) Key(name string) {
	b.t.Helper()
	code, text := codes[name], ""
	switch {
	case name == "Enter":
		text = "\r"
	case len(name) == 1:
		text = name
		if code == 0 {
			code = int(strings.ToUpper(name)[0])
		}
	}
	key := map[string]any{"type": "keyDown", "key": name, "windowsVirtualKeyCode": code}
	if text != "" {
		key["text"] = text
	}
	b.call("Input.dispatchKeyEvent", key)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "windowsVirtualKeyCode": code})
}

// Screenshot keeps a picture of the whole page.
func (b *Browser) Screenshot(path string) {
	b.t.Helper()
	b.keep(path, b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}))
}

// PDF keeps the page as it would be printed, on A4 with margins of 10 mm.
func (b *Browser) PDF(path string) {
	b.t.Helper()
	b.keep(path, b.call("Page.printToPDF", map[string]any{"paperWidth": 8.27, "paperHeight": 11.69, "marginLeft": 0.39, "marginRight": 0.39, "marginTop": 0.39, "marginBottom": 0.39, "printBackground": false}))
}

func (b *Browser) keep(path string, answer json.RawMessage) {
	b.t.Helper()
	var out struct{ Data string }
	b.result(answer, &out)
	data, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
