package hostinfo

import (
	"testing"

	"flushbench/metrics/result"
)

func TestKindOf(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		name, bus, model string
		rotational       *bool
		want             string
	}{
		{"nvme0n1", "nvme", "Samsung SSD 990 PRO 2TB", &no, "nvme"},
		{"nvme0n1", "nvme", "Amazon Elastic Block Store", &no, "virtual"},
		{"nvme1n1", "nvme", "Amazon EC2 NVMe Instance Storage", &no, "nvme"},
		{"nvme0n1", "nvme", "nvme_card", &no, "nvme"},
		{"nvme0n1", "nvme", "nvme_card-pd", &no, "virtual"},
		{"nvme0n1", "nvme", "QEMU NVMe Ctrl", &no, "virtual"},
		{"nvme3n1", "nvme-tcp", "Linux", &no, "virtual"},
		{"sda", "scsi", "WDC WD20EFRX-68E", &yes, "hdd"},
		{"sda", "scsi", "CT1000MX500SSD1", &no, "ssd"},
		{"sda", "scsi", "QEMU HARDDISK", &yes, "virtual"},
		{"sda", "scsi", "VMware Virtual disk", &no, "virtual"},
		{"sda", "scsi", "Msft Virtual Disk", &yes, "virtual"},
		{"sda", "scsi", "Google PersistentDisk", &yes, "virtual"},
		{"sda", "scsi", "HC Volume", &yes, "virtual"},
		{"sda", "scsi", "ORACLE BlockVolume", &yes, "virtual"},
		{"sda", "scsi", "", nil, "unknown"},
		{"vda", "virtio", "", &yes, "virtual"},
		{"vdab", "", "", &yes, "virtual"},
		{"xvda", "", "", &no, "virtual"},
		{"mmcblk0", "mmc", "SD64G", &no, "ssd"},
		{"nbd0", "", "", &no, "virtual"},
		{"zram0", "", "", &no, "virtual"},
		{"loop0", "", "", &yes, "unknown"},
		{"sdvd", "scsi", "", &no, "ssd"},
	} {
		if got := kindOf(test.name, test.bus, test.model, test.rotational); got != test.want {
			t.Errorf("kindOf(%q, %q, %q) = %q; want %q", test.name, test.bus, test.model, got, test.want)
		}
	}
}

func TestDeviceClass(t *testing.T) {
	for _, test := range []struct {
		d    result.Device
		want string
	}{
		{result.Device{Kind: "nvme", Model: "Samsung SSD 970 EVO Plus 2TB"}, "consumer SSD"},
		{result.Device{Kind: "nvme", Model: "SAMSUNG MZQL23T8HCLS-00A07"}, "enterprise SSD"},
		{result.Device{Kind: "nvme", Model: "unheard of"}, "NVMe SSD"},
		{result.Device{Kind: "ssd", Model: "Micron_5300_MTFDDAK960TDS"}, "enterprise SSD"},
		{result.Device{Kind: "ssd"}, "SSD"},
		{result.Device{Kind: "hdd", Model: "WDSomething"}, "hard disk"},
		{result.Device{Kind: "virtual", Model: "Samsung SSD 990"}, "virtual disk"},
		{result.Device{Kind: "virtual", Volatile: true}, "memory device"},
		{result.Device{Kind: "unknown"}, "device of unknown kind"},
	} {
		if got := DeviceClass(test.d); got != test.want {
			t.Errorf("DeviceClass(%+v) = %q; want %q", test.d, got, test.want)
		}
	}
}

func TestActiveScheduler(t *testing.T) {
	for list, want := range map[string]string{"none [mq-deadline] kyber": "mq-deadline", "[none]": "none", "none": "none", "": "", "a b": "", "[x": "x"} {
		if got := activeScheduler(list); got != want {
			t.Errorf("activeScheduler(%q) = %q; want %q", list, got, want)
		}
	}
}

func TestDMKind(t *testing.T) {
	for uuid, want := range map[string]string{
		"CRYPT-LUKS2-0123-luks": "crypt", "LVM-abc": "lvm", "mpath-36001405": "multipath", "part1-mpath-3600": "partition", "": "", "SNAP-x": "snap",
	} {
		if got := dmKind(uuid); got != want {
			t.Errorf("dmKind(%q) = %q; want %q", uuid, got, want)
		}
	}
}

// TestLoopOfItself walks a loop device whose backing file lies on the loop
// device: the kernel refuses that, but a table read in two moments may show it.
func TestLoopOfItself(t *testing.T) {
	s := fixture(t, "loop", PathFacts{})
	mounts := []Mount{{ID: 1, Dev: "7:3", Point: "/", Type: "ext4"}}
	layers := s.layersOf(mounts[0], mounts)
	if len(layers) != 1 || layers[0].Name != "loop3" {
		t.Errorf("layersOf = %+v; want loop3 once", layers)
	}
	if d := s.device(layers); d.Name != "loop3" || d.Kind != result.DeviceUnknown {
		t.Errorf("device = %+v; want loop3 of unknown kind", d)
	}
}
