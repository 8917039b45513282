package serve

import (
	"bytes"
	_ "embed" // the parts of the pages
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"flushbench/plots/report"
)

//go:embed pages.html
var pagesHTML string

//go:embed serve.css
var styleSheet string

//go:embed live.js
var liveScript string

// pages are the templates, one a page, on a common sheet. Their functions are pure.
var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"element":   url.PathEscape, // a name as one element of a path
	"clean":     report.Clean,
	"breakable": report.Breakable,
}).Parse(pagesHTML))

// sheet is what every page shows around its own.
type sheet struct {
	Title string // of the window
	Here  string // which page of the navigation this is: list, live or ""
	Page  any    // what the page itself shows
}

// show sends a page. Nothing is sent before all of it is made.
func (s *Server) show(w http.ResponseWriter, r *http.Request, code int, name string, page sheet) {
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, name, page); err != nil {
		s.config.Note("page " + name + ": " + report.Clean(err.Error()))
		http.Error(w, "This page cannot be made.", http.StatusInternalServerError)
		return
	}
	send(w, r, code, "text/html; charset=utf-8", text.Bytes())
}

// send answers with a whole body.
func send(w http.ResponseWriter, r *http.Request, code int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who has gone does not miss it
	}
}

// refuse answers with a page that says why there is no other.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, why string) {
	s.show(w, r, code, "refused", sheet{Title: http.StatusText(code), Page: struct{ Code, Text string }{strconv.Itoa(code) + " " + http.StatusText(code), why}})
}
