package lesson

import (
	"errors"
	"os"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/lab/labtest"
	"flushbench/workload/crash/victim"
)

// TestMain plays the victim when a lesson starts one, and puts the tests, as root,
// into a mount namespace of their own: nothing stays mounted when they are killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == victim.Command {
		os.Exit(victim.Main())
	}
	labtest.Enter()
	testenv.FewCollections()
	os.Exit(m.Run())
}

// testEnv is an environment in a temporary folder, as an ordinary user: with root the
// test says so itself, after needRoot.
func testEnv(t *testing.T, scale float64) *Env {
	t.Helper()
	return testEnvIn(t, t.TempDir(), scale)
}

// testEnvIn is an environment in a folder, where it matters that it is on a disk.
func testEnvIn(t *testing.T, dir string, scale float64) *Env {
	t.Helper()
	fs := "unknown"
	if facts, err := hostinfo.Inspect(t.Context(), dir); err == nil {
		fs = facts.Env.Filesystem
	}
	return &Env{Dir: dir, FSType: fs, Seed: 1, Scale: scale, Say: t.Logf}
}

// needRoot skips a test without what os crashes on ext4 take.
func needRoot(t *testing.T) {
	t.Helper()
	labtest.Need(t, vfs.CrashOS, lab.Ext4)
}

// tell tells a lesson and checks what every lesson owes.
func tell(t *testing.T, l Lesson, env *Env) *result.Lesson {
	t.Helper()
	out, err := Tell(t.Context(), &l, env)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range flaws(out) {
		t.Error(wrong)
	}
	return out
}

// attempts tries a check of what was measured again, with rounds that are four and
// sixteen times as long: on a machine that others use a short one may hold too few
// commits to show anything. A fault shows every time.
func attempts(t *testing.T, check func(stretch int) (wrong string)) {
	t.Helper()
	testenv.Attempts(t, 3, func(attempt int) error {
		if wrong := check(1 << (2 * attempt)); wrong != "" {
			return errors.New(wrong)
		}
		return nil
	})
}
