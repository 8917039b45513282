package report

import (
	"encoding/json"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// secretive is a run of a machine whose names stand everywhere.
func secretive() *result.Result {
	r := run()
	r.Name = "billing-migration"
	r.CommandLine = []string{"/home/ada/bin/flushbench", "run", "--dir", "/srv/ada", "--log-dir=/mnt/log", "-f", "ada.yaml", "--name", "billing-migration", "--rate", "2k"}
	e := &r.Environment
	e.Host, e.Dir, e.MountPoint, e.MountSource = "db-ada.corp.example", "/srv/ada", "/srv", "/dev/mapper/vg_ada-root"
	e.Device = result.Device{Name: "dm-0", Model: "EX-1234 SER987654", Kind: result.DeviceSSD, Stack: []result.StackNode{{Name: "vg_ada-root", Type: result.StackDM}, {Name: "sda", Type: result.StackDisk}}}
	e.Warnings = []result.Warning{{Code: "x", Text: "mysqld on db-ada has files open in /srv/ada/mysql (vg_ada-root, EX-1234 SER987654)", Advice: "Look at '/srv/ada'."}}
	e.Devices = []result.Place{{Holds: []string{result.HoldsBinlog}, Dir: "/mnt/log", MountPoint: "/mnt/log", MountSource: "UUID=1f3c-ada",
		Device: result.Device{Name: "nvme0n1", Model: "MODEL-SER11"}, Warnings: []result.Warning{{Text: "db-ada.corp.example: UUID=1f3c-ada"}}}}
	r.Error = "vfs: open /srv/ada/log.3: no space"
	r.Cells[0].Warnings = []result.Warning{{Text: "see ~/ada/notes and file:///srv/ada"}}
	if err := r.SetScenario(map[string]any{"dir": "/srv/ada", "log_dir": "/mnt/log", "policy": []int{0, 1, 2}}); err != nil {
		panic(err)
	}
	return r
}

func TestAnonymize(t *testing.T) {
	r := secretive()
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Anonymize(r)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := json.Marshal(r); err != nil || string(after) != string(before) {
		t.Error("Anonymize changed its argument")
	}
	data, err := result.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	p := mustReport(t, Part{Result: a})
	all := string(data) + htmlOf(t, p) + markdownOf(t, p)
	for _, secret := range []string{"ada", "db-", "corp.example", "/srv", "/mnt", "vg_", "SER987654", "SER11", "EX-1234", "1f3c", "billing"} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%q is left: %q", secret, all[max(0, i-60):min(len(all), i+60)])
		}
	}
	// What figures depend on stays, and so do the figures.
	for _, keep := range []string{"ext4", "rw,discard", "Example 9000", "6.18.0", "sda", "nvme0n1", "--rate", "2k"} {
		if !strings.Contains(string(data), keep) {
			t.Errorf("%q is gone", keep)
		}
	}
	a.Environment, a.CommandLine, a.Name, a.Error, a.Scenario, a.Cells[0].Warnings = r.Environment, r.CommandLine, r.Name, r.Error, r.Scenario, r.Cells[0].Warnings
	var x, y any
	one, _ := result.Encode(a)
	two, _ := result.Encode(r)
	if json.Unmarshal(one, &x) != nil || json.Unmarshal(two, &y) != nil || string(one) != string(two) {
		t.Error("figures changed")
	}
}

// TestAnonymizeWords holds that a short name does not eat the words that hold it.
func TestAnonymizeWords(t *testing.T) {
	a := newAnonymizer(&result.Environment{Host: "vm", Device: result.Device{Model: "SSD 870"}})
	for _, c := range []struct{ text, want string }{
		{"vm: a kvm on vm, vm and vm-2", "HOST: a kvm on HOST, HOST and HOST-2"},
		{"vm vm vm", "HOST HOST HOST"},
		{"a SSD 870 EVO", "a MODEL EVO"},
		{"1/1 and 2/100 at 2,000 commits/s", "1/1 and 2/100 at 2,000 commits/s"},
		{"policy / sync_binlog", "policy / sync_binlog"},
		{"(/a/b), '/c d', x=/e;~/f", "(PATH), 'PATH d', x=PATH;PATH"},
	} {
		if got := a.text(c.text); got != c.want {
			t.Errorf("text(%q) = %q; want %q", c.text, got, c.want)
		}
	}
}
