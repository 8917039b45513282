package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/workload"
	"flushbench/workload/target"
)

// onNetwork are options of a server that listens on the loopback address with a
// certificate that nobody vouches for, and where it does.
func onNetwork(t testing.TB) (options []string, place string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fb-cert-") // the server's user can enter it
	if err != nil {
		t.Fatal(err)
	}
	testServers.Lock()
	testServers.certs = dir
	testServers.Unlock()
	cert, key := selfSigned(t)
	files := map[string][]byte{"cert.pem": cert, "key.pem": key}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	return []string{
		"--skip-networking=OFF", "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port),
		"--ssl-cert=" + filepath.Join(dir, "cert.pem"), "--ssl-key=" + filepath.Join(dir, "key.pem"),
	}, fmt.Sprintf("127.0.0.1:%d", port)
}

// freePort finds a port below those that the kernel gives to clients, so that nobody
// has it a moment later.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + mathrand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// selfSigned makes a certificate for 127.0.0.1, and its key.
func selfSigned(t testing.TB) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// On a network: a password is asked for and never said again, and with tls=skip-verify
// every connection is encrypted, the clients' too. A certificate that nobody vouches for
// is named as the cause, as is a server that wants TLS of one who does not.
func TestServerOnNetwork(t *testing.T) {
	const password = "s3cr3t-Passw0rd"
	private := sharedServer(t)
	root := openServer(t, private.Address())
	sqlExec(t, root, "CREATE USER far@'127.0.0.1' IDENTIFIED BY '"+password+"' REQUIRE SSL", "GRANT ALL ON flushbench.* TO far@'127.0.0.1'")
	t.Cleanup(func() { sqlExec(t, root, "DROP USER far@'127.0.0.1'") })
	address := func(password, tls string) target.Address {
		a, err := target.ParseAddress("mysql://far:" + url.QueryEscape(password) + "@" + private.place + "/flushbench?tls=" + tls)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	s := openServer(t, address(password, "skip-verify"))
	if !s.Info().Local {
		t.Errorf("Info() = %+v; want a local one", s.Info())
	}
	g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 20}, 2)
	tg := newTarget(t, s, g, 2)
	runClients(t, g, sessions(t, tg, 2), 20)
	if cipher, err := connect(t, tg, 0).link.one(t.Context(), "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"); err != nil || cipher == "" {
		t.Errorf("cipher of a client's session %q, %v; want one", cipher, err)
	}
	for _, c := range []struct{ password, tls, want string }{
		{password, "true", "SSL_CERT_FILE"},
		{password, "false", "Access denied"},
		{"wr0ng-Passw0rd", "skip-verify", "Access denied"},
	} {
		got, err := Open(t.Context(), address(c.password, c.tls))
		if err == nil {
			t.Errorf("tls=%s, password %s: Open() = %v; want an error", c.tls, c.password, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "Passw0rd") || strings.Contains(text, "\n") || errors.Is(err, target.ErrConnectionLost) {
			t.Errorf("tls=%s: %v; want one line with %q", c.tls, err, c.want)
		}
	}
}

// Two transactions that want each other's row: the server ends one, which counts as
// a deadlock and, run again, commits; the other does not notice.
func TestServerDeadlock(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	g := withTables(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 2)
	all := sessions(t, newTarget(t, s, g, 2), 2)
	before, err := s.Sums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Both take their first row and wait at a gate, which opens when both are there.
	gate, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	on := func(statement string) {
		t.Helper()
		if _, err := gate.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	on("BEGIN")
	on("UPDATE " + table + " SET k = k WHERE id IN (8, 9)")
	add := func(key uint64) workload.Op { return workload.Op{Kind: workload.OpUpdateK, Key: key, Delta: 1} }
	errs := make([]error, 2)
	txns := []*workload.Txn{{Ops: []workload.Op{add(1), add(8), add(2)}}, {Ops: []workload.Op{add(2), add(9), add(1)}}}
	inTime(t, "a deadlock", func() {
		var wg sync.WaitGroup
		for i, x := range all {
			wg.Go(func() { errs[i] = x.Run(txns[i]) })
		}
		untilWaiting(t, s, 2)
		on("ROLLBACK")
		wg.Wait()
	})
	if err := gate.Close(); err != nil {
		t.Error(err)
	}
	victim := 0
	if errs[0] == nil {
		victim = 1
	}
	if err := errs[victim]; !errors.Is(err, workload.ErrDeadlock) || !workload.Retryable(err) || errs[1-victim] != nil || all[victim].Seq() != 0 || all[1-victim].Seq() != 1 {
		t.Errorf("Run() = %v and %v, Seq() = %d and %d; want one deadlock", errs[0], errs[1], all[0].Seq(), all[1].Seq())
	}
	if err := all[victim].Run(txns[victim]); err != nil || all[victim].Seq() != 1 {
		t.Errorf("again: Run() = %v, Seq() = %d", err, all[victim].Seq())
	}
	if sums, err := s.Sums(t.Context()); err != nil || sums.K != before.K+6 {
		t.Errorf("Sums() = %+v, %v; want k %d", sums, err, before.K+6)
	}
}

// waiting counts the transactions that wait for a lock. INNODB_TRX does not do: who
// asks it more often than each 100 ms gets the first answer for ever.
const waiting = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"

// untilWaiting returns when so many transactions wait for a lock.
func untilWaiting(t *testing.T, s *Server, want int) {
	t.Helper()
	n := 0
	for deadline := time.Now().Add(time.Minute); n != want; time.Sleep(5 * time.Millisecond) {
		err := s.reads.QueryRowContext(context.Background(), waiting).Scan(&n)
		if err != nil || time.Now().After(deadline) {
			t.Errorf("%d transactions wait, %v; want %d", n, err, want)
			return
		}
	}
}

func autocommit(t *testing.T, db *sql.DB) (text string, err error) {
	t.Helper()
	err = db.QueryRowContext(t.Context(), "SELECT @@autocommit").Scan(&text)
	return text, err
}

// Whatever the server's default is, what works has autocommit, and what looks has sent
// nothing to get it.
func TestServerAutocommit(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	sqlExec(t, root, "SET GLOBAL autocommit = OFF")
	t.Cleanup(func() { sqlExec(t, root, "SET GLOBAL autocommit = ON") })
	s := openServer(t, root.connector.address)
	g := withTables(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	of := map[string]func() (string, error){
		"a client": func() (string, error) {
			return connect(t, newTarget(t, s, g, 1), 0).link.one(t.Context(), "SELECT @@autocommit")
		},
		"tables":  func() (string, error) { return autocommit(t, s.db) },
		"looking": func() (string, error) { return autocommit(t, s.reads) },
	}
	for name, want := range map[string]string{"a client": "1", "tables": "1", "looking": "0"} {
		if got, err := of[name](); err != nil || got != want {
			t.Errorf("autocommit of the connection of %s: %q, %v; want %s", name, got, err, want)
		}
	}
}
