package serve

import (
	"net/http"
	"net/url"

	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// livePage is what a run shows that goes on. Without a script it is all there is.
type livePage struct {
	Name string
	Live *result.Live // nil: no run is at work
	Left string
	Now  []figure
}

// showNewestLive leads to the run that is at work, or says that there is none.
func (s *Server) showNewestLive(w http.ResponseWriter, r *http.Request) {
	names, err := s.folder.names()
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "The folder of results cannot be read: "+report.Clean(err.Error()))
		return
	}
	switch live := s.live(names); len(live) {
	case 0:
		s.show(w, r, http.StatusOK, "none", sheet{Title: "Live", Here: "live"})
	case 1:
		w.Header().Set("Location", "/live/"+url.PathEscape(live[0]))
		s.refuse(w, r, http.StatusSeeOther, "The run has a page of its own.")
	default:
		s.show(w, r, http.StatusOK, "several", sheet{Title: "Live", Here: "live", Page: live})
	}
}

// showLive shows a run that goes on.
func (s *Server) showLive(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !s.known(name) {
		s.refuse(w, r, http.StatusNotFound, "There is no such result.")
		return
	}
	page := livePage{Name: name}
	if l, err := s.snapshot(name); err == nil && !l.Over() {
		page.Live, page.Left, page.Now = &l, leftText(&l), figures(&l)
		w.Header().Set("Content-Security-Policy", livePolicy)
	}
	s.show(w, r, http.StatusOK, "live", sheet{Title: "Live: " + report.Clean(name), Here: "live", Page: page})
}
