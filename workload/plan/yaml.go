package plan

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"flushbench/workload/scenario"
)

// maxFileBytes is the largest file of objectives.
const maxFileBytes = 1 << 20

// Decode reads YAML over o: keys are the names of Settings, underscores for hyphens
// too; lists (max-loss, crashes, assume) are texts as in flags, sequences of such or
// mappings. keep names settings that stay whatever the file says; nil keeps none. The
// caller must Validate.
func (o *Objectives) Decode(data []byte, keep func(name string) bool) error {
	if len(data) > maxFileBytes {
		return fmt.Errorf("plan: a file of %d bytes: at most %d are legal", len(data), maxFileBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("plan: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("plan: line %d: must be lines of \"key: value\", such as tps: 5000", root.Line)
	}
	known, names := map[string]Setting{}, []string{}
	for _, s := range o.Settings() {
		known[s.Name] = s
		names = append(names, s.Name)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := strings.ReplaceAll(strings.TrimSpace(key.Value), "_", "-")
		s, ok := known[name]
		switch {
		case !ok:
			return fmt.Errorf("plan: line %d: unknown key %q%s", key.Line, key.Value, hint(name, names))
		case seen[name]:
			return fmt.Errorf("plan: line %d: %s is given twice", key.Line, name)
		}
		seen[name] = true
		text, err := textOf(value)
		if err != nil {
			return fmt.Errorf("plan: line %d: %s: %w", value.Line, name, err)
		}
		if keep != nil && keep(name) {
			continue
		}
		if err := s.Value.Set(text); err != nil {
			return fmt.Errorf("plan: line %d: %s: %w", value.Line, name, err)
		}
	}
	return nil
}

// hint names the legal key that is nearest to name.
func hint(name string, legal []string) string {
	if near := scenario.Nearest(name, legal); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ": legal keys are " + strings.Join(legal, ", ")
}

// textOf is a value as a flag would be given it.
func textOf(n *yaml.Node) (string, error) {
	var parts []string
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("a list inside a list")
			}
			parts = append(parts, item.Value)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				return "", errors.New("a list inside a list")
			}
			parts = append(parts, n.Content[i].Value+"="+n.Content[i+1].Value)
		}
	default:
		return "", errors.New("must be a value or a list of values")
	}
	return strings.Join(parts, ","), nil
}
