package plug

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"flushbench/workload/crash/ledger"
)

// read returns the next frame of b.
func read(b []byte, limit int) (kind, []byte, error) {
	f := frameReader{r: bytes.NewReader(b)}
	return f.next(limit)
}

func TestFrame(t *testing.T) {
	content := []byte("what a frame holds")
	whole := appendFrame(nil, kindReport, content)
	k, got, err := read(whole, MaxFrame)
	if k != kindReport || !bytes.Equal(got, content) || err != nil {
		t.Fatalf("next() = %d, %q, %v", k, got, err)
	}
	if _, _, err := read(nil, MaxFrame); !errors.Is(err, io.EOF) {
		t.Errorf("of nothing: %v; want io.EOF", err)
	}
	for n := 1; n < len(whole); n++ {
		if _, _, err := read(whole[:n], MaxFrame); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("of the first %d bytes: %v; want io.ErrUnexpectedEOF", n, err)
		}
	}
	// A flipped bit never passes, wherever it is.
	for i := range 8 * len(whole) {
		damaged := bytes.Clone(whole)
		damaged[i/8] ^= 1 << (i % 8)
		if _, _, err := read(damaged, MaxFrame); err == nil {
			t.Errorf("with bit %d flipped it passes", i)
		}
	}
	if _, _, err := read(whole, len(content)); !errors.Is(err, errFrame) {
		t.Errorf("longer than allowed: %v", err)
	}
	if !holdsFrame(append([]byte("fbpgfbpg....."), whole...)) || holdsFrame(whole[1:]) || holdsFrame(whole[:len(whole)-1]) {
		t.Error("holdsFrame sees none, or one that is not there")
	}
}

// someReport draws a report that a load may send.
func someReport(rt *rapid.T, clients int) *Report {
	at := rapid.Int64Range(1, 1<<60)
	r := &Report{Number: rapid.Uint64Min(1).Draw(rt, "number"), Began: at.Draw(rt, "began")}
	r.At = r.Began + rapid.Int64Range(0, 1<<40).Draw(rt, "at")
	for range clients {
		base := rapid.Uint64Max(1<<40).Draw(rt, "base")
		r.Lanes = append(r.Lanes, Lane{Base: base, Acked: base + rapid.Uint64Max(1<<40).Draw(rt, "acked"),
			At: rapid.Int64Range(0, r.At).Draw(rt, "time"), End: rapid.Uint64().Draw(rt, "end")})
	}
	if rapid.Bool().Draw(rt, "failed") {
		r.Failure, r.FailedAt = rapid.StringN(1, 20, maxText).Draw(rt, "failure"), r.At
	}
	if rapid.Bool().Draw(rt, "sampled") {
		r.Sample = &ledger.Sample{At: r.At, Acked: rapid.Uint64().Draw(rt, "sample"), Last: 7, Overflow: 3}
		r.Sample.Risk[2] = ledger.Risk{Commits: rapid.Int64().Draw(rt, "risk"), Bytes: 5, AgeNs: 6, Xid: 8, Prepare: 9, Commit: 10}
	}
	return r
}

func TestReportComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := someReport(rt, rapid.IntRange(1, 5).Draw(rt, "clients"))
		got, err := decodeReport(r.encode())
		if err != nil || !reflect.DeepEqual(got, r) {
			rt.Fatalf("decodeReport(encode(%+v)) = %+v, %v", r, got, err)
		}
	})
	most := &Report{Number: 1, Began: 1, At: 1, Lanes: make([]Lane, MaxClients), Failure: string(make([]byte, maxText)), Sample: new(ledger.Sample)}
	if b := appendFrame(nil, kindReport, most.encode()); len(b) > frameHead+MaxFrame {
		t.Errorf("the largest report takes %d bytes; a frame has %d", len(b), MaxFrame)
	}
}

func TestReportIsRefused(t *testing.T) {
	good := func() *Report {
		return &Report{Number: 5, Began: 10, At: 20, Lanes: []Lane{{Base: 1, Acked: 3, At: 15}, {}}}
	}
	if err := good().check(); err != nil {
		t.Fatal(err)
	}
	for name, break_ := range map[string]func(*Report){
		"no number":           func(r *Report) { r.Number = 0 },
		"no begin":            func(r *Report) { r.Began = 0 },
		"before its begin":    func(r *Report) { r.At = 9 },
		"no clients":          func(r *Report) { r.Lanes = nil },
		"too many clients":    func(r *Report) { r.Lanes = make([]Lane, MaxClients+1) },
		"acked below base":    func(r *Report) { r.Lanes[0].Acked = 0 },
		"acked in the future": func(r *Report) { r.Lanes[0].At = 21 },
	} {
		r := good()
		break_(r)
		if _, err := decodeReport(r.encode()); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v; want an error", name, err)
		}
	}
	for name, next := range map[string]func(*Report){
		"a gap":           func(r *Report) { r.Number++ },
		"the same again":  func(r *Report) { r.Number-- },
		"earlier":         func(r *Report) { r.At-- },
		"another begin":   func(r *Report) { r.Began-- },
		"a client less":   func(r *Report) { r.Lanes = r.Lanes[:1] },
		"another base":    func(r *Report) { r.Lanes[0].Base-- },
		"fewer than once": func(r *Report) { r.Lanes[0].Acked-- },
	} {
		r := good()
		r.Number = 6
		if err := r.after(good()); err != nil {
			t.Fatal(err)
		}
		next(r)
		if err := r.after(good()); err == nil {
			t.Errorf("a report with %s follows", name)
		}
	}
	if err := good().after(nil); err == nil {
		t.Error("report 5 is the first")
	}
}

// Whatever bytes come, the parsers neither panic nor take more memory than there
// are bytes, and what they accept says the same when it is written again.
func FuzzFrame(f *testing.F) {
	report := &Report{Number: 1, Began: 1, At: 2, Lanes: []Lane{{Acked: 1, At: 2}}, Sample: new(ledger.Sample), Failure: "EIO"}
	o := opening{id: ID{1}, name: "a", description: []byte("d")}
	sum := summary{opening: o, count: 1}
	for k, content := range map[kind][]byte{kindReport: report.encode(), kindOpen: o.encode(), kindRun: sum.encode(), kindRefused: nil} {
		f.Add(appendFrame(nil, k, content))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, content, err := read(b, MaxFrame)
		if err != nil {
			return
		}
		if again := appendFrame(nil, k, content); !bytes.HasPrefix(b, again) {
			t.Errorf("frame %x becomes %x", b, again)
		}
		var again []byte
		switch k {
		case kindReport:
			r, err := decodeReport(content)
			if err != nil {
				return
			}
			again = r.encode()
		case kindOpen:
			o, err := decodeOpening(content)
			if err != nil {
				return
			}
			again = o.encode()
		case kindRun:
			s, err := decodeSummary(content)
			if err != nil {
				return
			}
			again = s.encode()
		default:
			return
		}
		if !bytes.Equal(content, again) {
			t.Errorf("kind %d: %x becomes %x", k, content, again)
		}
	})
}
