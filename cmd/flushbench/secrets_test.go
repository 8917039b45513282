package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"flushbench/workload/target"
)

// TestRedact: no password of an address is left in a command line, and nothing else
// of it is taken.
func TestRedact(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"mysql://u:pw@h:3306/d", "mysql://u:***@h:3306/d"},
		{"--target=engine,mysql://u:pw@h/d,postgres://v:px@unix(/s)/e", "--target=engine,mysql://u:***@h/d,postgres://v:***@unix(/s)/e"},
		{"MariaDB://u:p/w@x@h/d", "MariaDB://u:***@h/d"},
		{"postgresql://u@h/d?sslmode=require&password=pw&x=1", "postgresql://u@h/d?sslmode=require&password=***&x=1"},
		{"postgres://u@h/d?sslpassword=pw", "postgres://u@h/d?sslpassword=***"},
		{"mysql://u@h:3306/d", "mysql://u@h:3306/d"},
		{"mysql://u@unix(/a:b)/d", "mysql://u@unix(/a:b)/d"},
		{"http://u:pw@h", "http://u:pw@h"},
		{"", ""},
	} {
		if got := redact(c.in); got != c.want {
			t.Errorf("redact(%q) = %q; want %q", c.in, got, c.want)
		}
	}
}

// FuzzRedact: what stands between the user and the last @ never shows.
func FuzzRedact(f *testing.F) {
	f.Add("u", "secret-pw", "h/d")
	f.Add("", "a:b/c?d@e", "unix(/x)/d?x=1")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		if strings.ContainsAny(user, ":@/") || strings.Contains(rest, "@") || len(password) < 4 || strings.Contains("mysql://"+user+hidden+rest, password) || serverAddress.MatchString(user+password+rest) {
			t.Skip()
		}
		if got := redact("mysql://" + user + ":" + password + "@" + rest); strings.Contains(got, password) {
			t.Errorf("redact left %q in %q", password, got)
		}
	})
}

func TestWithPassword(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		address, file, env string
		want, wrong        string
	}{
		{"mysql://u@h/d", "", "", "", ""},
		{"mysql://u@h/d", "", "env", "env", ""},
		{"mysql://u:url@h/d", "", "env", "url", ""},
		{"mysql://u@h/d", write("a", "file\r\nmore"), "env", "file", ""},
		{"mysql://u:url@h/d", write("b", "file"), "", "", "one of them"},
		{"mysql://u@h/d", write("c", "\nx"), "", "", "first line"},
		{"mysql://u@h/d", write("d", strings.Repeat("x", maxPasswordFile+1)), "", "", "first line"},
		{"mysql://u@h/d", filepath.Join(dir, "none"), "", "", "--password-file"},
	} {
		t.Setenv(passwordVariable, c.env)
		a, err := target.ParseAddress(c.address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := withPassword(a, c.file)
		switch {
		case c.wrong == "" && (err != nil || got.Password() != c.want):
			t.Errorf("withPassword(%s, %q), env %q = %q, %v; want %q", a, c.file, c.env, got.Password(), err, c.want)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "url")):
			t.Errorf("withPassword(%s, %q) = %v; want an error with %q", a, c.file, err, c.wrong)
		}
	}
}

// TestPasswordNotInTitle: once flushbench is at work, neither its title nor what it
// prints holds the password of its command line.
func TestPasswordNotInTitle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a server that never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	const password = "s3cr3t-Passw0rd"
	var out bytes.Buffer
	cmd := exec.Command(binary, "audit", "mysql://looker:"+password+"@"+silent.Addr().String()+"/d")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept() // it is at work
	if err != nil {
		t.Fatal(err)
	}
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	_ = conn.Close()
	_ = cmd.Wait() // it fails: nobody answered
	if strings.Contains(string(title), password) || !strings.Contains(string(title), "looker:xxxx") {
		t.Errorf("the title is %q", title)
	}
	if text := out.String(); strings.Contains(text, password) || !strings.Contains(text, "looker@") {
		t.Errorf("it printed %q; want the address without its password", text)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitUsage {
		t.Errorf("exit code %d; want %d", code, exitUsage)
	}
}
