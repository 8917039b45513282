package hostinfo

import (
	"path"
	"strings"

	"flushbench/metrics/result"
)

// device describes the first disk at the bottom of the layers; with no layers
// its name is "" and all else unknown.
func (s Source) device(layers []Layer) result.Device {
	d := result.Device{Kind: result.DeviceUnknown, WriteCache: result.CacheUnknown}
	for _, l := range layers {
		d.Stack = append(d.Stack, result.StackNode{Name: l.Name, Type: l.Type})
		d.Encrypted = d.Encrypted || l.Detail == "crypt"
	}
	leaf, ok := firstLeaf(layers)
	if !ok {
		return d
	}
	s.describe(&d, leaf)
	return d
}

// firstLeaf is the first layer with nothing below it: a disk, or a loop
// device whose backing file cannot be traced.
func firstLeaf(layers []Layer) (Layer, bool) {
	for _, l := range layers {
		if l.Type == result.StackDisk {
			return l, true
		}
	}
	if len(layers) > 0 {
		return layers[len(layers)-1], true
	}
	return Layer{}, false
}

// describe fills d with what sysfs says about the disk.
func (s Source) describe(d *result.Device, leaf Layer) {
	queue := path.Join(leaf.sys, "queue")
	d.Name = leaf.Name
	if sectors, ok := s.number(leaf.sys, "size"); ok {
		d.SizeBytes = sectors * sectorSize
	}
	switch cache := s.text(queue, "write_cache"); cache {
	case result.CacheWriteBack, result.CacheWriteThrough:
		d.WriteCache = cache
	}
	d.FUA = s.flag(queue, "fua")
	d.Rotational = s.flag(queue, "rotational")
	d.Scheduler = activeScheduler(s.text(queue, "scheduler"))
	physical, _ := s.number(queue, "physical_block_size")
	logical, _ := s.number(queue, "logical_block_size")
	d.PhysicalBlock, d.LogicalBlock = int(physical), int(logical)
	d.Model = s.model(leaf)
	d.Volatile = volatileName(leaf.Name)
	d.Kind = kindOf(leaf.Name, s.bus(leaf), d.Model, d.Rotational)
}

// sectorSize is the unit of every sector count in sysfs and diskstats,
// whatever the device's own block size.
const sectorSize = 512

// flag reads a file that holds 0 or 1; nil when there is none.
func (s Source) flag(name ...string) *bool {
	n, ok := s.number(name...)
	if !ok {
		return nil
	}
	v := n != 0
	return &v
}

// activeScheduler picks the bracketed word: "none [mq-deadline] kyber". A
// list of one word has no brackets.
func activeScheduler(list string) string {
	if _, rest, ok := strings.Cut(list, "["); ok {
		name, _, _ := strings.Cut(rest, "]")
		return name
	}
	if strings.ContainsRune(list, ' ') {
		return ""
	}
	return list
}

// model joins vendor and model as the device gives them, without padding.
// "ATA" is how libata fills the vendor field and says nothing; virtio's
// vendor file holds a PCI number.
func (s Source) model(leaf Layer) string {
	model := s.text(leaf.sys, "device/model")
	if model == "" {
		model = s.text(leaf.sys, "device/name") // SD and eMMC cards
	}
	vendor := s.text(leaf.sys, "device/vendor")
	if vendor == "ATA" || strings.HasPrefix(vendor, "0x") || strings.HasPrefix(model, vendor) {
		vendor = ""
	}
	return strings.Join(strings.Fields(vendor+" "+model), " ")
}

// bus names what the disk hangs on: virtio, nvme, scsi, xen, mmc ...; for
// NVMe over a network "nvme-tcp", "nvme-rdma" or "nvme-fc". "" when unknown.
func (s Source) bus(leaf Layer) string {
	link, ok := s.follow(path.Join(leaf.sys, "device/subsystem"))
	if !ok {
		return ""
	}
	bus := path.Base(link)
	if strings.HasPrefix(bus, "nvme") {
		if t := s.text(leaf.sys, "device/transport"); t != "" && t != "pcie" {
			return "nvme-" + t
		}
		return "nvme"
	}
	return bus
}

// volatileName reports whether a block device is memory.
func volatileName(name string) bool {
	stem := strings.TrimRight(name, "0123456789")
	return stem == "ram" || stem == "zram" || stem == "nullb"
}

// virtualStems are the names that only virtual or network disks have.
var virtualStems = []string{"vd", "xvd", "nbd", "rbd", "drbd", "ram", "zram", "nullb", "ublkb"}

// virtualModels are parts of model strings of virtual disks and of cloud
// volumes, in lower case. Local disks that a cloud passes through (Amazon EC2
// NVMe Instance Storage, Microsoft NVMe Direct Disk, Google's plain nvme_card)
// are not among them: their flush is a real device's.
var virtualModels = []string{
	"qemu", "virtio", "vmware", "virtual disk", "virtual-disk", "virtual_disk", "vbox harddisk", "vdisk",
	"msft virtual", "msft nvme accelerator", "google persistentdisk", "nvme_card-pd", "hyperdisk",
	"amazon elastic block store", "alibaba cloud elastic block", "blockvolume", "hc volume", "do volume",
	"linode volume", "xen", "parallels", "bhyve", "apple virt", "nutanix", "lio-org", "firecracker", "cloud-hypervisor",
}

// kindOf classifies a disk. The rotational flag is only believed on physical
// disks: virtio says 1 on any storage.
func kindOf(name, bus, model string, rotational *bool) string {
	stem := strings.TrimRight(name, "0123456789")
	for _, v := range virtualStems {
		if stem == v || (v == "vd" || v == "xvd") && isDiskLetters(stem, v) {
			return result.DeviceVirtual
		}
	}
	lower := strings.ToLower(model)
	for _, v := range virtualModels {
		if strings.Contains(lower, v) {
			return result.DeviceVirtual
		}
	}
	switch {
	case bus == "virtio" || bus == "xen" || bus == "vmbus" || strings.HasPrefix(bus, "nvme-"):
		return result.DeviceVirtual
	case bus == "nvme" || strings.HasPrefix(name, "nvme"):
		return result.DeviceNVMe
	case rotational == nil || strings.HasPrefix(name, "loop"):
		return result.DeviceUnknown
	case *rotational:
		return result.DeviceHDD
	}
	return result.DeviceSSD
}

// isDiskLetters reports whether stem is prefix and one or two letters: vda,
// xvdba.
func isDiskLetters(stem, prefix string) bool {
	rest, ok := strings.CutPrefix(stem, prefix)
	return ok && (len(rest) == 1 || len(rest) == 2)
}
