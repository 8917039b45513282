package hostinfo

import (
	"context"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// memoryFS are the file systems that keep nothing over a power cut.
var memoryFS = map[string]bool{"tmpfs": true, "ramfs": true, "devtmpfs": true, "hugetlbfs": true}

// remoteFS are the file systems whose flush ends on another machine, or on
// the host of a virtual machine.
var remoteFS = map[string]string{
	"nfs": "network", "nfs4": "network", "cifs": "network", "smb3": "network", "ceph": "network",
	"afs": "network", "lustre": "network", "beegfs": "network", "glusterfs": "network",
	"fuse.glusterfs": "network", "fuse.sshfs": "network", "fuse.ceph": "network", "fuse.s3fs": "network",
	"fuse.juicefs": "network", "fuse.rclone": "network", "gpfs": "network",
	"9p": "host-shared", "virtiofs": "host-shared", "vboxsf": "host-shared", "prl_fs": "host-shared",
	"fuse.vmhgfs-fuse": "host-shared", "vmhgfs": "host-shared", "drvfs": "host-shared", "fakeowner": "host-shared",
}

// overlayFS are the file systems that stand on folders of another one.
var overlayFS = map[string]bool{"overlay": true, "aufs": true, "fuse.fuse-overlayfs": true, "fuse.mergerfs": true, "ecryptfs": true}

// copyOnWriteFS never overwrite a block in place.
var copyOnWriteFS = map[string]bool{"btrfs": true, "zfs": true, "bcachefs": true, "nilfs2": true, "f2fs": true}

// journalFS commit a journal whose flushes reach the device beside ours. On
// ext4 the journal may be absent, which no mount option says.
var journalFS = map[string]bool{"ext3": true, "ext4": true, "xfs": true, "jfs": true, "btrfs": true, "f2fs": true}

// BarrierOff returns the mount option of env that keeps its file system from
// sending flushes to the device, or "".
func BarrierOff(env result.Environment) string { return barrierOff(splitOptions(env.MountOptions)) }

// barrierOff returns the mount option that keeps the file system from sending
// flushes to the device, or "".
func barrierOff(options []string) string {
	for _, o := range options {
		switch o {
		case "nobarrier", "barrier=0", "barrier=none":
			return o
		}
	}
	return ""
}

// splitOptions undoes the joining in Environment.MountOptions.
func splitOptions(options string) []string {
	if options == "" {
		return nil
	}
	return strings.Split(options, ",")
}

// zfsSync returns the sync property of a dataset: standard, always, disabled,
// or unknown when the zfs command is absent or fails.
func (s Source) zfsSync(ctx context.Context, dataset string) string {
	out, err := s.Run(ctx, "zfs", "get", "-H", "-o", "value", "sync", dataset)
	if err != nil || !slices.Contains([]string{"standard", "always", "disabled"}, out) {
		return "unknown"
	}
	return out
}
