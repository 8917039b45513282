// Package browser shows pages to a real browser, for tests: it starts Debian's
// chromium without a window, drives it through its debugging pipe, and tells what
// the page said, asked for and looks like. It also runs axe-core on a page, the
// rules of accessibility that browsers' own tools use.
//
// It is no part of the tool, and it judges by geometry and by rules, never by
// comparing dots: fonts differ between machines.
//
// INVARIANT: nothing waits for a time to pass, but for a download that failed. Every
// wait is for a condition, and its limit is only met when the browser hangs.
//
// A Browser belongs to the goroutine of its test.
package browser
