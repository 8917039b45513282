package report

// Style returns the style sheet of the page, so that other pages can look like it.
func Style() string { return pageCSS }

// Policy returns the page's Content-Security-Policy, for a server that sends it as a
// header too. It forbids every request.
func Policy() string { return policy }

// Clean returns s as the page shows it: one line without control characters, broken
// encoding or marks that turn the direction of text around, of a bounded length. It
// escapes nothing.
func Clean(s string) string { return clean(s) }
