//go:build browser

package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
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

// TestBrowserWaits: a page that goes away again and again is waited for as long as one
// that stays.
func TestBrowserWaits(t *testing.T) {
	const times = 75 // each ends a look at the page
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><p id="p">going</p>`)
		if asked.Add(1) < times {
			fmt.Fprint(w, `<script>location.reload()</script>`)
		} else {
			fmt.Fprint(w, `<script>document.getElementById("p").textContent = "stays"</script>`)
		}
	}))
	t.Cleanup(server.Close)
	b := Start(t)
	b.Eval(`location.href = "` + server.URL + `", 0`)
	b.Until(`document.getElementById("p").textContent === "stays"`)
	if n := asked.Load(); n != times {
		t.Errorf("asked %d times; want %d", n, times)
	}
}

// TestBrowserInItsFolder: all that a browser writes is in a folder that names the process
// of the test, so that the next test can tell what a killed one has left.
func TestBrowserInItsFolder(t *testing.T) {
	ours := func() []string {
		all, err := filepath.Glob(fmt.Sprintf("/tmp/%s%d-*", prefix, os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := ours()
	t.Run("running", func(t *testing.T) {
		Start(t).Eval("0")
		now := ours()
		if len(now) != len(before)+1 {
			t.Fatalf("folders %q, before %q; want one more", now, before)
		}
		for _, dir := range now {
			if in, err := os.ReadDir(dir); !slices.Contains(before, dir) && (err != nil || len(in) < 2) {
				t.Errorf("%s holds %v, %v; want its home and what it puts into the temporary folder", dir, in, err)
			}
		}
	})
}
