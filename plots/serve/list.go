package serve

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// perPage is how many results a page lists.
const perPage = 100

// listPage is what the list shows.
type listPage struct {
	Cards        []card
	Shown        string // which of how many
	Newer, Older int    // numbers of the neighbouring pages; 0: none
}

// showList lists the results, newest first.
func (s *Server) showList(w http.ResponseWriter, r *http.Request) {
	names, err := s.folder.names()
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "The folder of results cannot be read: "+report.Clean(err.Error()))
		return
	}
	s.cards.keep(names)
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	last := max(1, (len(names)+perPage-1)/perPage)
	number = min(max(number, 1), last)
	from, to := (number-1)*perPage, min(number*perPage, len(names))
	page := listPage{Newer: number - 1, Shown: fmt.Sprintf("%d, newest first.", len(names))}
	if last > 1 {
		page.Shown = fmt.Sprintf("%d to %d of %d, newest first.", from+1, to, len(names))
	}
	if number < last {
		page.Older = number + 1
	}
	for _, name := range names[from:to] {
		c, err := s.card(r.Context(), name)
		if err != nil {
			return // the reader has gone
		}
		if c.Error == "" && s.isLive(name) {
			c.Running, c.State, c.Answer = true, stateRunning, ""
		}
		page.Cards = append(page.Cards, c)
	}
	s.show(w, r, http.StatusOK, "list", sheet{Title: "Results", Here: "list", Page: page})
}

// known reports whether there is a result of that name.
func (s *Server) known(name string) bool {
	file, _, err := s.folder.open(name, result.FileName)
	if err != nil {
		return false
	}
	_ = file.Close()
	return true
}

// refuseResult answers for a result that cannot be read.
func (s *Server) refuseResult(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errNotFound) {
		s.refuse(w, r, http.StatusNotFound, "There is no such result.")
		return
	}
	s.refuse(w, r, http.StatusUnprocessableEntity, "This result cannot be read: "+report.Clean(err.Error()))
}

// showReport sends the report of a result: the bytes of its report.html, made anew.
func (s *Server) showReport(w http.ResponseWriter, r *http.Request) {
	done, err := s.turn(r.Context())
	if err != nil {
		return // the reader has gone
	}
	defer done()
	res, err := s.folder.load(r.PathValue("name"))
	if err != nil {
		s.refuseResult(w, r, err)
		return
	}
	text, err := s.config.Report(res)
	if err != nil {
		s.refuseResult(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", report.Policy()+"; frame-ancestors 'none'")
	send(w, r, http.StatusOK, "text/html; charset=utf-8", text)
}

// files are those of a result that may be fetched as they are, with their kinds: all
// are shown as text, never as a page.
var files = map[string]string{
	result.FileName:       "application/json",
	result.BenchFileName:  "text/plain; charset=utf-8",
	result.SeriesFileName: "text/csv; charset=utf-8",
	result.CellsFileName:  "text/csv; charset=utf-8",
	result.HLogFileName:   "text/plain; charset=utf-8",
	result.FioFileName:    "application/json",
}

// sendFile sends a file of a result.
func (s *Server) sendFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	kind, ok := files[name]
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "There is no such file.")
		return
	}
	file, info, err := s.folder.open(r.PathValue("name"), name)
	if err != nil {
		s.refuseResult(w, r, err)
		return
	}
	defer func() { _ = file.Close() }()
	if info.Size() > result.MaxFileBytes {
		s.refuse(w, r, http.StatusUnprocessableEntity, "This file is larger than any that flushbench writes.")
		return
	}
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", info.ModTime(), file)
}
