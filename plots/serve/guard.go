package serve

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard answers what is no plain look at a page, and hands on the rest.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", plainPolicy)
		switch {
		case !s.ours(r):
			// The name of another site that was made to resolve to this machine.
			s.refuse(w, r, http.StatusMisdirectedRequest, "This server does not go by the name that was asked for.")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			s.refuse(w, r, http.StatusMethodNotAllowed, "Only looking is possible here: GET and HEAD.")
		case r.ContentLength != 0:
			h.Set("Connection", "close") // nobody reads it
			s.refuse(w, r, http.StatusRequestEntityTooLarge, "A request with a body means nothing here.")
		case foreign(r):
			s.refuse(w, r, http.StatusForbidden, "Another site's page may link here, but not load anything.")
		case !plainPath(r):
			s.refuse(w, r, http.StatusBadRequest, "No page has such a path.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// plainPolicy is what pages without a script may do: show their style sheet and send
// a form back here.
const plainPolicy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// livePolicy lets a page run its one script, which may ask this server alone.
const livePolicy = plainPolicy + "; script-src 'self'; connect-src 'self'"

// ours reports whether a request names a host that this server is: this machine by
// its loopback names, the host that it was told to listen on, or the address that the
// connection came in on.
func (s *Server) ours(r *http.Request) bool {
	host := hostOf(r.Host)
	if host == "" {
		return false
	}
	if host == "localhost" || host == "127.0.0.1" || host == "::1" || host == s.host {
		return true
	}
	asked, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return local != nil && addrOf(local) == asked.Unmap()
}

// hostOf returns the host of HOST, HOST:PORT, [HOST]:PORT in small letters, without a
// final dot; "" if it is none.
func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	} else if h, ok := strings.CutPrefix(hostport, "["); ok {
		if host, ok = strings.CutSuffix(h, "]"); !ok {
			return ""
		}
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// addrOf returns the IP address of a TCP address, or the zero one.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// foreign reports whether another site's page wants to load something from here, in
// the words of its browser. It could not read it, but it could keep us busy.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate"
	}
	return false
}

// plainPath reports whether each element of the path is a name, written so that nobody
// behind can read it as anything else.
func plainPath(r *http.Request) bool {
	p := r.URL.Path
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") {
		return false
	}
	if strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f") {
		return false
	}
	for element := range strings.SplitSeq(p[1:], "/") {
		if element == "." || element == ".." {
			return false
		}
	}
	return !strings.Contains(p, "//")
}
