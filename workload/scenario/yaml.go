package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxFileBytes is the largest scenario file.
const MaxFileBytes = 1 << 20

// Decode reads YAML over s: keys are the names of flags (aliases and
// underscores work too), lists are sequences or comma lists; what the file
// does not name stays. keep names settings that stay whatever the file says,
// such as flags that were given; nil keeps none. The caller must Validate. An error
// about a line wraps a LineError.
func (s *Scenario) Decode(data []byte, keep func(name string) bool) error {
	return s.DecodeWith(data, keep, nil)
}

// LineError is a mistake in a line of a file.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the mistake.
func (e *LineError) Unwrap() error { return e.Err }

// DecodeWith is Decode of a file that may hold settings of the caller's own too: others
// has for each of them what takes its text.
func (s *Scenario) DecodeWith(data []byte, keep func(name string) bool, others map[string]func(text string) error) error {
	if len(data) > MaxFileBytes {
		return fmt.Errorf("scenario: a file of %d bytes: at most %d are legal", len(data), MaxFileBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if strings.TrimSpace(stripComments(data)) == "" {
			return nil // an empty file asks for nothing
		}
		return fmt.Errorf("scenario: %w", syntaxError(err))
	}
	if dec.Decode(&more) == nil {
		return fmt.Errorf("scenario: %w", &LineError{more.Line, errors.New("a second document; one is legal")})
	}
	root := doc.Content[0]
	if root.Tag == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("scenario: %w", &LineError{root.Line, errors.New("must be lines of \"key: value\", such as policy: [1, 2]")})
	}
	known := map[string]field{}
	for _, f := range s.fields() {
		known[f.name] = f
		for _, a := range f.alias {
			known[a] = f
		}
	}
	seen := map[string]bool{}
	logLine := 0 // the line that asks for workload log
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := s.decodeKey(known, others, seen, root.Content[i], root.Content[i+1], keep); err != nil {
			return fmt.Errorf("scenario: %w", &LineError{root.Content[i].Line, err})
		}
		if key := root.Content[i]; key.Value == "workload" && s.Workload == KindLog && (keep == nil || !keep(key.Value)) {
			logLine = key.Line
		}
	}
	if logLine > 0 && s.Servers() {
		return fmt.Errorf("scenario: %w", &LineError{logLine, ErrLogOnServer})
	}
	return nil
}

// syntaxError is what the YAML parser says, in one line, about the line that it names.
func syntaxError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	line := 0
	if n, _ := fmt.Sscanf(text, "yaml: line %d:", &line); n == 1 {
		_, rest, _ := strings.Cut(strings.TrimPrefix(text, "yaml: line "), ": ")
		return &LineError{line, errors.New("yaml: " + rest)}
	}
	return errors.New(text)
}

// decodeKey reads one line.
func (s *Scenario) decodeKey(known map[string]field, others map[string]func(string) error, seen map[string]bool, key, value *yaml.Node, keep func(string) bool) error {
	name := strings.ReplaceAll(strings.TrimSpace(key.Value), "_", "-")
	f, ok := known[name]
	other := others[name]
	switch {
	case !ok && other == nil:
		return fmt.Errorf("unknown key %q%s", key.Value, suggestion(name, known, others))
	case !ok:
		f.name = name
	}
	if seen[f.name] {
		return fmt.Errorf("%s is given twice", f.name)
	}
	seen[f.name] = true
	in, err := scalarText(value)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if keep != nil && keep(f.name) {
		return nil
	}
	if !ok {
		err = other(in)
	} else {
		err = s.takeKey(f, in)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// takeKey reads the value of a setting. A file may name every setting, so that one which
// says what holds anyway is none that was asked for.
func (s *Scenario) takeKey(f field, in string) error {
	before, _ := f.value.MarshalText()
	if err := (&flagText{field: f, s: s}).take([]byte(in)); err != nil {
		return err
	}
	if after, err := f.value.MarshalText(); err != nil || !bytes.Equal(before, after) {
		s.give(f)
	}
	return nil
}

// scalarText turns a value, or a sequence of values, into the text of a flag.
func scalarText(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		var parts []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("a list inside a list")
			}
			parts = append(parts, item.Value)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("must be a value or a list of values")
}

// stripComments drops the lines that hold no YAML.
func stripComments(data []byte) string {
	var kept []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && line != "---" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Encode returns s as YAML that Decode reads back: every setting, one a line.
func (s *Scenario) Encode() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range s.fields() {
		value := &yaml.Node{}
		b, err := f.value.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("scenario: %s: %w", f.name, err)
		}
		value.SetString(string(b))
		if _, list := f.value.(anyList); list {
			value = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, part := range split(string(b)) {
				item := &yaml.Node{}
				item.SetString(part)
				value.Content = append(value.Content, item)
			}
		}
		key := &yaml.Node{}
		key.SetString(f.name)
		root.Content = append(root.Content, key, value)
	}
	data, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return data, nil
}

// suggestion names the legal key that is nearest to name.
func suggestion(name string, known map[string]field, others map[string]func(string) error) string {
	best := Nearest(name, slices.AppendSeq(slices.Collect(maps.Keys(known)), maps.Keys(others)))
	if best == "" {
		return ": legal keys are the names of the flags of run"
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance is the number of letters to add, drop, change or swap with the
// neighbour that turn a into b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev2, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(y)]
}
