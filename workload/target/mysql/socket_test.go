package mysql

import (
	"runtime"
	"testing"

	"flushbench/workload"
	"flushbench/workload/target"
)

// A client that is alone blocks in its system calls, with TLS too, and is interrupted
// all the same.
func TestServerAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	private := sharedServer(t)
	s := openServer(t, private.Address())
	sqlExec(t, s, "CREATE USER alone@'127.0.0.1'", "GRANT ALL ON flushbench.* TO alone@'127.0.0.1'")
	t.Cleanup(func() { sqlExec(t, s, "DROP USER alone@'127.0.0.1'") })
	encrypted, err := target.ParseAddress("mysql://alone@" + private.place + "/flushbench?tls=skip-verify")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []target.Address{private.Address(), encrypted} {
		s := openServer(t, a)
		g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 20, Notes: true}, 1)
		tg := newTarget(t, s, g, 1)
		x := connect(t, tg, 0)
		if raw, ok := x.link.raw.(*socket); !ok || raw.blocks == nil {
			t.Errorf("%v: a session alone does not block", a)
		}
		runClients(t, g, []workload.Session{x}, 30)
		func() {
			defer func() {
				if err := private.Thaw(); err != nil {
					t.Error(err)
				}
			}()
			crash(t, g, []workload.Session{x}, func() {
				if err := private.Freeze(); err != nil {
					t.Error(err)
				}
				tg.Interrupt()
			})
		}()
		if x.Seq() < 30 {
			t.Errorf("Seq() = %d after 30 transactions", x.Seq())
		}
	}
}
