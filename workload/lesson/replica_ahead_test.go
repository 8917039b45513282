package lesson

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
)

// What is sent before it is flushed may be lost: so with sync_binlog 0 and 100 and
// with 1 that does not wait. What is sent after the flush never is.
func TestReplicaAhead(t *testing.T) {
	t.Parallel()
	for _, x := range sendings {
		t.Run(x.String(), func(t *testing.T) {
			attempts(t, func(stretch int) string { return wrongAhead(t, x, stretch) })
		})
	}
}

// wrongAhead crashes a source that sends so, and returns what it has not met: whether a
// crash comes right after something was sent is up to the machine too. That the replica
// is ahead where it must never be fails at once.
func wrongAhead(t *testing.T, x sending, seed int) string {
	t.Helper()
	c := aheadCount{sending: x}
	n := crashes(12)
	if err := c.crash(t.Context(), n, uint64(seed)); err != nil {
		t.Fatal(err)
	}
	if c.crashes != n {
		t.Errorf("%d crashes; want %d", c.crashes, n)
	}
	kept := x.sync == 1 && !x.early
	if kept && (c.ahead != 0 || c.transactions != 0) {
		t.Errorf("the replica is ahead after %d crashes, by %d transactions; want never", c.ahead, c.transactions)
	}
	switch {
	case c.told == 0:
		return fmt.Sprintf("%d crashes, nothing acknowledged: this shows nothing", c.crashes)
	case !kept && (c.ahead == 0 || c.transactions < c.most || c.most == 0 || c.gone == 0 || c.first == ""):
		return fmt.Sprintf("%+v; want the replica ahead", c)
	case !kept && c.ahead < c.crashes/2:
		return fmt.Sprintf("%+v; want the replica ahead whenever the crash comes right after something was sent", c)
	case !kept && !x.early && c.gone >= c.transactions:
		return fmt.Sprintf("%+v; want some that the source's table still has: its redo log was flushed", c)
	}
	return ""
}

func TestReplicaAheadLesson(t *testing.T) {
	attempts(t, func(stretch int) string {
		env := testEnv(t, 0.2)
		env.Seed = uint64(stretch)
		out := tell(t, replicaAhead(), env)
		if len(out.Limits) == 0 {
			t.Error("it does not say that no real file system was crashed")
		}
		if n, ok := out.Figure("sync_binlog_1_ahead"); n > 0 || !ok {
			t.Errorf("with sync_binlog=1 the replica is ahead after %v crashes (there: %v)", n, ok)
		}
		if out.Outcome != result.LessonHolds { // few crashes may all have come at a bad moment
			return fmt.Sprintf("it %s: %s", out.Outcome, out.Measured)
		}
		return ""
	})
}

// Real processes on a real file system that crashes under them.
func TestReplicaAheadOfARealSource(t *testing.T) {
	t.Parallel()
	needRoot(t)
	attempts(t, func(stretch int) string { return wrongAheadOfReal(t, uint64(stretch)) })
}

// wrongAheadOfReal crashes them and returns what was not met: a kernel that is short of
// memory writes a binlog back by itself, and then nothing of it is lost. That the replica
// is ahead where it must never be fails at once.
func wrongAheadOfReal(t *testing.T, seed uint64) string {
	t.Helper()
	env := testEnv(t, 0.3)
	env.Root, env.Seed = true, seed
	all, err := followReal(t.Context(), env, env.Story())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.fs != lab.Ext4.String() || c.crashes == 0 || c.told == 0 {
			t.Errorf("%+v: this shows nothing", c)
		}
		switch c.sending.sync {
		case 1:
			if c.ahead > 0 {
				t.Errorf("sync_binlog 1: the replica is ahead after %d of %d crashes", c.ahead, c.crashes)
			}
		case 0: // with 100 the crash may come when the binlog was just flushed
			if c.ahead == 0 {
				return fmt.Sprintf("sync_binlog 0: the replica is ahead after none of %d crashes", c.crashes)
			}
		}
	}
	return ""
}

// What was not sent is not there: the file that is written ends where the source has
// got to, the files before it are whole.
func TestSentIsCut(t *testing.T) {
	mem := vfs.NewMem()
	if err := mem.Mkdir(memoryFolder); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{binlog.FileName(1): 100, binlog.FileName(2): 300, binlog.IndexName: 40} {
		f, err := mem.Create(filepath.Join(memoryFolder, name), vfs.Fdatasync)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
			t.Fatal(err)
		}
	}
	last, before, err := lastBinlog(mem, memoryFolder)
	if err != nil || last != binlog.FileName(2) || before != 100 {
		t.Fatalf("lastBinlog = %s, %d, %v; want %s after 100 bytes", last, before, err, binlog.FileName(2))
	}
	log := &sent{FS: mem, last: last, before: before}
	for upTo, want := range map[int64]int64{0: 0, 100: 0, 250: 150, 400: 300, 1000: 300, math.MaxInt64: 300} {
		log.upTo = upTo
		for name, want := range map[string]int64{last: want, binlog.FileName(1): 100} {
			f, err := log.OpenRead(filepath.Join(memoryFolder, name))
			if err != nil {
				t.Fatal(err)
			}
			if size, err := f.Size(); err != nil || size != want {
				t.Errorf("sent up to %d: %s has %d bytes, %v; want %d", upTo, name, size, err, want)
			}
		}
	}
}
