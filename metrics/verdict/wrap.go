package verdict

import (
	"strings"
	"unicode/utf8"
)

// Width is the width of the terminal that all screens are made for.
const Width = 80

// Wrap breaks text between words into lines of at most width characters. A
// word that is longer than a line stands alone on one, unbroken.
func Wrap(text string, width int) []string {
	var lines []string
	line, length := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
			line, length = word, n
		case length+1+n <= width:
			line, length = line+" "+word, length+1+n
		default:
			lines = append(lines, line)
			line, length = word, n
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// labelWidth is the column in which the text of a block begins.
const labelWidth = 8

// Block lays sentences out beside a label: each sentence begins a line, and
// lines that follow hang below the text. A label of two words stands on two
// lines. No line is longer than width, unless a single word is.
func Block(label string, sentences []string, width int) []string {
	var text []string
	for _, s := range sentences {
		text = append(text, Wrap(s, width-labelWidth)...)
	}
	labels := strings.Fields(label)
	var lines []string
	for i := range max(len(text), len(labels)) {
		l, t := "", ""
		if i < len(labels) {
			l = labels[i]
		}
		if i < len(text) {
			t = text[i]
		}
		pad := strings.Repeat(" ", max(labelWidth-utf8.RuneCountInString(l), 1))
		lines = append(lines, strings.TrimRight(l+pad+t, " "))
	}
	return lines
}
