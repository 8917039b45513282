package scenario

import (
	"encoding"
	"slices"
	"strings"
)

// targets is the list of targets as a setting.
type targets struct{ s *Scenario }

// autoTargets are the engine, or the private servers that are started.
const autoTargets = "auto"

func (t targets) MarshalText() ([]byte, error) {
	if len(t.s.Target) == 0 {
		return []byte(autoTargets), nil
	}
	return t.s.Target.MarshalText()
}

func (t targets) twice() (string, bool) { return t.s.Target.twice() }
func (t targets) size() int             { return len(t.s.Targets()) }

func (t targets) UnmarshalText(in []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(in)), autoTargets) {
		t.s.Target = nil
		return nil
	}
	return t.s.Target.UnmarshalText(in)
}

func (t targets) add(in []byte) error { return addTo(&t.s.Target, t, in) }

// addTo reads a text as the setting that stands for a list does, beside what the list
// has.
func addTo[T any](list *List[T], setting encoding.TextUnmarshaler, in []byte) error {
	had := *list
	if err := setting.UnmarshalText(in); err != nil {
		return err
	}
	*list = slices.Concat(had, *list)
	return nil
}

// starts is the list of private servers as a setting; it may be empty.
type starts struct{ s *Scenario }

func (t starts) MarshalText() ([]byte, error) { return t.s.Start.MarshalText() }

func (t starts) UnmarshalText(in []byte) error {
	if strings.TrimSpace(string(in)) == "" {
		t.s.Start = nil
		return nil
	}
	return t.s.Start.UnmarshalText(in)
}

func (t starts) add(in []byte) error { return addTo(&t.s.Start, t, in) }

// TxnCPUAuto as Scenario.TxnCPU fits the engine's work to that of the first server.
const TxnCPUAuto = -1

// txnCPU is a duration, or auto.
type txnCPU struct{ *durationText }

func (t txnCPU) MarshalText() ([]byte, error) {
	if *t.d == TxnCPUAuto {
		return []byte("auto"), nil
	}
	return t.durationText.MarshalText()
}

func (t txnCPU) UnmarshalText(in []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(in)), "auto") {
		*t.d = TxnCPUAuto
		return nil
	}
	return t.durationText.UnmarshalText(in)
}
