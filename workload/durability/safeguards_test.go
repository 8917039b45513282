package durability

import (
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Without a timer nothing bounds what policies 0 and 2 may lose, where a timer does; the
// other policies have none.
func TestNoTimer(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		for _, style := range groupcommit.Styles.All() {
			for _, method := range vfs.Methods.All() {
				s := Setting{Policy: policy, Style: style, Method: method, Growth: vfs.GrowZero, FileSystem: FileSystem{Type: "ext4"}}
				off := s
				off.NoTimer = true
				for k := range NumKinds {
					want := s.Extent(k)
					if want == Interval {
						want = Unbounded
					}
					if got := off.Extent(k); got != want {
						t.Errorf("policy %v %v, %v, %v: %v; want %v", policy, style, method, k, got, want)
					}
					if loss := off.Loss(k); strings.Contains(loss, "about") {
						t.Errorf("policy %v, %v: a %v crash takes %q", policy, method, k, loss)
					}
				}
				if words := off.Tier().Words; strings.Contains(words, "about the last") || policy.Flushes() && strings.Contains(words, "timer") {
					t.Errorf("policy %v, %v: %q", policy, method, words)
				}
			}
		}
	}
	s := Setting{Policy: groupcommit.Policy2, Method: vfs.Fdatasync, NoTimer: true}
	const want = "survives a process crash; a kernel crash or a power cut takes anything since the log was last flushed for a checkpoint or for pages, as there is no timer"
	if got := s.Tier().Words; got != want {
		t.Errorf("policy 2: %q; want %q", got, want)
	}
}

// Without a doublewrite file nothing is promised of a crash that may tear a page, under
// any policy; a process crash leaves pages whole, which is assumed.
func TestNoDoublewrite(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		s := Setting{Policy: policy, Method: vfs.Fdatasync, Growth: vfs.GrowZero}
		bare := s
		bare.NoDoublewrite = true
		got := bare.Tier()
		if bare.Extent(OS) != Unbounded || bare.Extent(Power) != Unbounded || got.OS || got.Power {
			t.Errorf("policy %v: %+v", policy, got)
		}
		if bare.Extent(Process) != s.Extent(Process) {
			t.Errorf("policy %v: a process crash takes %v; want %v", policy, bare.Extent(Process), s.Extent(Process))
		}
		if !strings.Contains(got.Words, "if it tears a page") || !strings.Contains(strings.Join(bare.Assumes(), ";"), "no page half written") || strings.Contains(strings.Join(s.Assumes(), ";"), "page") {
			t.Errorf("policy %v: %q, assumes %q", policy, got.Words, bare.Assumes())
		}
		if bare.Watermarks() != s.Watermarks() {
			t.Errorf("policy %v: watermarks %v; want those of the log, %v", policy, bare.Watermarks(), s.Watermarks())
		}
	}
}
