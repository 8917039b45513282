package report

import (
	"slices"
	"strings"
)

// shortNames returns the names of cells without the axes on which all of them agree,
// but for controls, whose settings are their own; and those axes. A single cell keeps
// its name.
func shortNames(names []string) (short []string, agreed []string) {
	var cells [][]string
	for _, name := range names {
		if axes := strings.Split(name, ","); !isControl(name) && !slices.ContainsFunc(cells, func(c []string) bool { return slices.Equal(c, axes) }) {
			cells = append(cells, axes)
		}
	}
	if len(cells) > 1 {
		agreed = slices.DeleteFunc(slices.Clone(cells[0]), func(axis string) bool {
			return slices.ContainsFunc(cells, func(c []string) bool { return !slices.Contains(c, axis) })
		})
	}
	for _, name := range names {
		axes := strings.Split(name, ",")
		if !isControl(name) {
			axes = slices.DeleteFunc(axes, func(axis string) bool { return slices.Contains(agreed, axis) })
		}
		if len(axes) == 0 {
			axes = strings.Split(name, ",")
		}
		short = append(short, strings.Join(axes, ", "))
	}
	return short, agreed
}

// isControl reports whether a cell of a crash matrix is a control, by its name.
func isControl(name string) bool { return strings.HasPrefix(name, "control=") }

// shorten shortens the first column of a table, which has the names of cells, and says
// beside its title what they have in common.
func (t *Table) shorten() {
	var names []string
	for _, row := range t.Rows {
		names = append(names, row[0])
	}
	short, agreed := shortNames(names)
	for i, row := range t.Rows {
		row[0] = short[i]
	}
	if len(agreed) > 0 {
		whose := "all"
		if slices.ContainsFunc(names, isControl) {
			whose = "all but the controls"
		}
		t.About += "; " + whose + ": " + strings.Join(agreed, ", ")
	}
}
