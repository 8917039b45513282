package embedded

import (
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// The stages of a commit are those that its policy has.
func TestStagesOfPolicies(t *testing.T) {
	const none = workload.NoStage
	for _, c := range []struct {
		cfg          groupcommit.Config
		write, flush bool
	}{
		{groupcommit.Config{Policy: groupcommit.Policy1}, true, true},
		{groupcommit.Config{Policy: groupcommit.Policy1, Strategy: groupcommit.Serial}, true, true},
		{groupcommit.Config{Policy: groupcommit.Policy1, Strategy: groupcommit.Leader}, true, true},
		{groupcommit.Config{Policy: groupcommit.Policy2}, true, false},
		{groupcommit.Config{Policy: groupcommit.Policy0}, false, false},
	} {
		target := open(t, options(vfs.NewOS(), t.TempDir(), c.cfg, 1), true)
		s, err := target.Connect(0)
		if err != nil {
			t.Fatal(err)
		}
		b := bodies(t, 1)
		sampler := s.(workload.Sampler)
		for seq := uint64(1); seq <= 20; seq++ {
			sampled := seq%2 == 1
			if sampled {
				sampler.SampleNext()
			}
			if err := s.Run(txn(b, 0, seq)); err != nil {
				t.Fatal(err)
			}
			st, ok := sampler.Stages()
			if ok != sampled {
				t.Fatalf("%+v: commit %d: stages %v, want %v", c.cfg, seq, ok, sampled)
			}
			if sampled && ((st.Write != none) != c.write || (st.Flush != none) != c.flush || (st.Wakeup != none) != c.write) {
				t.Errorf("%+v: stages %+v", c.cfg, st)
			}
		}
		if err := target.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPipelineSamples(t *testing.T) {
	target := open(t, options(vfs.NewOS(), t.TempDir(), groupcommit.Config{Policy: groupcommit.Policy1}, 4), true)
	defer func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}()
	pl, err := target.NewPipeline([]uint32{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	sampler := pl.(workload.PipelineSampler)
	b := bodies(t, 1)
	sampler.SampleNext(1)
	sampler.SampleNext(0) // one at a time: ignored
	for i := range 2 {
		if err := pl.Submit(i, txn(b, uint32(i+2), 1)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]workload.Done, 4)
	for n := 0; n < 2; {
		n += pl.Wait(buf)
	}
	if _, ok := sampler.Stages(0); ok {
		t.Error("client 0 was not sampled, but has stages")
	}
	st, ok := sampler.Stages(1)
	if !ok || st.Buffer < 0 || st.Group < 0 || st.Write < 0 || st.Flush <= 0 || st.Wakeup < 0 {
		t.Errorf("client 1 has stages %+v, %v", st, ok)
	}
}

// The parts always add up to the whole, whatever order the moments come in.
func TestStagesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(1, 100)
		maybe := rapid.OneOf(rapid.Just(int64(0)), at)
		m := moments{called: at.Draw(t, "called"), appended: maybe.Draw(t, "appended")}
		m.returned = m.called + rapid.Int64Range(0, 100).Draw(t, "took")
		st := groupcommit.Stages{Cut: maybe.Draw(t, "cut"), Written: maybe.Draw(t, "written"), Flushed: maybe.Draw(t, "flushed")}
		got := m.stages(st, rapid.Bool().Draw(t, "waits"))
		sum := int64(0)
		for _, part := range []int64{got.Buffer, got.Group, got.Write, got.Flush, got.Wakeup} {
			if part < 0 && part != workload.NoStage {
				t.Errorf("stages of %+v, %+v = %+v: negative", m, st, got)
			}
			sum += max(part, 0)
		}
		if sum != m.returned-m.called {
			t.Errorf("stages of %+v, %+v = %+v add up to %d, want %d", m, st, got, sum, m.returned-m.called)
		}
	})
}
