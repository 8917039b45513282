package target

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/workload/process"
)

// fakeServer is settings that can be changed. The rest of Server is not there.
type fakeServer struct {
	Server
	set    map[string]string
	order  []string
	fail   error
	closed int
}

func (f *fakeServer) Change(_ context.Context, want Settings) (Settings, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	for _, w := range want {
		f.set[w.Name] = w.Value
		f.order = append(f.order, w.Name)
	}
	return nil, nil
}

func (f *fakeServer) Close() error {
	f.closed++
	return nil
}

func mustAddress(t testing.TB, text string) Address {
	t.Helper()
	a, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dead is a process that has ended.
func dead(t *testing.T) process.ID {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p := process.Self()
	p.PID = cmd.Process.Pid
	return p
}

func save(t *testing.T, dir string, s State) string {
	t.Helper()
	path, err := SaveState(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStateRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if all, err := LoadStates(dir); len(all) != 0 || err != nil {
		t.Errorf("LoadStates(no folder) = %v, %v", all, err)
	}
	if restored, err := Restore(t.Context(), dir, nil); len(restored) != 0 || err != nil {
		t.Errorf("Restore(no folder) = %v, %v", restored, err)
	}
	before := Settings{{"innodb_flush_log_at_trx_commit", "1"}, {"sync_binlog", "0"}}
	path := save(t, dir, NewState(mustAddress(t, "mysql://u:Th3Secr3t@h/d?tls=true&password=Th3Secr3t"), before))
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "Th3Secr3t") || strings.Contains(string(text), "tls") {
		t.Errorf("%v\n%s", err, text)
	}
	if err := os.WriteFile(filepath.Join(dir, "another.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := LoadStates(dir)
	if err != nil || len(all) != 1 || all[0].Path != path || all[0].Address.String() != "mysql://u@h:3306/d" || all[0].Settings.String() != before.String() || all[0].By != process.Self() {
		t.Errorf("LoadStates() = %+v, %v", all, err)
	}
	for range 2 {
		if err := RemoveState(path); err != nil {
			t.Error(err)
		}
	}
	if all, err := LoadStates(dir); len(all) != 0 || err != nil {
		t.Errorf("LoadStates() after RemoveState = %v, %v", all, err)
	}
}

// What killed processes left is put back, newest first and backwards; what belongs
// to one that lives, or cannot be put back, stays.
func TestRestore(t *testing.T) {
	dir := t.TempDir()
	a, broken := mustAddress(t, "mysql://u@h/d"), mustAddress(t, "mysql://u@broken/d")
	at := time.Now()
	older := State{Address: a, By: dead(t), At: at.Add(-time.Hour), Settings: Settings{{"x", "first"}, {"y", "2"}}}
	newer := State{Address: a, By: dead(t), At: at, Settings: Settings{{"x", "second"}}}
	save(t, dir, older)
	save(t, dir, newer)
	living := save(t, dir, State{Address: a, By: process.Self(), At: at, Settings: Settings{{"x", "living"}}})
	kept := save(t, dir, State{Address: broken, By: dead(t), At: at, Settings: Settings{{"z", "3"}}})
	f := &fakeServer{set: map[string]string{}}
	refused := errors.New("connection refused")
	open := func(to Address) (Server, error) {
		if to.String() == broken.String() {
			return nil, refused
		}
		return f, nil
	}
	restored, err := Restore(t.Context(), dir, open)
	if len(restored) != 2 || !strings.Contains(restored[0], "x=second") || !strings.Contains(restored[1], "x=first, y=2") {
		t.Errorf("Restore() = %q", restored)
	}
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "set z=3") || !strings.Contains(err.Error(), kept) {
		t.Errorf("Restore() = %v", err)
	}
	if got := strings.Join(f.order, " "); got != "x y x" || f.set["x"] != "first" || f.closed != 2 {
		t.Errorf("changed %s to %v, closed %d times", got, f.set, f.closed)
	}
	all, _ := LoadStates(dir)
	if len(all) != 2 {
		t.Errorf("LoadStates() = %v; want that of the living and the one kept", all)
	}
	for _, s := range all {
		if s.Path != living && s.Path != kept {
			t.Errorf("left: %s", s.Path)
		}
	}
	f.fail = refused // opened, but not changed: it stays too
	save(t, dir, newer)
	if restored, err := Restore(t.Context(), dir, func(Address) (Server, error) { return f, nil }); len(restored) != 0 || !errors.Is(err, refused) {
		t.Errorf("Restore() = %v, %v", restored, err)
	}
}

// A file that is no state is left alone and said, the others are put back.
func TestRestoreOfRubbish(t *testing.T) {
	dir := t.TempDir()
	rubbish := filepath.Join(dir, "server-settings-1.json")
	for _, text := range []string{"", "{}", "[1]", `{"is":"x"}`, strings.Repeat(" ", stateSize+1)} {
		if err := os.WriteFile(rubbish, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		save(t, dir, State{Address: mustAddress(t, "mysql://u@h/d"), By: dead(t), Settings: Settings{{"x", "1"}}})
		restored, err := Restore(t.Context(), dir, func(Address) (Server, error) { return &fakeServer{set: map[string]string{}}, nil })
		if len(restored) != 1 || err == nil || !strings.Contains(err.Error(), rubbish) {
			t.Errorf("%.20q: Restore() = %v, %v", text, restored, err)
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"is":"` + stateIs + `","address":"mysql://u@h/d","settings":[{"name":"a","value":"1"}],"by":{"pid":7}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseState(text)
		if err != nil {
			return
		}
		for _, v := range s.Settings {
			if !NameOK(v.Name) {
				t.Errorf("setting %q", v.Name)
			}
		}
		if s.Address.Password() != "" || len(s.Address.Options) != 0 {
			t.Errorf("%v brings a password or options", s.Address)
		}
	})
}
