package target

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Address is where a server is, and as whom and on which database we go there.
//
//	mysql://user:password@host:port/database?tls=true
//	mysql://user@unix(/run/mysqld/mysqld.sock)/database
//	postgres://user:password@host:port/database?sslmode=verify-full
//	postgres://user@unix(/run/postgresql/.s.PGSQL.5432)/database
type Address struct {
	Scheme   string // mysql or postgres
	User     string
	Network  string // unix or tcp
	Place    string // path of the socket, or host:port
	Database string
	Options  url.Values // of the driver: TLS among them
	password string
}

// The schemes.
const (
	SchemeMySQL    = "mysql" // MariaDB too
	SchemePostgres = "postgres"
)

// errAddress ends each error of ParseAddress.
var errAddress = errors.New("want mysql://USER@HOST:PORT/DATABASE or mysql://USER@unix(/PATH)/DATABASE, likewise with postgres://")

// ParseAddress reads an address. Its errors do not hold the password.
func ParseAddress(text string) (Address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if scheme == "mariadb" {
		scheme = SchemeMySQL
	}
	if scheme == "postgresql" {
		scheme = SchemePostgres
	}
	if !ok || scheme != SchemeMySQL && scheme != SchemePostgres {
		return Address{}, fmt.Errorf("address of a server: %w", errAddress)
	}
	a := Address{Scheme: scheme, Network: "tcp"}
	if begin := strings.Index(rest, "unix("); begin >= 0 && (begin == 0 || rest[begin-1] == '@') {
		end := strings.IndexByte(rest[begin:], ')')
		if end < 0 {
			return Address{}, fmt.Errorf("address of a server: unix( without ): %w", errAddress)
		}
		a.Network, a.Place = "unix", rest[begin+len("unix("):begin+end]
		rest = rest[:begin] + rest[begin+end+1:]
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil { // its text would hold the password
		return Address{}, fmt.Errorf("address of a server: %w", errAddress)
	}
	if a.Network == "tcp" {
		a.Place = u.Host
	}
	a.User, a.Database, a.Options = u.User.Username(), strings.TrimPrefix(u.Path, "/"), u.Query()
	a.password, _ = u.User.Password()
	if a.Place == "" || a.User == "" || a.Database == "" || strings.Contains(a.Database, "/") {
		return Address{}, fmt.Errorf("address of a server: %w", errAddress)
	}
	return a, nil
}

// Password returns the password, for a driver alone.
func (a *Address) Password() string { return a.password }

// WithPassword returns a with another password.
func (a Address) WithPassword(password string) Address {
	a.password = password
	return a
}

// String returns the address without password and options.
func (a Address) String() string {
	place := a.Place
	if a.Network == "unix" {
		place = "unix(" + place + ")"
	}
	return a.Scheme + "://" + a.User + "@" + place + "/" + a.Database
}
