package metrics

import (
	"fmt"
	"strings"
)

// Kind is a crash kind: what stops, and so what is lost with it.
type Kind uint8

// The crash kinds, mildest first.
const (
	Process Kind = iota // the process dies, the kernel lives on
	OS                  // the kernel dies, the device keeps its power
	Power               // the power goes
	NumKinds
)

// kindNames is the one table of the crash kinds.
var kindNames = [NumKinds]string{Process: "process", OS: "os", Power: "power"}

// String returns the name of k.
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("crash kind(%d)", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) {
	if k >= NumKinds {
		return nil, fmt.Errorf("metrics: illegal crash kind %d", uint8(k))
	}
	return []byte(kindNames[k]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if strings.EqualFold(string(text), name) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("metrics: unknown crash kind %q: legal values are %s", text, strings.Join(kindNames[:], ", "))
}
