package result

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestEveryFieldIsDocumented looks for each JSON field in the schema's page.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/result-schema.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[typ] || typ == reflect.TypeFor[time.Time]() {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name != strings.ToLower(name) {
				t.Errorf("%v.%s has no JSON name, or one in upper case", typ, f.Name)
			}
			if !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "`"+name+"[]`") {
				t.Errorf("docs/result-schema.md does not name %s (%v)", name, typ)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Result]())
	walk(reflect.TypeFor[Live]())
}
