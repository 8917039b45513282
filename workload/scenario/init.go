package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// Setting is one that a command has beside a Scenario's own.
type Setting struct {
	Name    string
	Usage   string // `NAME` in back quotes is what help calls the value
	Default string
}

// Section is settings under a heading.
type Section struct {
	Heading  string
	Settings []Setting
}

// templateWidth is how long a line of a template may be.
const templateWidth = 80

// Template returns a scenario file in which every setting stands with its meaning,
// what is legal and, commented out, its value in s: as it is, it asks for nothing.
// The settings of more come last. It is made from the table of the flags.
func (s *Scenario) Template(more ...Section) (string, error) {
	var b strings.Builder
	var axes []string
	for _, f := range s.fields() {
		if f.matrix {
			axes = append(axes, f.name)
		}
	}
	comment(&b, "A scenario: everything that the flags of flushbench run can say, and under the same names.")
	comment(&b, "flushbench run -f FILE measures it; flags win over it. With --dry-run it only says which cells that makes, how long they take and what they write.")
	comment(&b, "Each setting is commented out and shows its default: take away the # of those that you change. A list such as [1, 2] is an axis: every combination is measured.")
	comment(&b, "The default run has cells of its own. Giving one of "+strings.Join(axes, ", ")+", a rate, a workload with rows or a list of several values asks for a matrix instead.")
	ranges := ranges()
	heading := ""
	for _, f := range groupedByHeading(s.fields()) {
		if f.heading != heading {
			heading = f.heading
			title(&b, heading)
		}
		text := plainUsage(f.usage)
		if r := ranges[f.name]; r != "" {
			text += ". Legal: " + r
		}
		if len(f.alias) > 0 {
			text += ". Also " + strings.Join(f.alias, ", ")
		}
		value, err := f.value.MarshalText()
		if err != nil {
			return "", fmt.Errorf("scenario: %s: %w", f.name, err)
		}
		_, list := f.value.(anyList)
		setting(&b, f.name, text, yamlText(string(value), list))
	}
	for _, section := range more {
		title(&b, section.Heading)
		for _, x := range section.Settings {
			setting(&b, x.Name, plainUsage(x.Usage), yamlText(x.Default, false))
		}
	}
	return b.String(), nil
}

// groupedByHeading puts settings of one heading together, the headings in the order of
// their first setting.
func groupedByHeading(all []field) (out []field) {
	seen := map[string]bool{}
	for _, f := range all {
		if seen[f.heading] {
			continue
		}
		seen[f.heading] = true
		for _, g := range all {
			if g.heading == f.heading {
				out = append(out, g)
			}
		}
	}
	return out
}

// ranges says what is legal where no table of values does, from the limits that
// Validate holds settings to.
func ranges() map[string]string {
	span := func(lo, hi any) string { return fmt.Sprintf("%v to %v", lo, hi) }
	or := func(text string, alone ...string) string { return text + ", or " + strings.Join(alone, " or ") }
	share := "0 to 1, or 0% to 100%"
	path := "a path; empty: that of dir"
	return map[string]string{
		"flush-interval":      or(span(groupcommit.MinInterval, groupcommit.MaxInterval), intervalOff),
		"flush-floor":         span(0, MaxFloor),
		"clients":             fmt.Sprintf("1 to %d, where each is a goroutine to %d", engine.MaxClients, MaxParked),
		"rate":                or(fmt.Sprintf("%v to %.0f, also with k or M", workload.MinRate, workload.MaxRate), "0", "auto"),
		"arrival":             "constant, poisson, bursty:burst=N,peak=N",
		"latency-limit":       span(0, MaxDuration),
		"max-backlog":         "0 or more",
		"time-one-in":         span(1, workload.MaxTimeOneIn),
		"record-bytes":        "a size, uniform:SIZE-SIZE, lognormal:MEDIAN,SIGMA",
		"think-time":          span(0, MaxThinkTime),
		"txn-cpu":             or(span(0, MaxThinkTime), "auto"),
		"server-set":          "NAME=VALUE, several of them parted by commas",
		"server-option":       "NAME=VALUE, several of them parted by commas",
		"group-count":         span(0, groupcommit.MaxGroupCount),
		"log-buffer-size":     span(Size(redo.MinBuffer), Size(redo.MaxBuffer)),
		"log-capacity":        span(Size(redo.MinCapacity), Size(redo.MaxCapacity)),
		"log-files":           span(1, redo.MaxFiles),
		"checkpoint-distance": "0 to three quarters of log-capacity",
		"duration":            or(span(minDuration, MaxDuration), "0"),
		"warmup":              or(span(0, MaxDuration), "auto"),
		"rounds":              or(span(1, MaxRounds), "0"),
		"seed":                "0 or more, at most 64 bits",
		"cpu-latency":         or(span(0, MaxCPULatency), cpuLatencyOff),
		"dir":                 "a path",
		"log-dir":             path,
		"binlog-dir":          path,
		"data-dir":            path,
		"max-write-bytes":     "0 or more",
		"sync-binlog":         "0 or more",
		"max-binlog-size":     "a size",
		"binlog-cache-size":   "a size",
		"buffer-pool":         "a size",
		"rows":                span(1, int64(workload.MaxRows)),
		"row-bytes":           span(1, workload.MaxRowBytes),
		"key-distribution":    "uniform, zipfian:THETA, latest, hotspot:HOTSET,HOTOPS",
		"rows-per-txn":        or(span(1, workload.MaxRowsPerTxn), "0"),
		"read-share":          share,
		"rollback-share":      share,
		"unsafe-share":        share,
		"statement-bytes":     span(0, Size(workload.MaxStatementBytes)),
		"long-view":           "0, a time, hold",
		"background-io":       "off, read=SIZE/s,write=SIZE/s,random=SIZE",
	}
}

// comment writes a paragraph of comment.
func comment(b *strings.Builder, text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > templateWidth {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// title writes a heading.
func title(b *strings.Builder, heading string) {
	b.WriteString("\n")
	line := "# ---- " + heading + " "
	b.WriteString(line + strings.Repeat("-", max(templateWidth-len(line), 4)) + "\n")
}

// setting writes one setting.
func setting(b *strings.Builder, name, text, value string) {
	b.WriteString("\n")
	comment(b, name+": "+text+".")
	b.WriteString("#" + name + ": " + value + "\n")
}

// plainUsage is the text of help without the marks of a value's name.
func plainUsage(usage string) string {
	return strings.TrimRight(strings.ReplaceAll(usage, "`", ""), ". ")
}

// plainYAML is text that stands for itself in YAML, also in a list.
var plainYAML = regexp.MustCompile(`^[0-9A-Za-z./][0-9A-Za-z_.:=%+/-]*$`)

// yamlText writes a value, or the values of a comma list.
func yamlText(text string, list bool) string {
	one := func(s string) string {
		if plainYAML.MatchString(s) && !strings.HasSuffix(s, ":") {
			return s
		}
		return strconv.Quote(s)
	}
	if !list {
		return one(text)
	}
	parts := split(text)
	for i, p := range parts {
		parts[i] = one(p)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
