package target

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		text, want, password, option string // want: String, or for a bad one a part of the error
	}{
		{"mysql://user:p%40ss@host:3306/db?tls=true", "mysql://user@host:3306/db", "p@ss", "tls=true"},
		{"mysql://user@host/db", "mysql://user@host:3306/db", "", ""},
		{"MariaDB://user@host/db", "mysql://user@host:3306/db", "", ""},
		{"postgresql://u@h/d", "postgres://u@h:5432/d", "", ""},
		{"postgres://u:x@h:1/d?sslmode=verify-full", "postgres://u@h:1/d", "x", "sslmode=verify-full"},
		{"postgres://u@h/d?password=s3cret&sslmode=require", "postgres://u@h:5432/d", "s3cret", "sslmode=require"},
		{"mysql://u@[::1]/d", "mysql://u@[::1]:3306/d", "", ""},
		{"mysql://u@[::1]:33/d", "mysql://u@[::1]:33/d", "", ""},
		{"mysql://u@tcp(h:33)/d", "mysql://u@h:33/d", "", ""},
		{"mysql://root@unix(/run/mysqld/mysqld.sock)/test", "mysql://root@unix(/run/mysqld/mysqld.sock)/test", "", ""},
		{"mysql://root:a%3Ab@unix(/a b/c?d#e)/test?timeout=3s", "mysql://root@unix(/a b/c?d#e)/test", "a:b", "timeout=3s"},
		{"mysql://root@unix(@abstract)/d", "mysql://root@unix(@abstract)/d", "", ""},
		{"mysql://a%40b:x@h/d%25", "mysql://a%40b@h:3306/d%25", "x", ""},

		{"", "begins with none of", "", ""},
		{"http://u@h/d", "begins with none of", "", ""},
		{"mysql://h/d", "no user", "", ""},
		{"mysql://u@h", "no database", "", ""},
		{"mysql://u@h/", "no database", "", ""},
		{"mysql://u@:3306/d", "no host", "", ""},
		{"mysql://u@/d", "no host", "", ""},
		{"mysql://u@h:99999/d", "a port that is not 1 to 65535", "", ""},
		{"mysql://u@h:0/d", "a port that is not 1 to 65535", "", ""},
		{"mysql://u@tcp(h:http)/d", "a port that is not 1 to 65535", "", ""},
		{"mysql://u@h/a/b", "a / or @ in the database", "", ""},
		{"mysql://u:12/s3cret@h/d", "no user", "", ""},
		{"mysql://a@h:12/s3cret@h", "a / or @ in the database", "", ""},
		{"mysql://u:s3/cret@h/d", "not a URL", "", ""},
		{"mysql://u:s3cret#x@h/d", "not a URL", "", ""},
		{"mysql://u@h/d#s3cret", "a # (in a password: %23)", "", ""},
		{"mysql://u:s3cret%@h/d", "not a URL", "", ""},
		{"mysql://u@h/d?a=%zz", "options after ?", "", ""},
		{"mysql://u@unix(/x/d", "unix( without )", "", ""},
		{"mysql://u@unix(x)/d", "does not begin with /", "", ""},
		{"mysql://u@unix()/d", "does not begin with /", "", ""},
		{"mysql://u@unix(@)/d", "nothing in it", "", ""},
		{"mysql://u@tcp()/d", "nothing in it", "", ""},
		{"mysql://u@tcp( h)/d", "characters that none has", "", ""},
		{"mysql://u@tcp(h/x)/d", "characters that none has", "", ""},
		{"mysql://u@unix(/x)h/d", "a host beside", "", ""},
		{"mysql://u%00@h/d", "a control character", "", ""},
	} {
		a, err := ParseAddress(c.text)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(err.Error(), errAddress.Error()) || strings.Contains(err.Error(), "s3") {
				t.Errorf("ParseAddress(%q) = %v; want %q", c.text, err, c.want)
			}
			continue
		}
		if a.String() != c.want || a.Password() != c.password || a.Options.Encode() != c.option {
			t.Errorf("ParseAddress(%q) = %v, %q, %v; want %v, %q, %q", c.text, a, a.Password(), a.Options, c.want, c.password, c.option)
		}
	}
}

