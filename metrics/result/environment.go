package result

// Environment is everything about the machine, the file system and the device
// that bears on a figure. A field that could not be found out is "", 0 or null
// and never a guess. Package metrics/hostinfo fills it.
type Environment struct {
	Host           string    `json:"host"`           // host name
	OS             string    `json:"os"`             // GOOS
	Arch           string    `json:"arch"`           // GOARCH
	Kernel         string    `json:"kernel"`         // release, as uname -r prints it
	Virtualization string    `json:"virtualization"` // "" when none was found, else e.g. kvm, docker, wsl
	CPU            CPU       `json:"cpu"`            //
	MemoryBytes    int64     `json:"memory_bytes"`   // of the host
	Go             string    `json:"go"`             // runtime.Version()
	Cgroup         Cgroup    `json:"cgroup"`         //
	Dir            string    `json:"dir"`            // absolute path of the folder that was measured
	Filesystem     string    `json:"filesystem"`     // ext4, xfs, btrfs, zfs, overlay, tmpfs, nfs ...
	MountPoint     string    `json:"mount_point"`    //
	MountSource    string    `json:"mount_source"`   // what is mounted, e.g. /dev/nvme0n1p2
	MountOptions   string    `json:"mount_options"`  // comma-separated, as in /proc/self/mounts
	FreeBytes      int64     `json:"free_bytes"`     // for ordinary users, before the run
	Volatile       bool      `json:"volatile"`       // a memory file system: nothing survives a power cut
	Device         Device    `json:"device"`         //
	Load1          float64   `json:"load1"`          // 1-minute load average before the run
	StealPercent   float64   `json:"steal_percent"`  // CPU time taken by the hypervisor, 0 to 100
	Warnings       []Warning `json:"warnings"`       //
	// Devices are the other folders of a run whose files do not all lie in Dir.
	Devices []Place `json:"devices,omitempty"`
	// Servers are the real servers of a run that has any.
	Servers []ServerFacts `json:"servers,omitempty"`
}

// What a folder holds: what Place.Holds may say.
const (
	HoldsRedo   = "redo"   // the redo log
	HoldsPages  = "pages"  // table, undo and doublewrite
	HoldsBinlog = "binlog" //
)

// Place is a folder beside Environment.Dir, with what Environment says of that;
// what holds for the whole machine is not said again.
type Place struct {
	Holds        []string  `json:"holds"`
	Dir          string    `json:"dir"`
	Filesystem   string    `json:"filesystem"`
	MountPoint   string    `json:"mount_point"`
	MountSource  string    `json:"mount_source"`
	MountOptions string    `json:"mount_options"`
	FreeBytes    int64     `json:"free_bytes"`
	Volatile     bool      `json:"volatile"`
	Device       Device    `json:"device"`
	IOLimits     []IOLimit `json:"io_limits"`
	Warnings     []Warning `json:"warnings"`
}

// CPU describes the processors that the process may use.
type CPU struct {
	Model      string `json:"model"`
	Cores      int    `json:"cores"`      // logical CPUs that the kernel offers this process
	Gomaxprocs int    `json:"gomaxprocs"` //
	MHz        int    `json:"mhz"`        // 0 when unknown
	// Idle is what they do while nothing runs; nil: unknown, as in older results.
	Idle *CPUIdle `json:"idle,omitempty"`
}

// Cgroup holds the limits that the control group of the process sets.
type Cgroup struct {
	CPUQuotaCores *float64  `json:"cpu_quota_cores"` // null: no quota
	IOLimits      []IOLimit `json:"io_limits"`       // empty: none
	Throttled     int64     `json:"throttled"`       // periods throttled so far (cpu.stat nr_throttled)
}

// IOLimit is one line of a control group's I/O limits (io.max). A null field
// is "max": unlimited.
type IOLimit struct {
	Device       string `json:"device"` // major:minor
	ReadBytesPS  *int64 `json:"read_bytes_per_s"`
	WriteBytesPS *int64 `json:"write_bytes_per_s"`
	ReadIOPS     *int64 `json:"read_iops"`
	WriteIOPS    *int64 `json:"write_iops"`
}

// Device kinds: what Device.Kind may say.
const (
	DeviceNVMe    = "nvme"
	DeviceSSD     = "ssd"
	DeviceHDD     = "hdd"
	DeviceVirtual = "virtual"
	DeviceUnknown = "unknown"
)

// Write cache modes: what Device.WriteCache may say, in the kernel's words.
const (
	CacheWriteBack    = "write back"    // flushes reach the device
	CacheWriteThrough = "write through" // the kernel sends no flush: none is needed, so the device says
	CacheUnknown      = "unknown"
)

// Device is the leaf block device under the measured folder; Stack leads to it.
type Device struct {
	Name          string      `json:"name"`           // e.g. nvme0n1; "" when there is no block device
	Model         string      `json:"model"`          // as the device names itself
	Kind          string      `json:"kind"`           // nvme, ssd, hdd, virtual, unknown
	SizeBytes     int64       `json:"size_bytes"`     //
	WriteCache    string      `json:"write_cache"`    // write back, write through, unknown
	FUA           *bool       `json:"fua"`            // null: unknown
	Rotational    *bool       `json:"rotational"`     // null: unknown; means nothing on virtual disks
	Scheduler     string      `json:"scheduler"`      // the active I/O scheduler, e.g. none, mq-deadline
	PhysicalBlock int         `json:"physical_block"` // bytes
	LogicalBlock  int         `json:"logical_block"`  // bytes
	Stack         []StackNode `json:"stack"`          // from the mounted device down to the leaf, both included
	Volatile      bool        `json:"volatile"`       // the device forgets at a power cut (RAM disk, zram)
	Encrypted     bool        `json:"encrypted"`      // dm-crypt in the stack, or the file system encrypts
}

// Stack node types: what StackNode.Type may say.
const (
	StackLoop = "loop"
	StackDM   = "dm"
	StackMD   = "md"
	StackPart = "part"
	StackDisk = "disk"
)

// StackNode is one block device between the file system and the disk.
type StackNode struct {
	Name string `json:"name"`
	Type string `json:"type"` // loop, dm, md, part, disk
}

// Stacked reports whether a loop, dm or md device lies between the file
// system and the disk, so that flushes are counted elsewhere than at the top.
func (d Device) Stacked() bool {
	for _, n := range d.Stack {
		switch n.Type {
		case StackLoop, StackDM, StackMD:
			return true
		}
	}
	return false
}

// Warning is something that weakens a figure, with what to do about it.
type Warning struct {
	Code   string `json:"code"`   // stable, lower case, hyphens: e.g. memory-filesystem
	Text   string `json:"text"`   // one plain sentence
	Advice string `json:"advice"` // one plain sentence, may be ""
}
