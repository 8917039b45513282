package result

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// prunes checks that a text that Decode takes gives, pruned, the same result without
// its series; it returns the pruned text.
func prunes(t *testing.T, data []byte) []byte {
	t.Helper()
	pruned := prune(bytes.Clone(data))
	want, err := decode(data)
	if err != nil {
		return pruned
	}
	got, err := decode(pruned)
	if err != nil {
		t.Fatalf("prune(%s) = %s: %v", data, pruned, err)
	}
	if got, want := withoutSeries(got), withoutSeries(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("prune(%s) decodes as %+v; want %+v", data, got, want)
	}
	return pruned
}

// TestPrune: only what lies over time within rounds goes, wherever such names stand
// else, and what is no JSON is left to the decoder.
func TestPrune(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"series", `{"cells": [{"rounds": [{"tps": 1, "series": {"commits": [1, 2]}, "at_risk_series":null}, {"series" : [[],{"a":"]"}] }]}]}`,
			`{"cells": [{"rounds": [{"tps": 1, "series": null, "at_risk_series":null}, {"series" : null }]}]}`},
		{"database", `{"cells":[{"rounds":[{"database":{"sample_ns":[1],"purged_logs":2,"history_length":[]}}]}]}`,
			`{"cells":[{"rounds":[{"database":{"sample_ns":null,"purged_logs":2,"history_length":null}}]}]}`},
		{"memory", `{"cells":[{"rounds":[{"memory":{"resident_max":3,"resident":[1,3,2]}},{"memory":null}]}]}`,
			`{"cells":[{"rounds":[{"memory":{"resident_max":3,"resident":null}},{"memory":null}]}]}`},
		{"elsewhere", `{"series":[1],"scenario":{"series":[2]},"cells":[{"series":[3],"rounds":[{"x":{"series":[4]}}]}]}`, ""},
		{"in a string", `{"cells":[{"name":"\"rounds\":[{\"series\":[1]}]\\","rounds":[{"series":7}]}]}`,
			`{"cells":[{"name":"\"rounds\":[{\"series\":[1]}]\\","rounds":[{"series":null}]}]}`},
		{"empty", `{"cells":[{"rounds":[]},{},{"rounds":null}]}`, ""},
		{"cut short", `{"cells":[{"rounds":[{"series":[1,2`, ""},
		{"nothing there", `{"cells":[{"rounds":[{"series":}]}]}`, ""},
		{"cut in a string", `{"cells":[{"rounds":[{"series":["\"`, ""},
		{"no comma", `{"cells":[{"rounds":[{"series":[1] "tps":2}]}]}`, ""},
		{"no JSON", `commits/s 5000`, ""},
		{"nothing", ``, ""},
	} {
		if c.want == "" {
			c.want = c.text
		}
		if got := string(prune([]byte(c.text))); got != c.want {
			t.Errorf("%s: prune(%s) = %s; want %s", c.name, c.text, got, c.want)
		}
	}
}

// TestLoadToMerge: the same as Load, but for the series, of what is there and of what
// is not.
func TestLoadToMerge(t *testing.T) {
	r := sample(t)
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{data, compact.Bytes()} {
		pruned := prunes(t, text)
		if bytes.Contains(pruned, []byte(`latency_max_ns`)) || len(pruned) >= len(text) {
			t.Errorf("%d bytes of %d are left, and a series among them", len(pruned), len(text))
		}
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		whole, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := LoadToMerge(path)
		if err != nil || !reflect.DeepEqual(withoutSeries(got), withoutSeries(whole)) || got.Cells[0].Rounds[0].Series != nil {
			t.Errorf("LoadToMerge() = %+v, %v; want what Load gives, without series", got, err)
		}
	}
	path := filepath.Join(t.TempDir(), FileName)
	for _, text := range []string{"", "{", string(data[:len(data)/2]), string(data) + "x", `{"schema":0}`, `{"schema":99}`, `{"kind":"run"}`, `{"schema":"1"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, want := Load(path)
		if _, err := LoadToMerge(path); err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("LoadToMerge of %.20q = %v; Load says %v", text, err, want)
		}
	}
}

func FuzzPrune(f *testing.F) {
	f.Add([]byte(`{"schema":1,"kind":"run","cells":[{"name":"a\"","rounds":[{"tps":1,"series":{"commits":[1],"latency_mean_ns":[2],"latency_max_ns":[3]}}]}]}`))
	f.Add([]byte(`{"kind":"run","cells":[{"name":"b","rounds":[{"database":{"sample_ns":[1,2]},"at_risk_series":null}]}],"schema":1}`))
	f.Add([]byte(`{"schema":1,"kind":"run","Cells":[{"name":"c","rounds":[{"Series":null,"series":{}}]}],"cells":null}`))
	f.Fuzz(func(t *testing.T, data []byte) { prunes(t, data) })
}

// TestEncodeMerge: encoded host by host, a merge has the text that it has in one piece.
func TestEncodeMerge(t *testing.T) {
	var parts []Part
	for _, host := range []string{"a", "b", "c", `"hosts":[]`} {
		r := sample(t)
		r.Environment.Host = host
		parts = append(parts, Part{Source: host, Result: r})
	}
	m, err := MergeParts(parts, "class", func(*Result) string { return "<one> & all" })
	if err != nil {
		t.Fatal(err)
	}
	m.CommandLine = []string{`"hosts":[]`}
	got, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(withoutNilSlices(m)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("Encode() = %d bytes; want the %d of one piece", len(got), want.Len())
	}
	m.Merge.Hosts[1].Results[0].Cells[0].Rounds[0].TPS = math.Inf(1)
	if _, err := Encode(m); err == nil || !strings.Contains(err.Error(), "merge.hosts[1].results[0].cells[0].rounds[0].tps") {
		t.Errorf("Encode() of an infinite rate = %v; want its place", err)
	}
}
