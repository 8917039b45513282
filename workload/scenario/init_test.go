package scenario

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func template(t *testing.T) string {
	t.Helper()
	s := Default()
	text, err := s.Template(Section{"Of the command", []Setting{{"soak", "keep the load up for `TIME`", "0s"}, {"name", "last part of the `NAME`", ""}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTemplateIsTheDefault: the file as it is asks for nothing, and every line of it, and
// all of them, taken in, ask for what is the default anyway.
func TestTemplateIsTheDefault(t *testing.T) {
	text := template(t)
	s := Default()
	if err := s.Decode([]byte(text), nil); err != nil || !reflect.DeepEqual(s, Default()) {
		t.Fatalf("Decode(template) = %v; want the default", err)
	}
	given := map[string]string{}
	others := map[string]func(string) error{}
	for _, name := range []string{"soak", "name"} {
		others[name] = func(text string) error { given[name] = text; return nil }
	}
	check := func(yaml string) {
		t.Helper()
		s := Default()
		err := s.DecodeWith([]byte(yaml), nil, others)
		s.Asked = false // naming an axis asks for a matrix of it
		if err != nil || !reflect.DeepEqual(s, Default()) {
			t.Errorf("Decode(%q) = %v, %+v; want the default", yaml, err, s)
		}
	}
	lines := regexp.MustCompile(`(?m)^#[a-z0-9-]+: .*$`).FindAllString(text, -1)
	all := ""
	for _, line := range lines {
		check(line[1:])
		all += line[1:] + "\n"
	}
	check(all)
	if n := len(Default().fieldNames()) + 2; len(lines) != n || given["soak"] != "0s" || given["name"] != "" {
		t.Errorf("%d settings, of the command's own %v; want %d", len(lines), given, n)
	}
}

// fieldNames lists the settings.
func (s Scenario) fieldNames() (names []string) {
	for _, f := range s.fields() {
		names = append(names, f.name)
	}
	return names
}

// TestTemplateSaysWhatIsLegal: each setting has its meaning, its legal values, its
// other names, in lines of 80 columns.
func TestTemplateSaysWhatIsLegal(t *testing.T) {
	text := template(t)
	ranges := ranges()
	s := Default()
	flat := strings.Join(strings.Fields(strings.ReplaceAll(text, "\n#", "\n")), " ")
	has := func(f *field, what string) {
		if !strings.Contains(flat, strings.Join(strings.Fields(what), " ")) {
			t.Errorf("%s: the template does not say %q", f.name, what)
		}
	}
	for _, f := range s.fields() {
		has(&f, f.name+": "+plainUsage(f.usage))
		if len(f.values) == 0 && ranges[f.name] == "" {
			t.Errorf("%s: neither a table of values nor a range says what is legal", f.name)
		}
		for _, v := range f.values {
			has(&f, v)
		}
		if r := ranges[f.name]; r != "" {
			has(&f, "Legal: "+r)
		}
		for _, a := range f.alias {
			has(&f, a)
		}
		delete(ranges, f.name)
	}
	if len(ranges) > 0 {
		t.Errorf("ranges of settings that are not there: %v", ranges)
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > templateWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, h := range []string{headDurability, headLoad, "Of the command"} {
		if strings.Count(text, "# ---- "+h+" -") != 1 {
			t.Errorf("heading %q is not there once", h)
		}
	}
}

// TestTemplateRangesAreTheLimits: the ends of each range are legal, and what lies
// beyond is refused by a message that names the setting and the same end.
func TestTemplateRangesAreTheLimits(t *testing.T) {
	ranges := ranges()
	try := func(yaml string) error {
		s := Default()
		if err := s.Decode([]byte(yaml), nil); err != nil {
			return err
		}
		return s.Validate()
	}
	for _, c := range []struct{ name, lo, hi, below, above, with string }{
		{"flush-interval", "1ms", "45m0s", "999us", "46m", ""},
		{"flush-floor", "0", "10s", "", "11s", ""},
		{"cpu-latency", "0", "33m20s", "-1us", "33m21s", ""},
		{"clients", "1", "", "0", "1000000000", "client-mode: pipelined"},
		{"latency-limit", "0", "24h0m0s", "", "25h", "rate: 100"},
		{"think-time", "0", "1m0s", "", "61s", ""},
		{"txn-cpu", "0", "1m0s", "", "61s", ""},
		{"log-files", "1", "", "0", "1000", ""},
		{"rounds", "1", "1000", "-1", "1001", ""},
		{"duration", "10ms", "24h0m0s", "9ms", "25h", ""},
		{"warmup", "0", "24h0m0s", "", "25h", ""},
		{"rows", "1", "", "0", "9000000000000000", "workload: update"},
		{"row-bytes", "1", "", "0", "1000000", "workload: bank"},
		{"rows-per-txn", "1", "", "-1", "1000000", "workload: update"},
		{"read-share", "0", "", "-1", "1.5", "workload: bank"},
	} {
		for _, end := range []string{c.lo, c.hi} {
			if end == "" {
				continue
			}
			if !strings.Contains(ranges[c.name], end) {
				t.Errorf("%s: the range %q does not name %s", c.name, ranges[c.name], end)
			}
			if err := try(c.with + "\n" + c.name + ": " + end); err != nil {
				t.Errorf("%s: %s = %v; want it legal", c.name, end, err)
			}
		}
		for _, beyond := range []string{c.below, c.above} {
			if beyond == "" {
				continue
			}
			if err := try(c.with + "\n" + c.name + ": " + beyond); err == nil || !strings.Contains(err.Error(), c.name) {
				t.Errorf("%s: %s = %v; want it refused by name", c.name, beyond, err)
			}
		}
	}
}

func TestDecodeWith(t *testing.T) {
	var soak string
	others := map[string]func(string) error{"soak": func(text string) error { soak = text; return nil }}
	s := Default()
	if err := s.DecodeWith([]byte("soak: 2h\nrounds: 3\n"), nil, others); err != nil || soak != "2h" || s.Rounds != 3 {
		t.Errorf("DecodeWith = %v, soak %q, %d rounds; want 2h and 3", err, soak, s.Rounds)
	}
	for yaml, want := range map[string]string{
		"\nsaok: 2h":         `line 2: unknown key "saok": did you mean "soak"?`,
		"soak: 1h\nsoak: 2h": "line 2: soak is given twice",
		"soak: {a: 1}":       "line 1: soak: must be a value or a list of values",
	} {
		if err := s.DecodeWith([]byte(yaml), nil, others); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("DecodeWith(%q) = %v; want %q", yaml, err, want)
		}
	}
	soak = ""
	if err := s.DecodeWith([]byte("soak: 2h\n"), func(name string) bool { return name == "soak" }, others); err != nil || soak != "" {
		t.Errorf("DecodeWith takes %q although a flag was given: %v", soak, err)
	}
}
