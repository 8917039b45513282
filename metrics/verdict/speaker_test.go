package verdict

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// kind is a kind of sentence. A sentence that matches none of them fails the tests, and so
// does a kind that no generated result brings forth.
type kind[T any] struct {
	name string
	form string // a regular expression of the whole sentence, each figure a group
	// differs is a part of it that claims a difference; "": it never does.
	differs string
	// figures returns what the sentence must say by its subject: the submatches of
	// form, computed the slow way; nil: the kind has no figures of its own. It may return
	// nil where the subject says nothing about them.
	figures func(*T, []string) []string
}

// speaker is a function of this package that says something, with all that it may say.
type speaker[T any] struct {
	name  string
	made  []func() *T       // what it may have to speak of, made by hand
	world func(seed int) *T // and generated
	seeds int               // how many of these are enough to hear all of it
	says  func(*T) []string
	kinds []kind[T]
	// turns says which knobs of a world are turned: not those that make another
	// experiment of it; nil: all.
	turns func(knob string) bool
}

// spoken is a sentence that was recognized.
type spoken struct {
	kind  int
	parts []string
}

// forms are compiled once.
var forms = map[string]*regexp.Regexp{}

func form(text string) *regexp.Regexp {
	if forms[text] == nil {
		forms[text] = regexp.MustCompile(`^(?:` + text + `)$`)
	}
	return forms[text]
}

// hear recognizes what is said of w, and says what is wrong with it; "": nothing.
func (s *speaker[T]) hear(w *T) (all []spoken, wrong string) {
	for _, text := range s.says(w) {
		k, parts := s.matched(text)
		if k < 0 {
			return all, fmt.Sprintf("a sentence of no known kind: %s", text)
		}
		all = append(all, spoken{k, parts})
		if s.kinds[k].figures == nil {
			continue
		}
		if want := s.kinds[k].figures(w, parts); want != nil && !slices.Equal(parts[1:], want) {
			return all, fmt.Sprintf("%s: %s\nsays %q; by the figures %q", s.kinds[k].name, text, parts[1:], want)
		}
	}
	return all, ""
}

// matched returns the kind of a sentence by its place, and its parts; below 0: it has none.
func (s *speaker[T]) matched(sentence string) (k int, parts []string) {
	for i := range s.kinds {
		if m := form(s.kinds[i].form).FindStringSubmatch(sentence); m != nil {
			return i, m
		}
	}
	return -1, nil
}

