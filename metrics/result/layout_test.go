package result

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"numbers", `{"a":[1,2,3],"b":4}`, "{\n \"a\": [1,2,3],\n \"b\": 4\n}"},
		{"texts that look like JSON", `{"a":["[","]","{ ,","\n"]}`, "{\n \"a\": [\"[\",\"]\",\"{ ,\",\"\\n\"]\n}"},
		{"nothing", `{"a":[],"b":{}}`, "{\n \"a\": [],\n \"b\": {}\n}"},
		{"arrays of arrays", `{"a":[[1,2],[3]]}`, "{\n \"a\": [\n  [1,2],\n  [3]\n ]\n}"},
		{"objects", `[{"a":[true]},2]`, "[\n {\n  \"a\": [true]\n },\n 2\n]"},
	} {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(c.in), "", " "); err != nil {
			t.Fatal(err)
		}
		if got := string(oneLine(b.Bytes())); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

// Whatever the JSON, it says the same afterwards.
func TestOneLineChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v func(depth int) any
		v = func(depth int) any {
			kinds := 3
			if depth < 4 {
				kinds = 5
			}
			switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
			case 0:
				return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
			case 1:
				return rapid.StringOf(rapid.RuneFrom([]rune("[]{},:\"\\ \n\taß"))).Draw(t, "text")
			case 2:
				return nil
			case 3:
				a := []any{}
				for range rapid.IntRange(0, 4).Draw(t, "n") {
					a = append(a, v(depth+1))
				}
				return a
			default:
				o := map[string]any{}
				for range rapid.IntRange(0, 3).Draw(t, "n") {
					o[rapid.StringOf(rapid.RuneFrom([]rune("[]{}a\n"))).Draw(t, "key")] = v(depth + 1)
				}
				return o
			}
		}
		plain, err := json.Marshal(v(0))
		if err != nil {
			t.Fatal(err)
		}
		var indented, back bytes.Buffer
		if err := json.Indent(&indented, plain, "", " "); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&back, oneLine(indented.Bytes())); err != nil || !bytes.Equal(back.Bytes(), plain) {
			t.Fatalf("%s became %s, %v", plain, back.Bytes(), err)
		}
	})
}
