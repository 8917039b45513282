//go:build browser

package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestBrowserOpens: a page is there when its last picture is, also where the server
// leads to it from another address, and where the old page stays for a while.
func TestBrowserOpens(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/moved", http.RedirectHandler("/page", http.StatusSeeOther))
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><p id="first">first</p><img src="/last" alt="last">`)
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("/last", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b := Start(t)
	for _, path := range []string{"/page", "/moved", "/page#first", "/page#again"} {
		b.Open(server.URL + path)
		if got := b.Eval(`location.pathname + ":" + document.images[0].width`); got != "/page:7" {
			t.Errorf("%s: shows %v before it is whole; want the page and its picture", path, got)
		}
	}
	if said := b.Complaints(); len(said) > 0 {
		t.Errorf("console: %v", said)
	}
}
