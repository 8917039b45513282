package hostinfo

import (
	"runtime"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// kernel is the release of the running kernel, "" when unknown.
func (s Source) kernel() string {
	if k := s.text("proc/sys/kernel/osrelease"); k != "" {
		return k
	}
	return kernelRelease()
}

// cpu describes the processors. The frequency is that of the first one at
// this moment, as /proc/cpuinfo has it.
func (s Source) cpu() result.CPU {
	c := result.CPU{Cores: runtime.NumCPU(), Gomaxprocs: runtime.GOMAXPROCS(0)}
	info := s.text("proc/cpuinfo")
	c.Model = cpuField(info, "model name", "Model", "Hardware", "cpu model", "uarch")
	if mhz, err := strconv.ParseFloat(cpuField(info, "cpu MHz", "clock"), 64); err == nil {
		c.MHz = int(mhz + 0.5)
	}
	if khz, ok := s.number("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"); ok && c.MHz == 0 {
		c.MHz = int(khz / 1000)
	}
	c.Idle = s.Idle()
	return c
}

// cpuField returns the first value of the first key that cpuinfo has.
func cpuField(info string, keys ...string) string {
	for _, key := range keys {
		for line := range strings.SplitSeq(info, "\n") {
			name, value, ok := strings.Cut(line, ":")
			if ok && strings.TrimSpace(name) == key {
				return strings.TrimSpace(value)
			}
		}
	}
	return ""
}

// hypervisors maps parts of the DMI vendor and product strings, in lower
// case, to short names.
var hypervisors = []struct{ part, name string }{
	{"qemu", "kvm"}, {"kvm", "kvm"}, {"vmware", "vmware"}, {"virtualbox", "virtualbox"}, {"innotek", "virtualbox"},
	{"xen", "xen"}, {"amazon ec2", "aws"}, {"google compute engine", "gce"}, {"google", "gce"},
	{"alibaba", "alibaba"}, {"openstack", "openstack"}, {"digitalocean", "digitalocean"}, {"hetzner", "hetzner"},
	{"bochs", "bochs"}, {"parallels", "parallels"}, {"bhyve", "bhyve"}, {"apple virtualization", "apple"},
}

// virtualization is a hint: what the machine runs in, outermost first and
// joined with "+" (kvm+docker); "" when nothing was found.
func (s Source) virtualization() string {
	var all []string
	if vm := s.virtualMachine(); vm != "" {
		all = append(all, vm)
	}
	if c := s.container(); c != "" {
		all = append(all, c)
	}
	return strings.Join(all, "+")
}

func (s Source) virtualMachine() string {
	if strings.Contains(strings.ToLower(s.text("proc/sys/kernel/osrelease")), "microsoft") {
		return "wsl"
	}
	vendor := s.text("sys/class/dmi/id/sys_vendor")
	dmi := strings.ToLower(vendor + " " + s.text("sys/class/dmi/id/product_name") + " " + s.text("sys/class/dmi/id/bios_vendor"))
	if strings.Contains(dmi, "microsoft corporation virtual machine") {
		return "hyperv"
	}
	virtual := s.hypervisorFlag()
	for _, h := range hypervisors {
		// A vendor that also builds real machines needs the flag as well.
		if strings.Contains(dmi, h.part) && (virtual || h.name != "gce" && h.name != "aws") {
			return h.name
		}
	}
	if t := s.text("sys/hypervisor/type"); t != "" {
		return t
	}
	if s.exists("sys/bus/virtio/drivers") && virtual {
		return "vm with virtio"
	}
	if virtual {
		return "vm"
	}
	return ""
}

// hypervisorFlag reports whether the processor says that it is virtual.
func (s Source) hypervisorFlag() bool {
	return strings.Contains(" "+cpuField(s.text("proc/cpuinfo"), "flags")+" ", " hypervisor ")
}

// container names what kind of container the process runs in; "" for none. A
// machine that shows the kernel's own threads is not taken for a container,
// whatever its image was made from.
func (s Source) container() string {
	switch {
	case s.text("proc/2/comm") == "kthreadd":
		return ""
	case s.exists(".dockerenv"):
		return "docker"
	case s.exists("run/.containerenv"):
		return "podman"
	case s.exists("run/systemd/container"):
		return s.text("run/systemd/container")
	}
	for _, c := range []string{"kubepods", "docker", "lxc", "containerd"} {
		if strings.Contains(s.text("proc/1/cgroup"), "/"+c) {
			return c
		}
	}
	return ""
}

// Power is what may slow the processors down.
type Power struct {
	Governor   string // of the first processor: performance, powersave, schedutil ...; "" when there is none
	Driver     string // that the governor steers: intel_pstate, amd-pstate-epp, acpi-cpufreq ...
	OnBattery  bool   // a battery is discharging
	Throttled  int64  // thermal throttle events of all processors since boot
	ThrottleOK bool   // Throttled is known
}

// power reads governor, throttle counters and power supplies.
func (s Source) power() Power {
	const cpus = "sys/devices/system/cpu"
	p := Power{Governor: s.text(cpus, "cpu0/cpufreq/scaling_governor"), Driver: s.text(cpus, "cpu0/cpufreq/scaling_driver")}
	for _, name := range s.names(cpus) {
		if n, ok := s.number(cpus, name, "thermal_throttle/core_throttle_count"); ok {
			p.Throttled += n
			p.ThrottleOK = true
		}
	}
	const supplies = "sys/class/power_supply"
	for _, name := range s.names(supplies) {
		if s.text(supplies, name, "scope") == "Device" {
			continue // the battery of a mouse
		}
		if s.text(supplies, name, "type") == "Battery" && s.text(supplies, name, "status") == "Discharging" {
			p.OnBattery = true
		}
	}
	return p
}
