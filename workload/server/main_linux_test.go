package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload/target"
)

// playAs names what this test binary, started once more, is to do.
const playAs = "SERVER_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(playAs); what != "" {
		if err := play(what, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// small keeps the servers of tests small. PostgreSQL's least log is two segments.
var small = Tuning{RedoBytes: 32 << 20, PoolBytes: 16 << 20}

// installed are the products that this machine has. None is a lack.
func installed(t *testing.T) []target.Product {
	t.Helper()
	var have []target.Product
	for _, p := range []target.Product{target.MariaDB, target.PostgreSQL, target.MySQL} {
		_, _, err := Find(p)
		switch {
		case err == nil:
			have = append(have, p)
		case p == target.MySQL: // Debian has none
		default:
			testenv.Lack(t, err)
		}
	}
	return have
}

// need returns a product's binary.
func need(t *testing.T, p target.Product) string {
	t.Helper()
	path, _, err := Find(p)
	if err != nil {
		testenv.Lack(t, err)
	}
	return path
}

// begin starts a server that ends with the test.
func begin(t *testing.T, c Config) *Server {
	t.Helper()
	need(t, c.Product)
	s, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask runs statements by the product's own client and returns what it prints.
func ask(t *testing.T, s *Server, sql string) string {
	t.Helper()
	out, err := client(s, sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func client(s *Server, sql string) (string, error) {
	name, args := "mariadb", []string{"--no-defaults", "--batch", "--skip-column-names", "--user=root", "--socket=" + s.place, s.config.Database}
	switch s.kind.product {
	case target.PostgreSQL:
		name = "psql"
		args = []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", strings.TrimSuffix(s.place, "/"+s.kind.socketName), "-U", "postgres", s.config.Database}
	case target.MySQL:
		name = "mysql"
	}
	path, err := beside(s.Binary(), name)
	if err != nil {
		return "", err
	}
	var said bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(sql), &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
