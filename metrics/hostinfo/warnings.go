package hostinfo

import (
	"fmt"
	"time"

	"flushbench/metrics/result"
)

// Warning codes: stable, so that other programs can look for them.
const (
	codeMemoryFS      = "memory-filesystem"
	codeNetworkFS     = "network-filesystem"
	codeOverlayFS     = "overlay-filesystem"
	codeCopyOnWrite   = "copy-on-write-filesystem"
	codeZFSDisabled   = "zfs-sync-disabled"
	codeZFSUnknown    = "zfs-sync-unknown"
	codeNoBarrier     = "no-barrier"
	codeDataJournal   = "data-journal"
	codeSyncMount     = "sync-mount"
	codeDirsyncMount  = "dirsync-mount"
	codeDiscardMount  = "discard-mount"
	codeReadOnly      = "read-only-filesystem"
	codeVolatileDisk  = "volatile-device"
	codeEncrypted     = "encrypted"
	codeUnknownDevice = "unknown-device"
	codeLowSpace      = "low-space"
	codeCPUQuota      = "cpu-quota"
	codeIOLimit       = "io-limit"
	codeGovernor      = "cpu-governor"
	codeBattery       = "battery"
	codeBusy          = "busy-machine"
	codeBusyRun       = "busy-during-run"
	codeSteal         = "steal"
	codeThermal       = "thermal-throttling"
	codeThrottled     = "cpu-quota-reached"
	codeTooFast       = "flush-too-fast"
	codeNotSeen       = "flush-not-seen"
	codeNotRoot       = "not-root"
	// CodeLatencyChanged is of LatencyWarnings.
	CodeLatencyChanged = "cpu-latency-changed"
)

// Limits above or below which a warning is given.
const (
	stealLimit    = 2.0                   // percent
	lowSpaceShare = 0.05                  // of the file system
	lowSpaceBytes = 2 << 30               // and at the same time below this
	fastestFlush  = 20 * time.Microsecond // no volatile cache is emptied faster
)

// Warnings returns what weakens any figure measured on these facts, the
// gravest first. A fact that is unknown gives no warning, but for the device
// and for ZFS, where not knowing matters.
func Warnings(f Facts) []result.Warning {
	all := []result.Warning{}
	for _, check := range []func(Facts) []result.Warning{
		filesystemWarnings, mountWarnings, deviceWarnings, spaceWarnings, machineWarnings,
	} {
		all = append(all, check(f)...)
	}
	return all
}

func warn(code, advice, format string, args ...any) result.Warning {
	return result.Warning{Code: code, Text: fmt.Sprintf(format, args...), Advice: advice}
}

// one is a list of w when it applies.
func one(applies bool, w result.Warning) []result.Warning {
	if applies {
		return []result.Warning{w}
	}
	return nil
}

func filesystemWarnings(f Facts) (all []result.Warning) {
	t := f.Env.Filesystem
	all = append(all, one(memoryFS[t], warn(codeMemoryFS, "Choose a folder on a disk with --dir.",
		"%s is memory: nothing here survives a kernel crash or a power cut, and a flush costs nothing.", t))...)
	all = append(all, one(remoteFS[t] != "", warn(codeNetworkFS, "Measure on the machine that has the disk, or read every figure as network and server together.",
		"%s is a %s file system: another machine decides when bytes are durable.", t, remoteFS[t]))...)
	all = append(all, one(overlayFS[t], warn(codeOverlayFS, "Use a volume or a bind mount: --dir on it.",
		"%s stands on another file system: a container's own layer is not where databases keep their data.", t))...)
	all = append(all, one(copyOnWriteFS[t], warn(codeCopyOnWrite, "Compare only with servers on the same file system.",
		"%s never overwrites in place: preallocated files do not help and each flush writes metadata.", t))...)
	all = append(all, one(f.ZFSSync == "disabled", warn(codeZFSDisabled, "zfs set sync=standard, then measure again.",
		"ZFS has sync=disabled on %s: flushes return at once and make nothing durable.", f.Env.MountSource))...)
	all = append(all, one(t == "zfs" && f.ZFSSync == "unknown", warn(codeZFSUnknown, "Look with: zfs get sync "+f.Env.MountSource,
		"whether ZFS has sync=disabled could not be found out; with it no flush makes anything durable."))...)
	return all
}

func mountWarnings(f Facts) (all []result.Warning) {
	m := Mount{Options: splitOptions(f.Env.MountOptions)}
	has := func(name string) bool { _, ok := m.option(name); return ok }
	data, _ := m.option("data")
	off := barrierOff(m.Options)
	all = append(all, one(off != "", warn(codeNoBarrier, "Mount without it, unless the cache is protected against power cuts.",
		"mounted with %s: flushes do not reach the device, a power cut may take what was flushed.", off))...)
	all = append(all, one(data == "journal", warn(codeDataJournal, "Compare with data=ordered, the default.",
		"mounted with data=journal: every byte is written twice and O_DIRECT is ignored."))...)
	all = append(all, one(has("sync"), warn(codeSyncMount, "Mount without sync: policies 0 and 2 cannot differ from 1 here.",
		"mounted with sync: every write waits for the device."))...)
	all = append(all, one(has("dirsync"), warn(codeDirsyncMount, "", "mounted with dirsync: creating files waits for the device."))...)
	all = append(all, one(has("discard"), warn(codeDiscardMount, "For steady figures mount without discard and run fstrim.",
		"mounted with discard: deleting files sends trims that may slow the flushes after them."))...)
	all = append(all, one(f.Path.ReadOnly, warn(codeReadOnly, "", "the file system is mounted read-only."))...)
	return all
}

