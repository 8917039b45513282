package hostinfo

import (
	"fmt"

	"flushbench/metrics/result"
)

// ExplainFlushDelta compares the flushes that were asked for with those that
// the device has counted in the same interval (the difference of two
// Counters.Flushes of the first of CountingDevices; nil: not counted), and
// says why they may differ. The causes are a closed list, each looked up in
// env: no device, write-through, FUA, a stacked device, several disks, the
// file system's own commits and other processes (which only add).
//
// shout is true only where none of them explains a missing flush: a volatile
// write-back cache without FUA, no stack, and the device has counted fewer
// flushes than were asked for. Up to 1 % may be missing without a shout: the
// kernel sends one flush for several that wait at the same moment.
//
// The note is one clause without a full stop. That each flush also counts as
// a write of zero sectors concerns the device's write count, not this one.
func ExplainFlushDelta(env result.Environment, asked uint64, seen *uint64) (note string, shout bool) {
	d := env.Device
	switch {
	case env.Volatile:
		return env.Filesystem + " is memory: there is no device to flush", false
	case remoteFS[env.Filesystem] != "":
		return "the flushes go over " + env.Filesystem + " to another machine's device", false
	case d.Name == "":
		return "the device is unknown, so its flushes were not counted", false
	case seen == nil:
		return fmt.Sprintf("%s has no flush counter here (Linux 5.5 or later counts)", d.Name), false
	case *seen == asked:
		return fmt.Sprintf("device saw %d flushes, as asked", *seen), false
	case *seen > asked:
		return fmt.Sprintf("device saw %d flushes, %d more than asked: %s", *seen, *seen-asked, whoAdds(env)), false
	}
	return missing(env, asked, *seen)
}

// whoAdds names what flushes a device besides us.
func whoAdds(env result.Environment) string {
	if journalFS[env.Filesystem] {
		return "journal commits of " + env.Filesystem + ", or other processes"
	}
	return "other processes"
}

// missing explains why a device has seen fewer flushes than asked.
func missing(env result.Environment, asked, seen uint64) (note string, shout bool) {
	d := env.Device
	saw := fmt.Sprintf("device saw %d of %d flushes", seen, asked)
	off := barrierOff(splitOptions(env.MountOptions))
	switch {
	case d.WriteCache == result.CacheWriteThrough:
		return saw + ": expected, the kernel sends none to a write-through device", false
	case d.WriteCache != result.CacheWriteBack:
		return saw + ": its write cache mode is unknown, so nothing follows from it", false
	case d.FUA == nil:
		return saw + ": whether it has FUA is unknown, so nothing follows from it", false
	case *d.FUA:
		return saw + ": a FUA write takes a flush's place", false
	case d.Stacked():
		return saw + ": " + stackText(d) + " lie between, and flushes may be merged or answered there", false
	case len(disks(d)) > 1:
		return saw + ": several disks share them", false
	case off != "":
		return saw + ": mounted with " + off + ", the kernel does not send them and a power cut may take what was flushed", true
	case (asked-seen)*100 <= asked:
		return saw + ": the kernel sends one flush for several that wait at the same moment", false
	}
	return saw + ": this disk acknowledges flushes that it was never sent", true
}

// disks are the names of the disks at the bottom of the stack.
func disks(d result.Device) (names []string) {
	for _, n := range d.Stack {
		if n.Type == result.StackDisk {
			names = append(names, n.Name)
		}
	}
	return names
}

// stackText names the loop, dm and md devices of a stack.
func stackText(d result.Device) string {
	text := ""
	for _, n := range d.Stack {
		switch n.Type {
		case result.StackLoop, result.StackDM, result.StackMD:
			if text != "" {
				text += ", "
			}
			text += n.Name
		}
	}
	return text
}
