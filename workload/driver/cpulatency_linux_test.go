package driver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
)

// latencies is a kernel with such a device: the least that its openers ask for is in
// force, in microseconds.
type latencies struct {
	asked map[*opener]int32
	deaf  bool // takes what is asked, and goes on as before
}

// opener is the device as one process has it open.
type opener struct{ k *latencies }

func (k *latencies) open() (latencyFile, error) {
	o := &opener{k}
	k.asked[o] = 2_000_000_000
	return o, nil
}

func (k *latencies) now() int32 {
	least := int32(2_000_000_000)
	for _, us := range k.asked {
		least = min(least, us)
	}
	return least
}

func (o *opener) WriteAt(b []byte, _ int64) (int, error) {
	if len(b) != 4 {
		return 0, errors.New("not a number of 32 bits") // the kernel would look for hexadecimal text
	}
	if !o.k.deaf {
		o.k.asked[o] = int32(binary.NativeEndian.Uint32(b))
	}
	return len(b), nil
}

func (o *opener) ReadAt(b []byte, _ int64) (int, error) {
	if len(b) < 4 {
		return 0, io.ErrUnexpectedEOF
	}
	binary.NativeEndian.PutUint32(b, uint32(o.k.now()))
	return 4, nil
}

func (o *opener) Close() error {
	if _, ok := o.k.asked[o]; !ok {
		return fs.ErrClosed
	}
	delete(o.k.asked, o)
	return nil
}

// useLatency puts a device in the place of the machine's own until the test ends.
func useLatency(t *testing.T, open func() (latencyFile, error)) {
	t.Helper()
	old := openLatency
	openLatency = open
	t.Cleanup(func() { openLatency = old })
}

// TestHoldCPULatency: the kernel is asked in microseconds, what others hold stays, and
// what was held is given back once.
func TestHoldCPULatency(t *testing.T) {
	for _, tc := range []struct {
		ask    time.Duration
		others int32 // of another process, us
		asked  int32 // us
	}{
		{0, 2_000_000_000, 0},
		{20 * time.Microsecond, 2_000_000_000, 20},
		{1500 * time.Nanosecond, 2_000_000_000, 2},
		{time.Second, 2_000_000_000, 1_000_000},
		{MaxCPULatency, 2_000_000_000, 2_000_000_000},
		{time.Millisecond, 5, 1000},
		{0, 5, 0},
	} {
		k := &latencies{asked: map[*opener]int32{{}: tc.others}}
		useLatency(t, k.open)
		h, err := HoldCPULatency(tc.ask)
		if err != nil {
			t.Errorf("%v: %v", tc.ask, err)
			continue
		}
		found := false
		for o, us := range k.asked {
			found = found || o.k != nil && us == tc.asked
		}
		force, err := h.InForce()
		if want := time.Duration(min(tc.asked, tc.others)) * time.Microsecond; !found || err != nil || force != want {
			t.Errorf("%v: asked for %v us, in force %v, %v; want %d us and %v", tc.ask, k.asked, force, err, tc.asked, want)
		}
		if err := errors.Join(h.Release(), h.Release()); err != nil || k.now() != tc.others || len(k.asked) != 1 {
			t.Errorf("%v: after the release %v us of %d askers, %v; want %d us of the other one alone", tc.ask, k.now(), len(k.asked), err, tc.others)
		}
	}
}

// TestHoldCPULatencyFails: nobody believes to hold what is not in force, and what fails
// leaves nothing open.
func TestHoldCPULatencyFails(t *testing.T) {
	k := &latencies{asked: map[*opener]int32{}, deaf: true}
	refuse := func(err error) func() (latencyFile, error) {
		return func() (latencyFile, error) { return nil, fmt.Errorf("open: %w", err) }
	}
	for _, tc := range []struct {
		name string
		ask  time.Duration
		open func() (latencyFile, error)
		want error // nil: any
	}{
		{"not in force", 0, k.open, nil},
		{"no permission", 0, refuse(fs.ErrPermission), fs.ErrPermission},
		{"no device", 0, refuse(fs.ErrNotExist), fs.ErrNotExist},
		{"negative", -1, k.open, nil},
		{"too long", MaxCPULatency + 1, k.open, nil},
	} {
		useLatency(t, tc.open)
		if h, err := HoldCPULatency(tc.ask); err == nil || h != nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, %v; want an error (%v)", tc.name, h, err, tc.want)
		}
		if len(k.asked) != 0 {
			t.Fatalf("%s: the device is still open", tc.name)
		}
	}
}

// TestCPULatencyDevice holds the real device. Another process may ask for something of
// its own meanwhile, so it is tried again; the tests of ours never ask for 0 but here.
func TestCPULatencyDevice(t *testing.T) {
	look, err := os.Open(CPULatencyDevice)
	if err != nil {
		testenv.Lack(t, err)
	}
	defer look.Close()
	now := func() int32 {
		var b [4]byte
		if _, err := look.ReadAt(b[:], 0); err != nil {
			t.Fatal(err)
		}
		return int32(binary.NativeEndian.Uint32(b[:]))
	}
	testenv.Attempts(t, 10, func(int) error {
		before := now()
		h, err := HoldCPULatency(0)
		if errors.Is(err, fs.ErrPermission) {
			testenv.Lack(t, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		held := now()
		if force, err := h.InForce(); err != nil || held != 0 || force != 0 {
			t.Errorf("while 0 is held: %d us in force, %v, %v; want 0", held, force, err)
		}
		if err := h.Release(); err != nil {
			t.Fatal(err)
		}
		if after := now(); after != before {
			return fmt.Errorf("%d us in force before, %d after the release", before, after)
		}
		return nil
	})
}
