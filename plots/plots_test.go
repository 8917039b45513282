package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

// fixtures returns a result of every kind that has pictures.
func fixtures() map[string]*result.Result {
	mixed := runResult()
	mixed.CrashTrials = crashResult().CrashTrials
	return map[string]*result.Result{
		"run": runResult(), "bank": bankResult(), "probe": probeResult(), "crash": crashResult(), "wide": wideResult(), "mixed": mixed,
		"sweep": sweepResult(), "circle": circleResult(), "trace": traceResult(),
	}
}

// TestApplicable: a result gets the pictures that it has data for.
func TestApplicable(t *testing.T) {
	want := map[string]string{
		"run":    "added-latency throughput at-risk latency-percentiles throughput-latency group-commit stages timeline",
		"bank":   "throughput latency-percentiles throughput-latency group-commit policy-sync-binlog stages timeline",
		"probe":  "flush-methods",
		"crash":  "at-risk crash-trials",
		"sweep":  "knee",
		"circle": "throughput latency-percentiles group-commit log-capacity stages timeline",
		"trace":  "commit-trace",
		"wide":   "throughput latency-percentiles throughput-latency group-commit stages timeline",
		"mixed":  "added-latency throughput at-risk crash-trials latency-percentiles throughput-latency group-commit stages timeline",
	}
	for name, r := range fixtures() {
		var got []string
		for _, p := range All(r) {
			got = append(got, p.Name)
			if p.Title == "" || p.Alt == "" || len(p.Alt) > 2000 {
				t.Errorf("%s, %s: title %q, alt of %d bytes; want both, the latter short", name, p.Name, p.Title, len(p.Alt))
			}
		}
		if strings.Join(got, " ") != want[name] {
			t.Errorf("All(%s) = %q; want %q", name, got, want[name])
		}
	}
	if got := All(nil); len(got) != 0 {
		t.Errorf("All(nil) = %v; want nothing", got)
	}
	if got := All(&result.Result{}); len(got) != 0 {
		t.Errorf("All of an empty result = %v; want nothing", got)
	}
}

// svg returns the picture as SVG and checks that it is well-formed.
func svg(t testing.TB, p *Plot) string {
	t.Helper()
	var buf bytes.Buffer
	if err := p.WriteSVG(&buf); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	dec := xml.NewDecoder(bytes.NewReader(buf.Bytes()))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: the SVG is no XML: %v", p.Name, err)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "http:", "https:", "url(", "<script", "%!"} {
		if strings.Contains(strings.ReplaceAll(buf.String(), "http://www.w3.org/2000/svg", ""), bad) {
			t.Fatalf("%s: the SVG holds %q", p.Name, bad)
		}
	}
	return buf.String()
}

// TestGoldenSVG compares every picture with testdata.
func TestGoldenSVG(t *testing.T) {
	for name, r := range fixtures() {
		if name == "mixed" || name == "wide" {
			continue
		}
		for _, p := range All(r) {
			if name == "circle" && p.Name != "log-capacity" {
				continue // as of any other run
			}
			testenv.Golden(t, name+"-"+p.Name+".svg", svg(t, &p))
		}
	}
}

// TestGoldenPNG compares two pictures dot by dot. Rounding differs between
// processors, so a few dots may.
func TestGoldenPNG(t *testing.T) {
	for name, p := range map[string]Plot{
		"run-throughput": named(t, runResult(), "throughput"), "probe-flush-methods": named(t, probeResult(), "flush-methods"),
	} {
		var buf bytes.Buffer
		if err := p.WritePNG(&buf, 72); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".png")
		if testenv.Update() {
			if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (go test ./plots -update writes it)", err)
		}
		want, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&buf)
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds() != want.Bounds() {
			t.Fatalf("%s: %v; want %v", file, got.Bounds(), want.Bounds())
		}
		if share := different(got, want); share > 0.002 {
			t.Errorf("%s: %.2f %% of the dots differ (go test ./plots -update, then look at the picture)", file, 100*share)
		}
	}
}

// different returns the share of dots whose colours differ visibly.
func different(a, b image.Image) float64 {
	n, all := 0, a.Bounds()
	for y := all.Min.Y; y < all.Max.Y; y++ {
		for x := all.Min.X; x < all.Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2)} {
				if d > 24<<8 || d < -24<<8 {
					n++
					break
				}
			}
		}
	}
	return float64(n) / float64(all.Dx()*all.Dy())
}

