package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

func TestDecode(t *testing.T) {
	s := Default()
	err := s.Decode([]byte(`
# a comment
policy: [1, 2]
flush_method: o_dsync
group-delay: [off, 50us]
clients: 8, 64
threads_of_nobody: 1
`), nil)
	if err == nil || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("Decode(unknown key) = %v; want line 7", err)
	}
	s = Default()
	err = s.Decode([]byte("policy: [1, 2]\nflush_method: o_dsync\ngroup-delay: [off, 50us]\nclients: 8, 64\nlog-capacity: 1GiB\nflush-interval: 500ms\nrecord-bytes: ['lognormal:256,0.5', 128]\nseed: 7\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Policy, want.FlushMethod = List[groupcommit.Policy]{1, 2}, List[vfs.Method]{vfs.ODsync}
	want.GroupDelay = List[groupcommit.Delay]{{}, {Fixed: 50 * time.Microsecond}}
	want.Clients, want.LogCapacity, want.FlushInterval, want.Seed, want.Asked = List[int]{8, 64}, List[Size]{1 << 30}, 500*time.Millisecond, 7, true
	want.RecordBytes = s.RecordBytes
	if !reflect.DeepEqual(s, want) || s.RecordBytes.String() != "lognormal:256,0.5,128" {
		t.Errorf("Decode() =\n%+v; want\n%+v", s, want)
	}
}

func TestDecodeKeepsFlags(t *testing.T) {
	s := Default()
	s.Clients = List[int]{3}
	err := s.Decode([]byte("clients: 8\nrounds: 9\n"), func(name string) bool { return name == "clients" })
	if err != nil || s.Clients[0] != 3 || s.Rounds != 9 {
		t.Errorf("Decode() = %v, clients %v, rounds %d; want 3 and 9", err, s.Clients, s.Rounds)
	}
}

func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		"polcy: 1":                         `line 1: unknown key "polcy": did you mean "policy"?`,
		"log_capasity: 1G":                 `did you mean "log-capacity"?`,
		"cleints: 8":                       `did you mean "clients"?`,
		"zzzzzzzz: 1":                      "legal keys are the names of the flags",
		"policy: 1\npolicy: 2":             "given twice",
		"clients: 1\nthreads: 2":           "clients is given twice",
		"policy: 9":                        "line 1: policy: unknown policy",
		"policy: {a: 1}":                   "must be a value or a list of values",
		"policy: [[1]]":                    "a list inside a list",
		"- policy":                         `lines of "key: value"`,
		"policy":                           `lines of "key: value"`,
		"policy: [1":                       "scenario: line 1: yaml: did not find",
		"policy: 1\n---\nclients: 2":       "a second document",
		"\nrounds: many":                   "line 2: rounds:",
		"clients: [1, '', 2]":              "clients: an empty value",
		"workload: log\nstart: [mariadbd]": "line 1: workload log with a server",
	} {
		s := Default()
		err := s.Decode([]byte(in), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%q) = %v; want %q", in, err, want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("Decode(%q) = %q; want one line", in, err)
		}
	}
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		s := Default()
		if err := s.Decode([]byte(empty), nil); err != nil || !reflect.DeepEqual(s, Default()) {
			t.Errorf("Decode(%q) = %v; want the default", empty, err)
		}
	}
	s := Default()
	if err := s.Decode(make([]byte, MaxFileBytes+1), nil); err == nil {
		t.Error("Decode of a huge file = nil; want an error")
	}
}

func TestEncode(t *testing.T) {
	s, err := parse(t, strings.Fields("--policy 0,1 --group-delay adaptive,50us --record-bytes lognormal:256,0.5,64 --rate 0,2.5 --log-dir /a:b --seed 18446744073709551615 --quick --dir off")...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back := Scenario{}
	if err := back.Decode(data, nil); err != nil {
		t.Fatalf("Decode(Encode()): %v\n%s", err, data)
	}
	back.given = s.given // of a scenario that was empty all is asked for
	if !reflect.DeepEqual(back, s) {
		t.Errorf("Decode(Encode()) =\n%+v; want\n%+v\n%s", back, s, data)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d; want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzDecode: no file makes Decode panic, and what it accepts can be written
// and read back.
func FuzzDecode(f *testing.F) {
	d := Default()
	data, err := d.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("policy: [1, 2]\nclients: 8\n"))
	f.Add([]byte("policy: &a [1]\nclients: *a\n"))
	f.Add([]byte("record-bytes: ['lognormal:256,0.5', 'uniform:1-2']"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := Default()
		if err := s.Decode(in, nil); err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(string(in), "\n") {
				t.Fatalf("Decode(%q) = %q; want one line", in, err)
			}
			return
		}
		if s.Validate() != nil {
			return
		}
		out, err := s.Encode()
		if err != nil {
			t.Fatalf("Encode after Decode(%q): %v", in, err)
		}
		back := Default()
		if err := back.Decode(out, nil); err != nil {
			t.Fatalf("Decode(%q) of Encode after Decode(%q): %v", out, in, err)
		}
		back.Asked, back.given = s.Asked, s.given // which come in the order of the file
		if !reflect.DeepEqual(back, s) {
			t.Fatalf("back = %+v; want %+v", back, s)
		}
	})
}
