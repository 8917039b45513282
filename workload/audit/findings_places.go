package audit

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// Codes of package hostinfo's warnings that are about durability.
var placeWarnings = map[string]struct {
	code  string
	grade Grade
	fix   string
}{
	"memory-filesystem":  {CodeMemory, Voids, "move the folder to a disk"},
	"volatile-device":    {CodeMemory, Voids, "move the folder to a disk"},
	"network-filesystem": {CodeNetwork, Notes, ""},
	"overlay-filesystem": {CodeOverlay, Notes, "a volume or a bind mount for the folder"},
	"zfs-sync-disabled":  {CodeZFSSync, Voids, "zfs set sync=standard"},
}

// placeRules are about what lies below the server's folders.
func placeRules(f *Facts, _ *promise) (out []Finding) {
	for i := range f.Places {
		p := &f.Places[i]
		for _, w := range p.Warnings {
			if known, ok := placeWarnings[w.Code]; ok && !has(out, known.code) {
				out = append(out, Finding{Code: known.code, Grade: known.grade, Fix: known.fix,
					Text: fmt.Sprintf("%s (%s): %s", p.Dir, HoldsText(f.Info.Product, p), w.Text)})
			}
		}
		option := barrierOff(p)
		out = append(out, found(option != "", CodeNoBarrier, Voids, "mount -o remount without "+option,
			"%s is mounted with %s: flushes do not reach %s, and a power cut may take anything that its cache holds, pages too.", p.MountPoint, option, deviceName(p))...)
		cached := p.Device.WriteCache == result.CacheWriteBack && !p.Device.Volatile && option == "" && !p.Volatile
		out = append(out, found(cached && !has(out, CodeVolatileCache), CodeVolatileCache, Notes, "",
			"%s has a write cache that may be volatile. What is said of a power cut holds if it obeys flushes. A protected one looks the same to the kernel: its data sheet, or a pulled plug, tells.", deviceName(p))...)
	}
	return out
}

func has(all []Finding, code string) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Code == code })
}

func deviceName(p *result.Place) string {
	if p.Device.Name == "" {
		return "the device"
	}
	return p.Device.Name
}

// HoldsText names what lies in a place: "redo log, pages and binlog".
func HoldsText(product target.Product, p *result.Place) string {
	names := make([]string, len(p.Holds))
	for i, h := range p.Holds {
		names[i] = holdsNames(product)[h]
	}
	return join(names)
}

// holdsNames says what a product calls what lies in its folders.
func holdsNames(product target.Product) map[string]string {
	names := map[string]string{result.HoldsRedo: "redo log", result.HoldsPages: "pages", result.HoldsBinlog: "binlog"}
	if product == target.PostgreSQL {
		names[result.HoldsRedo] = "WAL"
	}
	return names
}

// join lists words: a, b and c.
func join(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// kindNames name each kind of crash as screens do.
var kindNames = [durability.NumKinds]string{durability.Process: "process crash", durability.OS: "kernel crash", durability.Power: "power cut"}

// KindName names a kind of crash as screens do.
func KindName(k durability.Kind) string { return kindNames[k] }
