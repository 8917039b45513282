package durability

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"flushbench/groupcommit"
)

// Loss says in a word or three what a crash of the kind takes: "none",
// "milliseconds", "about 1 s" or "unbounded".
func (s Setting) Loss(kind Kind) string {
	e := s.Extent(kind)
	if e != Interval {
		return e.String()
	}
	return "about " + s.interval()
}

// interval formats the flush interval as screens do: "1 s", "200 ms".
func (s Setting) interval() string {
	d := cmp.Or(s.Interval, groupcommit.DefaultInterval)
	unit, name := time.Second, "s"
	if d < time.Second {
		unit, name = time.Millisecond, "ms"
	}
	return fmt.Sprintf("%.3g %s", float64(d)/float64(unit), name)
}

// crashes names each kind as screens do.
var crashes = [NumKinds]string{Process: "process crash", OS: "kernel crash", Power: "power cut"}

// words returns the tier in one sentence: what an acknowledged commit
// survives, and what each other crash takes, those that take the same
// together.
func (s Setting) words() string {
	var safe, parts []string
	for k := range NumKinds {
		if s.Extent(k) == Nothing {
			safe = append(safe, crashes[k])
		}
	}
	switch {
	case len(safe) == int(NumKinds):
		return "survives a process crash, a kernel crash and a power cut"
	case len(safe) > 0:
		parts = append(parts, "survives a "+strings.Join(safe, " and a "))
	}
	for k := Process; k < NumKinds; {
		last := k
		for last+1 < NumKinds && s.Extent(last+1) == s.Extent(k) {
			last++
		}
		if e := s.Extent(k); e != Nothing {
			parts = append(parts, "a "+strings.Join(crashes[k:last+1], " or a ")+" takes "+s.taken(e))
		}
		k = last + 1
	}
	return strings.Join(parts, "; ")
}

// taken is what stands after "a kernel crash takes".
func (s Setting) taken(e Extent) string {
	switch e {
	case Lag:
		return "the last milliseconds"
	case Interval:
		return "about the last " + s.interval()
	}
	if s.NoTimer && s.Method.Durable() && !s.Policy.Flushes() {
		return "anything since the log was last flushed for a checkpoint or for pages, as there is no timer"
	}
	return "anything that was acknowledged" + s.torn()
}

// torn says that pages are not protected; "": they are, or it is the log that is not.
func (s Setting) torn() string {
	if !s.NoDoublewrite || !s.Method.Durable() {
		return ""
	}
	return ", if it tears a page, for which there is no copy"
}

// Assumes lists what must hold for the answers, in plain words, the most
// general first.
func (s Setting) Assumes() []string {
	list := []string{"a sector is written whole or not at all"}
	if !s.Method.Durable() {
		list = append(list, fmt.Sprintf("flush method %v makes nothing durable: what the kernel writes back by itself counts for nothing", s.Method))
	} else {
		list = append(list, "the device honours flushes")
	}
	if s.NoDoublewrite {
		list = append(list, "a process that dies leaves no page half written: there is no copy of it")
	}
	if s.Device.WriteThrough {
		list = append(list, "the device has no volatile cache, as it says; then a power cut takes less than is counted here, where only a flush makes safe")
	}
	if s.DirectOverwrite() {
		list = append(list, fmt.Sprintf("%s overwrites blocks in place, so a direct write outlives the kernel", s.FileSystem.Type))
	}
	if s.Device.Loop && !s.Device.Simulated {
		list = append(list, "a flush of the loop device reaches the disk below it")
	}
	if s.Device.Simulated {
		list = append(list, "the simulated crash takes what a real one would: all that is in the kernel, nothing that the device has")
	}
	return list
}