// checkAddress holds what is true of every address that was accepted: what is shown
// leads to the same place, and says nothing of the password.
func checkAddress(t interface{ Fatalf(string, ...any) }, a Address) {
	shown := a.String()
	again, err := ParseAddress(shown)
	if err != nil || again.String() != shown || again.Password() != "" || len(again.Options) != 0 {
		t.Fatalf("ParseAddress(%q) = %v, %v", shown, again, err)
	}
	text, err := json.Marshal(struct{ A Address }{a})
	if err != nil {
		t.Fatalf("%v", err)
	}
	const secret = "Th3Secr3t"
	b := a.WithPassword(secret)
	b.Options = nil
	hidden := struct{ a Address }{b} // fmt calls no String of a field like that
	for _, s := range []string{b.String(), string(text), fmt.Sprintf("%v %+v %#v %s %q", b, b, b, b, b), fmt.Sprintf("%v %+v %#v", hidden, &hidden, hidden)} {
		if strings.Contains(s, secret) {
			t.Fatalf("the password stands in %s", s)
		}
	}
	if lent := b.Lend(again); lent.Password() != secret {
		t.Fatalf("Lend(%v) keeps the password", again)
	}
}

// No password comes out again, wherever it stood and whatever it is made of.
func TestPasswordIsNotShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[!-~]{0,8}`).Draw(t, "around") + "Th3Secr3t" + rapid.StringMatching(`[!-~]{0,8}`).Draw(t, "behind")
		place := rapid.SampledFrom([]string{"host:33", "host", "[::1]:7", "unix(/a/b)", "tcp(h)"}).Draw(t, "place")
		scheme := rapid.SampledFrom([]string{"mysql", "postgres", "mariadb", "http"}).Draw(t, "scheme")
		encoded := password
		if rapid.Bool().Draw(t, "encoded") {
			encoded = url.QueryEscape(password)
		}
		text := scheme + "://user:" + encoded + "@" + place + "/db"
		if rapid.Bool().Draw(t, "as an option") {
			text = scheme + "://user@" + place + "/db?password=" + encoded
		}
		a, err := ParseAddress(text)
		if err != nil {
			if strings.Contains(err.Error(), "Th3Secr3t") {
				t.Fatalf("ParseAddress(%q) = %v", text, err)
			}
			return
		}
		if strings.Contains(a.String(), "Th3Secr3t") {
			t.Fatalf("ParseAddress(%q) = %v", text, a)
		}
		checkAddress(t, a)
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"mysql://user:p%40ss@host:3306/db?tls=true", "mysql://user@unix(/run/mysqld/mysqld.sock)/db", "postgres://u@[::1]/d?password=x",
		"mysql://u@tcp(h:1)/d#", "mysql://u@unix(/a)unix(/b)/d", "mysql://%75@h/%64?a=b&a=c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAddress(text); err == nil {
			checkAddress(t, a)
		}
	})
}

func TestLocal(t *testing.T) {
	for text, want := range map[string]bool{
		"mysql://u@unix(/a)/d": true, "mysql://u@localhost/d": true, "mysql://u@127.0.0.2:1/d": true, "mysql://u@[::1]/d": true,
		"mysql://u@db.example/d": false, "mysql://u@10.0.0.1/d": false,
	} {
		a, err := ParseAddress(text)
		if err != nil || a.Local() != want {
			t.Errorf("%s: Local() = %v, %v; want %v", text, a.Local(), err, want)
		}
	}
}

func TestLend(t *testing.T) {
	parse := func(text string) Address {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	from := parse("mysql://u:x@h/d?tls=true")
	for text, want := range map[string]string{
		"mysql://u@h/d": "x", "mysql://u@h:3306/other": "x", // the database does not matter to the server
		"mysql://v@h/d": "", "mysql://u@h:1/d": "", "mysql://u@g/d": "", "postgres://u@h:3306/d": "", "mysql://u@unix(/h)/d": "",
	} {
		to := parse(text)
		if got := from.Lend(to); got.Password() != want || got.String() != to.String() || got.Options.Has("tls") != (want != "") {
			t.Errorf("Lend(%s) has password %q, options %v; want %q", text, got.Password(), got.Options, want)
		}
	}
}
