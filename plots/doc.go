// Package plots draws the pictures of a result: PNG and SVG, from the saved
// result alone.
//
// It decides what to show and how it looks. It measures nothing, and what it
// claims in a title or a description it takes from metrics/stats and
// metrics/verdict, by the same rules as the terminal: a difference is named
// only when it is significant and above the noise.
//
// INVARIANT: the same result gives the same bytes, on every machine.
// INVARIANT: no data make it panic. Figures that are missing, not finite or
// absurdly large are left out; a picture that is left with none says so.
//
// A picture is a list of strokes, fills and texts on a canvas of points
// (1/72 inch, y grows downwards). Two canvases exist. That of PNG is gonum's
// vgimg. That of SVG is our own, because gonum's knows neither groups nor
// descriptions, and either embeds 1.1 MB of fonts or relies on them being
// installed: ours tells the width of every text, so that any font fits, and
// marks what a page's script and style sheet can take hold of.
//
// The fonts are Liberation Sans, compiled in; none of the system is used. All
// functions may be called by several goroutines at once, as long as nobody
// changes the result meanwhile.
package plots
