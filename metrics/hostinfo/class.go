package hostinfo

import (
	"strings"

	"flushbench/metrics/result"
)

// modelFamilies are beginnings of model strings, in lower case, of drive
// families whose market is known. The list is short on purpose: a family that
// is not in it is called just an SSD.
var modelFamilies = []struct {
	class  string
	prefix []string
}{
	{"consumer SSD", []string{
		"samsung ssd 8", "samsung ssd 9", "samsung mzvl", "samsung mzal", "samsung mzvp", "samsung mzvk", "samsung mznl",
		"wd_black", "wd blue", "wd green", "wds", "wdc pc sn", "wd pc sn", "ct250", "ct500", "ct1000", "ct2000", "ct4000",
		"kingston sa", "kingston snv", "kingston skc", "kingston snvs", "sabrent", "adata", "xpg", "corsair", "force mp",
		"seagate firecuda", "patriot", "team tm", "pny", "kioxia-exceria", "kbg", "kxg", "sk hynix gold", "skhynix_hfs",
		"sk hynix pc", "bc711", "pc711", "pc801", "hfm", "micron_2200", "micron_2300", "micron_2400", "micron_2450",
		"micron_3400", "micron_3500", "intel ssdpekn", "intel ssdpekk", "apple ssd", "lexar", "sandisk sd", "crucial",
	}},
	{"enterprise SSD", []string{
		"samsung mzql", "samsung mz1l", "samsung mzpl", "samsung mzwl", "samsung mzol", "samsung mz7l3", "samsung mz7lh",
		"samsung mz7km", "samsung mz7lm", "intel ssdpe2", "intel ssdpf", "intel ssdped1k", "intel ssdsc2b", "solidigm ssdpf2",
		"micron_7", "micron_9", "micron_5", "kcd", "kcm", "kpm", "wus", "husm", "dapustor", "memblaze", "dell express flash",
	}},
}

// DeviceClass says in a few words what a device is: consumer SSD, enterprise
// SSD, NVMe SSD, SSD, hard disk, virtual disk, memory device, device. It goes
// by the model string and the kind; nothing about it is measured.
func DeviceClass(d result.Device) string {
	if d.Volatile {
		return "memory device"
	}
	if d.Kind == result.DeviceNVMe || d.Kind == result.DeviceSSD {
		model := strings.ToLower(d.Model)
		for _, f := range modelFamilies {
			for _, p := range f.prefix {
				if strings.HasPrefix(model, p) {
					return f.class
				}
			}
		}
	}
	switch d.Kind {
	case result.DeviceNVMe:
		return "NVMe SSD"
	case result.DeviceSSD:
		return "SSD"
	case result.DeviceHDD:
		return "hard disk"
	case result.DeviceVirtual:
		return "virtual disk"
	}
	return "device of unknown kind"
}
