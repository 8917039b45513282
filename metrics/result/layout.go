package result

import "bytes"

// oneLine puts each array of numbers, texts or truth values of indented JSON, as
// encoding/json writes it, on one line. A series of ten thousand numbers is then a
// line and not ten thousand, which made nine tenths of a result; a line is still the
// least that a diff shows. What the JSON says does not change.
func oneLine(indented []byte) []byte {
	out := make([]byte, 0, len(indented)/2)
	for len(indented) > 0 {
		line, rest := cutLine(indented)
		if end, ok := plainArray(line, rest); ok {
			out = append(out, line[:len(line)-1]...)
			for array := rest[:end]; len(array) > 0; {
				line, array = cutLine(array)
				out = append(out, bytes.TrimSpace(line)...)
			}
			out = append(out, '\n')
			rest = rest[end:]
		} else {
			out = append(out, line...)
		}
		indented = rest
	}
	return out
}

// plainArray reports whether line opens an array that holds neither arrays nor
// objects, and where in rest the line after it begins.
func plainArray(line, rest []byte) (end int, ok bool) {
	if !bytes.HasSuffix(line, []byte("[\n")) {
		return 0, false
	}
	for after := rest; len(after) > 0; {
		line, after = cutLine(after)
		end += len(line)
		switch text := bytes.TrimSpace(line); {
		case len(text) == 0, text[len(text)-1] == '[', text[len(text)-1] == '{':
			return 0, false
		case text[0] == ']':
			return end, true
		}
	}
	return 0, false
}

// cutLine splits off the first line, with its end.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1], b[i+1:]
	}
	return b, nil
}
