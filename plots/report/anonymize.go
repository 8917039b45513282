package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// The words that stand for what is left out.
const (
	hiddenHost   = "HOST"
	hiddenPath   = "PATH"
	hiddenDevice = "DEVICE"
	hiddenModel  = "MODEL"
)

// Anonymize returns a copy of r that may be handed on: the host's name, the paths
// of the machine, and the names, models and serial numbers of its devices are
// replaced by words, in their own fields and wherever they occur in a text: in
// warnings, in errors, in the command line. What a figure depends on stays: kind of
// device, file system, mount options, processors, kernel.
func Anonymize(r *result.Result) (*result.Result, error) {
	data, err := result.Encode(r)
	if err != nil {
		return nil, fmt.Errorf("report: anonymize: %w", err)
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a seed has 64 bits
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("report: anonymize: %w", err)
	}
	a := newAnonymizer(&r.Environment)
	if data, err = json.Marshal(a.value("", tree)); err != nil {
		return nil, fmt.Errorf("report: anonymize: %w", err)
	}
	out, err := result.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("report: anonymize: %w", err)
	}
	for i, arg := range out.CommandLine {
		out.CommandLine[i] = hideArgument(i, out.CommandLine, arg)
	}
	if out.Name != out.Kind {
		out.Name = out.Kind // the user's own word
	}
	return out, nil
}

// anonymizer replaces words in texts.
type anonymizer struct{ words []secret }

type secret struct {
	word *regexp.Regexp
	by   string
}

func newAnonymizer(e *result.Environment) *anonymizer {
	a := &anonymizer{}
	a.hide(hiddenHost, e.Host)
	if short, _, dotted := strings.Cut(e.Host, "."); dotted {
		a.hide(hiddenHost, short)
	}
	a.device(&e.Device, e.MountSource)
	for i := range e.Devices {
		a.device(&e.Devices[i].Device, e.Devices[i].MountSource)
	}
	// Longer ones first: a model may hold the name of a host.
	slices.SortStableFunc(a.words, func(x, y secret) int { return len(y.word.String()) - len(x.word.String()) })
	return a
}

// device hides what a device is called. Its kernel's name, such as nvme0n1, stays
// where it says no more than its kind; that of a volume group is the user's own.
func (a *anonymizer) device(d *result.Device, source string) {
	a.hide(hiddenModel, d.Model)
	if !kernelName.MatchString(d.Name) {
		a.hide(hiddenDevice, d.Name)
	}
	for _, n := range d.Stack {
		if !kernelName.MatchString(n.Name) {
			a.hide(hiddenDevice, n.Name)
		}
	}
	if !strings.HasPrefix(source, "/") && strings.ContainsAny(source, "=:-/") {
		a.hide(hiddenDevice, source) // UUID=..., server:/export, pool/dataset
	}
}

// kernelName is a name that the kernel gives by kind and number.
var kernelName = regexp.MustCompile(`^((sd|vd|hd|xvd)[a-z]{1,3}[0-9]*|nvme[0-9]+n[0-9]+(p[0-9]+)?|(loop|dm-|md|zram|ram|sr|mmcblk)[0-9]+(p[0-9]+)?)$`)

// hide adds a word. It is replaced where it stands alone, not within another word.
func (a *anonymizer) hide(by, word string) {
	if word = strings.TrimSpace(word); word == "" || word == by {
		return
	}
	a.words = append(a.words, secret{regexp.MustCompile(`(^|[^0-9A-Za-z])` + regexp.QuoteMeta(word) + `($|[^0-9A-Za-z])`), by})
}

// paths are absolute ones and those below a home, in a text: after its begin, a
// blank, a quote, a bracket or a mark that parts words.
var paths = regexp.MustCompile(`(^|[\s"'` + "`" + `(\[{<=:;,|&])(~?/[^\s"'` + "`" + `()\[\]{}<>,;|&]+)`)

// text replaces what must not be seen in s.
func (a *anonymizer) text(s string) string {
	s = paths.ReplaceAllString(s, "${1}"+hiddenPath)
	for _, w := range a.words {
		// Twice: two neighbours share the character between them.
		for range 2 {
			s = w.word.ReplaceAllString(s, "${1}"+w.by+"${2}")
		}
	}
	return s
}

// wholly are the fields of which nothing is kept.
var wholly = map[string]string{
	"host": hiddenHost, "dir": hiddenPath, "log_dir": hiddenPath, "data_dir": hiddenPath, "binlog_dir": hiddenPath,
	"mount_point": hiddenPath, "mount_source": hiddenDevice, "model": hiddenModel, "evidence": hiddenPath,
}

// value replaces texts below v, the value of a field called name.
func (a *anonymizer) value(name string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, child := range x {
			if name == "cpu" && k == "model" {
				continue // a processor is no secret, and figures depend on it
			}
			x[k] = a.value(k, child)
		}
	case []any:
		for i, child := range x {
			x[i] = a.value(name, child)
		}
	case string:
		switch by := wholly[name]; {
		case x == "" || strings.HasSuffix(name, "histogram"):
			return x
		case by != "":
			return by
		}
		return a.text(x)
	}
	return v
}

// ownArguments are the flags whose value is the user's own word.
var ownArguments = []string{"--dir", "--log-dir", "--data-dir", "--binlog-dir", "--results", "--resume", "--file", "-f", "--name", "--device", "--out", "--to"}

// hideArgument hides what a command line says of the machine: the values of flags
// that take paths, and whatever else looks like one.
func hideArgument(i int, all []string, arg string) string {
	if i == 0 {
		return "flushbench"
	}
	flag, value, assigned := strings.Cut(arg, "=")
	switch {
	case assigned && slices.Contains(ownArguments, flag):
		return flag + "=" + hiddenPath
	case slices.Contains(ownArguments, all[i-1]):
		return hiddenPath
	case strings.HasPrefix(arg, "-f") && len(arg) > 2 && arg[2] != '-':
		return "-f" + hiddenPath
	case assigned && strings.Contains(value, "/"):
		return flag + "=" + hiddenPath
	case !assigned && strings.Contains(arg, "/"):
		return hiddenPath
	}
	return arg
}
