package process

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// dead is a process that has ended.
func dead(t *testing.T) ID {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p := Self()
	p.PID = cmd.Process.Pid
	return p
}

// Only the process that it was taken from counts as alive, whoever has its number now.
func TestAlive(t *testing.T) {
	me := Self()
	if !me.Alive() || me.PID != os.Getpid() {
		t.Errorf("%+v is not alive", me)
	}
	for name, p := range map[string]ID{"ended": dead(t), "none": {}, "of another boot": {PID: me.PID, Start: me.Start, Boot: "x"}} {
		if p.Alive() {
			t.Errorf("a process %s is alive: %+v", name, p)
		}
	}
	if me.Start == 0 {
		t.Skip("this system does not say when a process began")
	}
	if other := (ID{PID: me.PID, Start: me.Start + 1, Boot: me.Boot}); other.Alive() {
		t.Errorf("an earlier process with our number is alive: %+v", other)
	}
}

// What is stored is read again, also as older versions stored it.
func TestStored(t *testing.T) {
	me := Self()
	text, err := json.Marshal(me)
	var again ID
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || again != me {
		t.Errorf("%s is read as %+v, %v; want %+v", text, again, err, me)
	}
	for text, want := range map[string]ID{
		`{"pid":7,"start":"4711","boot":"b"}`: {PID: 7, Start: 4711, Boot: "b"},
		`{"pid":7,"start":4711}`:              {PID: 7, Start: 4711},
		`{"pid":7}`:                           {PID: 7},
	} {
		var got ID
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{`{"pid":7,"start":-1}`, `{"pid":7,"start":"x"}`, `{"pid":7,"start":{}}`} {
		if err := json.Unmarshal([]byte(text), &again); err == nil {
			t.Errorf("%s is %+v; want an error", text, again)
		}
	}
}
