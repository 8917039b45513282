package target

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Address is where a server is, and as whom and on which database we go there.
//
//	mysql://user:password@host:port/database?tls=true
//	mysql://user@unix(/run/mysqld/mysqld.sock)/database
//	postgres://user:password@host:port/database?sslmode=verify-full
//	postgres://user@unix(/run/postgresql/.s.PGSQL.5432)/database
//
// In user, password and database what means something in an address is
// percent-encoded, as in every URL: p%40ss for p@ss. tcp(host:port) may stand for
// host:port, mariadb for mysql, postgresql for postgres.
type Address struct {
	Scheme   string // SchemeMySQL or SchemePostgres
	User     string
	Network  string // unix or tcp
	Place    string // path of the socket, or host:port
	Database string
	Options  url.Values // of the driver, TLS among them; no password
	password *string    // a pointer, so that printing something that holds an Address does not print it
}

// The schemes.
const (
	SchemeMySQL    = "mysql" // MariaDB too
	SchemePostgres = "postgres"
)

// schemes are the schemes by the names that an address may begin with, and
// ports what is meant when none is given.
var (
	schemes = map[string]string{
		SchemeMySQL: SchemeMySQL, "mariadb": SchemeMySQL,
		SchemePostgres: SchemePostgres, "postgresql": SchemePostgres,
	}
	ports = map[string]string{SchemeMySQL: "3306", SchemePostgres: "5432"}
)

// errAddress ends each error of ParseAddress.
var errAddress = errors.New("want mysql://USER@HOST:PORT/DATABASE or mysql://USER@unix(/PATH)/DATABASE, likewise with postgres://")

// ParseAddress reads an address. Its errors hold nothing of the text, since any
// part of it may be a password that was not encoded.
func ParseAddress(text string) (Address, error) {
	a, err := parseAddress(text)
	if err != nil {
		return Address{}, fmt.Errorf("address of a server: %w: %w", err, errAddress)
	}
	return a, nil
}

func parseAddress(text string) (a Address, err error) {
	name, rest, ok := strings.Cut(text, "://")
	if a.Scheme = schemes[strings.ToLower(name)]; !ok || a.Scheme == "" {
		return a, errors.New("begins with none of mysql://, mariadb://, postgres://, postgresql://")
	}
	if rest, err = a.takePlace(rest); err != nil {
		return a, err
	}
	u, err := url.Parse(a.Scheme + "://" + rest)
	if err != nil { // its text would hold the password
		return a, errors.New("not a URL; a password needs its special characters encoded, such as %40 for @")
	}
	if a.Place == "" {
		if u.Hostname() == "" {
			return a, errors.New("no host")
		}
		a.Place = u.Host
	} else if u.Host != "" {
		return a, errors.New("a host beside the place in parentheses")
	}
	if a.Network == "tcp" {
		a.Place = withPort(a.Place, ports[a.Scheme])
		host, port, err := net.SplitHostPort(a.Place)
		if err != nil || host == "" || strings.ContainsAny(host, "[]") {
			return a, errors.New("no host, or brackets that hold none")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return a, errors.New("a port that is not 1 to 65535")
		}
		if u, err := url.Parse(a.Scheme + "://" + a.Place); err != nil || u.Host != a.Place { // out of tcp(...)
			return a, errors.New("a host with characters that none has")
		}
	}
	if a.Options, err = url.ParseQuery(u.RawQuery); err != nil {
		return a, errors.New("options after ? that are not NAME=VALUE&NAME=VALUE")
	}
	a.User, a.Database = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	a.takePassword(u.User)
	switch {
	case u.Fragment != "":
		return a, errors.New("a # (in a password: %23)")
	case a.User == "":
		return a, errors.New("no user")
	case a.Database == "":
		return a, errors.New("no database")
	case strings.ContainsAny(a.Database, "/@"): // the end of a password with a / in it would look like that
		return a, errors.New("a / or @ in the database (in a password: %2F, %40)")
	case strings.ContainsFunc(a.User+a.Place+a.Database, unicode.IsControl):
		return a, errors.New("a control character")
	}
	return a, nil
}

// takePlace takes unix(...) or tcp(...) out of what follows the scheme.
func (a *Address) takePlace(rest string) (string, error) {
	a.Network = "tcp"
	for _, network := range []string{"unix", "tcp"} {
		word := network + "("
		begin := strings.Index(rest, "@"+word) + 1
		if begin == 0 && !strings.HasPrefix(rest, word) {
			continue
		}
		place, after, ok := strings.Cut(rest[begin+len(word):], ")")
		switch {
		case !ok:
			return "", errors.New(word + " without )")
		case network == "unix" && !strings.HasPrefix(place, "/") && !strings.HasPrefix(place, "@"):
			return "", errors.New("the path of the socket does not begin with /")
		case strings.Trim(place, "@") == "":
			return "", errors.New(word + ") with nothing in it")
		}
		a.Network, a.Place = network, place
		return rest[:begin] + after, nil
	}
	return rest, nil
}

// takePassword keeps the password, also one that stands among the options, out
// of what is shown.
func (a *Address) takePassword(u *url.Userinfo) {
	if p, ok := u.Password(); ok {
		a.password = &p
	}
	for name := range a.Options {
		if strings.EqualFold(name, "password") {
			p := a.Options.Get(name)
			a.password = &p
			delete(a.Options, name)
		}
	}
}

// withPort completes a host without a port.
func withPort(place, port string) string {
	host, given, err := net.SplitHostPort(place)
	if err == nil && given != "" {
		return place
	}
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(place, "["), "]")
	}
	return net.JoinHostPort(host, port)
}

// Password returns the password, "" without one: for a driver alone.
func (a *Address) Password() string {
	if a.password == nil {
		return ""
	}
	return *a.password
}

// WithPassword returns a with another password.
func (a Address) WithPassword(password string) Address {
	a.password = &password
	return a
}

// Lend returns to with password and options of a when a goes to the same place
// as the same user, else to as it is: so that an address that was read from a
// file, where neither is kept, can be opened.
func (a Address) Lend(to Address) Address {
	if a.Scheme == to.Scheme && a.User == to.User && a.Network == to.Network && a.Place == to.Place {
		to.password, to.Options = a.password, a.Options
	}
	return to
}

// Local reports whether a leads to this machine: over a unix socket, or a
// loopback address.
func (a Address) Local() bool {
	if a.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(a.Place)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// String returns the address without password and options. ParseAddress reads
// it.
func (a Address) String() string {
	place := a.Place
	if a.Network == "unix" {
		place = "unix(" + place + ")"
	}
	return a.Scheme + "://" + url.User(a.User).String() + "@" + place + "/" + url.PathEscape(a.Database)
}

// GoString is String, lest %#v show more.
func (a Address) GoString() string { return a.String() }

// MarshalText implements encoding.TextMarshaler: String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: ParseAddress.
func (a *Address) UnmarshalText(text []byte) error {
	got, err := ParseAddress(string(text))
	if err == nil {
		*a = got
	}
	return err
}