// TestSameBytes: a picture is the same each time, also beside others.
func TestSameBytes(t *testing.T) {
	first, second := All(runResult()), All(runResult())
	for i := range first {
		once, again := svg(t, &first[i]), svg(t, &first[i])
		if once != again || once != svg(t, &second[i]) {
			t.Errorf("%s: two pictures of the same result differ", first[i].Name)
		}
	}
	var a, b bytes.Buffer
	if err := errors.Join(first[0].WritePNG(&a, 40), second[0].WritePNG(&b, 40)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two PNGs of the same result differ")
	}
}

// TestTogether: a picture may be drawn by several goroutines at once.
func TestTogether(t *testing.T) {
	for name, r := range fixtures() {
		for _, p := range All(r) {
			want := svg(t, &p)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					var buf bytes.Buffer
					if err := p.WriteSVG(&buf); err != nil || buf.String() != want {
						t.Errorf("%s, %s: drawn beside others it differs, or %v", name, p.Name, err)
					}
				})
			}
			all.Wait()
		}
	}
}

func TestWritePNGRefuses(t *testing.T) {
	p := All(probeResult())[0]
	for _, dpi := range []int{-1, 1, MinDPI - 1, MaxDPI + 1, 1 << 30} {
		if err := p.WritePNG(io.Discard, dpi); err == nil {
			t.Errorf("WritePNG(%d dpi) succeeded; want a refusal", dpi)
		}
	}
}

// TestUnchanged: drawing leaves the result as it was.
func TestUnchanged(t *testing.T) {
	for name, r := range fixtures() {
		before, err := result.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range All(r) {
			svg(t, &p)
		}
		after, err := result.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("All(%s) changed the result", name)
		}
	}
}

// TestHostileNames: what a file says is text, never markup.
func TestHostileNames(t *testing.T) {
	r := runResult()
	r.Environment.Host = `<script>alert("1")</script>&'` + "\x00\x1b[31m\xff"
	for i := range r.Cells {
		r.Cells[i].Params.Workload = strings.Repeat(`"><g onload=x>`, 40)
		r.Cells[i].Params.FlushMethod = "]]>\ufffe"
	}
	for _, p := range All(r) {
		text := svg(t, &p)
		if strings.Contains(text, "<g onload") || strings.Contains(text, "\x1b") {
			t.Errorf("%s: markup of a name got into the SVG", p.Name)
		}
		if c := p.complaints(); len(c) > 0 {
			t.Errorf("%s: %v", p.Name, c)
		}
	}
}

// TestWideIsLegible: hundreds of cells make pictures of the usual size that
// say what they leave out.
func TestWideIsLegible(t *testing.T) {
	for _, p := range All(wideResult()) {
		if p.Name != "latency-percentiles" && !strings.Contains(p.subtitle, "19 more combinations in result.json") {
			t.Errorf("%s: %q does not say what is left out", p.Name, p.subtitle)
		}
		if n := len(svg(t, &p)); n > 60_000 {
			t.Errorf("%s: %d bytes of SVG; want fewer than 60,000", p.Name, n)
		}
	}
}

// TestOneColourAPolicy: a policy looks the same in every picture, and no two
// look alike in grey.
func TestOneColourAPolicy(t *testing.T) {
	var looks []look
	for _, policy := range []string{"0", "1", "2", "3"} {
		l := lookOf(&result.Params{Policy: policy})
		for _, o := range looks {
			if l.colour == o.colour || l.mark == o.mark || slices.Equal(l.dash, o.dash) {
				t.Errorf("policy %s looks like another one: %+v, %+v", policy, l, o)
			}
		}
		looks = append(looks, l)
		if got := l.colour.ratio(paper); got < 3 {
			t.Errorf("policy %s: contrast %.2f on paper; want at least 3", policy, got)
		}
		if got := l.label().ratio(paper); got < 4.5 {
			t.Errorf("policy %s: contrast of its texts %.2f; want at least 4.5", policy, got)
		}
	}
	for name, c := range stageColours {
		if got := c.ratio(c.contrast()); got < 4.5 {
			t.Errorf("stage %s: contrast of the text on it %.2f; want at least 4.5", name, got)
		}
	}
}