func deviceWarnings(f Facts) (all []result.Warning) {
	d, e := f.Env.Device, f.Env
	all = append(all, one(d.Volatile, warn(codeVolatileDisk, "Choose a folder on a disk with --dir.",
		"%s is a device in memory: nothing on it survives a power cut.", d.Name))...)
	all = append(all, one(d.Encrypted, warn(codeEncrypted, "Compare only with servers on the same encrypted device.",
		"the data is encrypted on its way to %s: this costs CPU and latency on every write.", orUnknown(d.Name, "the disk")))...)
	blind := d.Name == "" && !e.Volatile && remoteFS[e.Filesystem] == "" && e.OS == "linux"
	all = append(all, one(blind, warn(codeUnknownDevice, "",
		"the device below %s could not be found: its cache, its flush count and who else uses it are unknown.", orUnknown(e.Filesystem, "the folder")))...)
	return all
}

func spaceWarnings(f Facts) []result.Warning {
	free, total := f.Path.FreeBytes, f.Path.TotalBytes
	low := total > 0 && free < lowSpaceBytes && float64(free) < lowSpaceShare*float64(total)
	return one(low, warn(codeLowSpace, "Free some space: full file systems and full SSDs flush more slowly.",
		"only %s of %s are free.", Bytes(free), Bytes(total)))
}

func machineWarnings(f Facts) (all []result.Warning) {
	e := f.Env
	all = append(all, one(e.CPU.Cores > 0 && e.Load1 > float64(e.CPU.Cores)/2, warn(codeBusy, "Wait until the machine is idle, or stop what runs.",
		"the machine is busy: load %.1f on %d processors.", e.Load1, e.CPU.Cores))...)
	all = append(all, one(e.StealPercent > stealLimit, stealWarning(e.StealPercent))...)
	if q := e.Cgroup.CPUQuotaCores; q != nil {
		all = append(all, one(*q < float64(e.CPU.Cores), warn(codeCPUQuota, "Raise the limit, or read CPU-bound figures as those of the limit.",
			"a control group limits this process to %.1f of %d processors.", *q, e.CPU.Cores))...)
	}
	for _, l := range e.Cgroup.IOLimits {
		all = append(all, warn(codeIOLimit, "Raise the limit: it is measured here, not the disk.", "a control group limits the device: %s.", limitText(l)))
	}
	slow := f.Power.Governor == "conservative" || f.Power.Governor == "powersave" && !isPState(f.Power.Driver)
	all = append(all, one(slow, warn(codeGovernor, "Set the performance governor: cpupower frequency-set -g performance",
		"the CPU frequency governor is %s: processors stay slow, and short waits get longer.", f.Power.Governor))...)
	all = append(all, one(f.Power.OnBattery, warn(codeBattery, "Plug it in.", "running on battery: processors and disk may save power."))...)
	all = append(all, one(!f.AsRoot && e.OS == "linux", warn(codeNotRoot, "Run as root to see them, and for crash kinds os and power.",
		"not root: what other users have open on the device cannot be seen."))...)
	return all
}

// isPState reports whether "powersave" only means that the processor itself
// chooses its frequency.
func isPState(driver string) bool {
	return driver == "intel_pstate" || driver == "amd-pstate-epp" || driver == "amd_pstate_epp"
}

func stealWarning(percent float64) result.Warning {
	return warn(codeSteal, "Measure again at another hour, or on a machine of its own.",
		"the hypervisor took %.1f %% of the CPU time away.", percent)
}

// UsageWarnings returns what happened during a run that weakens its figures.
func UsageWarnings(env result.Environment, u Usage) (all []result.Warning) {
	if !u.Known {
		return nil
	}
	cores := float64(max(env.CPU.Cores, 1))
	all = append(all, one(u.StealPercent > stealLimit, stealWarning(u.StealPercent))...)
	all = append(all, one(u.OtherCores > cores/4, warn(codeBusyRun, "Stop what else runs, then measure again.",
		"other processes kept %.1f of %d processors busy during the run.", u.OtherCores, env.CPU.Cores))...)
	all = append(all, one(u.Throttled > 0, warn(codeThrottled, "Raise the control group's CPU quota.",
		"the control group's CPU quota stopped the process in %d periods.", u.Throttled))...)
	all = append(all, one(u.Thermal > 0, warn(codeThermal, "Let the machine cool down, then measure again.",
		"the processors throttled %d times for heat during the run.", u.Thermal))...)
	return all
}

// FlushTimeWarnings says when a flush of median p50 is too fast to have
// emptied a volatile cache; p50 = 0 means not measured.
func FlushTimeWarnings(env result.Environment, p50 time.Duration) []result.Warning {
	d := env.Device
	suspicious := p50 > 0 && p50 < fastestFlush && d.WriteCache == result.CacheWriteBack && !d.Volatile && !env.Volatile
	return one(suspicious, warn(codeTooFast, "Its data sheet should name power-loss protection; a test that pulls the plug proves it.",
		"a flush takes %s on %s, whose cache is volatile as the kernel has it: too fast to be real, unless the cache is protected.", p50, d.Name))
}

// FlushDeltaWarning turns ExplainFlushDelta's outcome into a warning; nil
// when there is nothing to shout about.
func FlushDeltaWarning(env result.Environment, asked uint64, seen *uint64) []result.Warning {
	note, shout := ExplainFlushDelta(env, asked, seen)
	return one(shout, warn(codeNotSeen, "Look for a layer that swallows flushes: mount options, a RAID controller, the hypervisor's cache mode.", "%s.", note))
}

// withoutCodes returns the warnings whose code is not listed.
func withoutCodes(all []result.Warning, codes ...string) []result.Warning {
	kept := []result.Warning{}
next:
	for _, w := range all {
		for _, c := range codes {
			if w.Code == c {
				continue next
			}
		}
		kept = append(kept, w)
	}
	return kept
}