// follow holds that each figure of each kind of sentence is that of a slow computation,
// and that it changes when a figure of the result alone is changed: each by itself, in
// every world. A kind without figures must come or go. A group whose name begins with "its"
// says of what the sentence speaks, or how sure it is.
func (s *speaker[T]) follow(t *testing.T) {
	t.Helper()
	left := map[string]bool{}
	for _, k := range s.kinds {
		names := form(k.form).SubexpNames()[1:]
		if len(names) > 0 && k.figures == nil {
			t.Errorf("%s: %q has figures that nobody computes a second time", s.name, k.name)
		}
		if loose := looseDigits(k.form); loose != "" {
			t.Errorf("%s: %q has a figure outside of a group: %s", s.name, k.name, loose)
		}
		left[k.name] = true
		for i, name := range names {
			if !strings.HasPrefix(name, "its") {
				left[fmt.Sprintf("%s, figure %d", k.name, i+1)] = true
			}
		}
	}
	for seed := range len(s.made) + s.seeds {
		var w *T
		if seed < len(s.made) {
			w = s.made[seed]()
		} else {
			w = s.world(seed - len(s.made))
		}
		before, wrong := s.hear(w)
		if wrong != "" {
			t.Fatalf("%s, world %d: %s", s.name, seed, wrong)
		}
		turned := knobs(w)
		if !s.mayTell(before, left) || len(turned) > mostKnobs {
			continue
		}
		for _, knob := range turned {
			if s.turns != nil && !s.turns(knob.path) {
				continue
			}
			for turn := range turns {
				back := knob.turn(turn)
				after, wrong := s.hear(w)
				back()
				if wrong != "" {
					t.Fatalf("%s, world %d, %s turned (%d): %s", s.name, seed, knob.path, turn, wrong)
				}
				s.compare(before, after, left)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	for _, name := range sorted(left) {
		t.Errorf("%s: nothing that is changed in a result changes %s", s.name, name)
	}
}

// mostKnobs is how many knobs a world may have for them to be turned: in a larger one
// the sentences are only held against their oracles.
const mostKnobs = 400

// mayTell reports whether one of the sentences has figures that are left, or whether kinds
// are that have none.
func (s *speaker[T]) mayTell(said []spoken, left map[string]bool) bool {
	for name := range left {
		k := slices.IndexFunc(s.kinds, func(k kind[T]) bool { return name == k.name || strings.HasPrefix(name, k.name+", figure ") })
		if slices.ContainsFunc(said, func(x spoken) bool { return x.kind == k }) {
			return true
		}
	}
	return false
}

// compare takes out of left what differs.
func (s *speaker[T]) compare(before, after []spoken, left map[string]bool) {
	for k := range s.kinds {
		of := func(all []spoken) (m [][]string) {
			for _, x := range all {
				if x.kind == k {
					m = append(m, x.parts)
				}
			}
			return m
		}
		a, b := of(before), of(after)
		name := s.kinds[k].name
		if len(a) != len(b) {
			delete(left, name)
			continue
		}
		for i := range a {
			for g := 1; g < len(a[i]); g++ {
				if a[i][g] != b[i][g] {
					delete(left, name)
					delete(left, fmt.Sprintf("%s, figure %d", name, g))
				}
			}
		}
	}
}

func sorted(set map[string]bool) (names []string) {
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// looseDigits returns the first digits of an expression outside of its groups, those of
// names that are no figures left out.
func looseDigits(text string) string {
	for _, name := range []string{"1/1", "at least 5 can", "[Pp]olicy 1", "Policy 1", "policy 1", "1 to 2 is", "95 %", "p99", "p50", "p < 0", `\(1 to 2 `, "--rounds 10", "--rounds 20", "5 rounds or more", "--sync-binlog 1"} {
		text = strings.ReplaceAll(text, name, "")
	}
	depth, at := 0, -1
	var capturing []bool
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '(':
			of := !strings.HasPrefix(text[i:], "(?") || strings.HasPrefix(text[i:], "(?P<")
			if of {
				depth++
			}
			capturing = append(capturing, of)
		case c == ')':
			if capturing[len(capturing)-1] {
				depth--
			}
			capturing = capturing[:len(capturing)-1]
		case depth == 0 && c >= '0' && c <= '9' && at < 0:
			at = i
		}
	}
	if at < 0 {
		return ""
	}
	return text[at:]
}

// knob is a figure of a world, or the same one of all its rounds, which can be turned.
type knob struct {
	path   string
	values []reflect.Value
}

// knobs are all of a world that are not zero, in the order of its fields. The parameters of all cells are one
// knob each, so that they stay one experiment.
func knobs(w any) (all []*knob) {
	at := map[string]*knob{}
	add := func(path string, v reflect.Value) {
		if at[path] == nil {
			at[path] = &knob{path: path}
			all = append(all, at[path])
		}
		at[path].values = append(at[path].values, v)
	}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.Pointer:
			if v.Type() == reflect.TypeFor[*result.AtRisk]() && !v.IsNil() && v.CanSet() {
				add(path+" gone", v)
			}
			if !v.IsNil() {
				walk(v.Elem(), path)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				if !f.IsExported() {
					continue
				}
				walk(v.Field(i), path+"."+f.Name)
			}
		case reflect.Slice:
			if v.Type() == reflect.TypeFor[json.RawMessage]() {
				return
			}
			for i := range v.Len() {
				each := fmt.Sprintf("[%d]", i)
				if e := v.Type().Elem(); e == reflect.TypeFor[result.Round]() || e.Kind() == reflect.Float64 {
					each = "[*]"
				}
				walk(v.Index(i), path+each)
			}
			if v.CanSet() && v.Len() > 0 {
				add(path+" shorter", v)
			}
		case reflect.Map, reflect.Interface, reflect.Func:
		default:
			if v.CanSet() && (v.Kind() == reflect.Bool || !v.IsZero() || strings.HasSuffix(path, ".Preset")) {
				add(params.ReplaceAllString(path, "Cells[*].Params."), v)
			}
		}
	}
	walk(reflect.ValueOf(w), "")
	return all
}

var params = regexp.MustCompile(`Cells\[[0-9]+\]\.Params\.`)

// turns is in how many ways a knob is turned.
const turns = 2

// words are what a text becomes when its knob is turned: a name of the same kind where
// others are known.
var words = [turns]map[string]string{
	{"0": "2", "2": "0", "1": "1", "3": "3", "": "quick", "quick": "", result.LoadPaced: result.LoadPaced, result.LoadClosed: result.LoadClosed},
	{"1": "2", "2": "1", "0": "0", "3": "3", "": "other", result.LoadPaced: result.LoadPaced, result.LoadClosed: result.LoadClosed},
}

// turn changes the values, each in the same way, and returns what undoes it.
func (k *knob) turn(how int) (back func()) {
	before := make([]reflect.Value, len(k.values))
	seen := map[any]bool{} // rounds of two cells may share a value
	for i, v := range k.values {
		before[i] = reflect.New(v.Type()).Elem()
		before[i].Set(v)
	}
	for _, v := range k.values {
		if seen[v.Addr().Interface()] {
			continue
		}
		seen[v.Addr().Interface()] = true
		switch v.Kind() {
		case reflect.Slice:
			v.Set(v.Slice(0, v.Len()-1))
		case reflect.Pointer:
			v.SetZero()
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64, reflect.Int32:
			less := v.Int() / 3
			if strings.Contains(k.path, ".Params.") || strings.HasSuffix(k.path, ".Round") {
				less = 3*v.Int() + 2 // no two cells or rounds become one
			}
			v.SetInt([turns]int64{2*v.Int() + 1, less}[how])
		case reflect.Uint64, reflect.Uint32, reflect.Uint:
			v.SetUint([turns]uint64{2*v.Uint() + 1, v.Uint() / 3}[how])
		case reflect.Float64:
			v.SetFloat([turns]float64{1.7*v.Float() + 0.01, v.Float() / 3}[how])
		case reflect.String:
			text, ok := words[how][v.String()]
			switch {
			case v.String() == "" && !strings.HasSuffix(k.path, ".Preset"):
				continue // nothing is there that could be another one
			case !ok:
				text = v.String() + "x"
			}
			v.SetString(text)
		}
	}
	return func() {
		for i, v := range k.values {
			v.Set(before[i])
		}
	}
}
