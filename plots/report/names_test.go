package report

import (
	"slices"
	"testing"
)

// What all cells say is said once; what tells them apart stays, and a control, whose
// settings are none of theirs, keeps its whole name.
func TestShortNames(t *testing.T) {
	for _, c := range []struct{ names, want, agreed []string }{
		{nil, nil, nil},
		{[]string{"speed,policy=1"}, []string{"speed, policy=1"}, nil},
		{[]string{"a,policy=1,clients=1", "a,policy=1,clients=1"}, []string{"a, policy=1, clients=1", "a, policy=1, clients=1"}, nil},
		{[]string{"speed,policy=1,clients=1", "speed,policy=1,clients=8"}, []string{"clients=1", "clients=8"}, []string{"speed", "policy=1"}},
		{[]string{"a,policy=1", "a,policy=1,clients=8"}, []string{"a, policy=1", "clients=8"}, []string{"a", "policy=1"}},
		{
			[]string{"os,fs=ext4,policy=2,growth=zero", "control=none,os,fs=ext4", "power,fs=ext4,policy=2,growth=zero"},
			[]string{"os", "control=none, os, fs=ext4", "power"}, []string{"fs=ext4", "policy=2", "growth=zero"},
		},
	} {
		short, agreed := shortNames(c.names)
		if !slices.Equal(short, c.want) || !slices.Equal(agreed, c.agreed) {
			t.Errorf("shortNames(%q) = %q, %q; want %q, %q", c.names, short, agreed, c.want, c.agreed)
		}
	}
}
