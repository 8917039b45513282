// Package simdisk has disks that do not exist, and results as if a server's two logs
// had been measured on them: the questions whose answer a specialist knows are asked
// of these. Tests only.
//
// Their flush times are those of the sources in workload/plan/testdata/cases.yaml.
// Every flush is drawn from them and every group is played out by
// metrics/model.Simulate, so a result is a measurement, of something simulated, and
// no formula's opinion. The same disk gives the same result every time.
package simdisk

import (
	"fmt"
	"math"

	"flushbench/metrics/model"
	"flushbench/metrics/result"
)

// Disk is a device that does not exist.
type Disk struct {
	Name   string
	Device result.Device
	Flush  model.Dist // of either log; a commit waits for one after the other
	Rates  []float64  // at which it is measured, commits a second, ascending
}

// Named returns the disk of that name.
func Named(name string) (Disk, error) {
	for _, d := range All() {
		if d.Name == name {
			return d, nil
		}
	}
	return Disk{}, fmt.Errorf("simdisk: no disk %q", name)
}

// All returns every disk.
func All() []Disk {
	fast := []float64{10000, 20000, 30000, 50000}
	middling := []float64{1000, 3000, 5000, 6500, 10000}
	return []Disk{
		{"hdd", device("sda", "WDC WD2002FYPS", result.DeviceHDD, result.CacheWriteBack),
			stalls(uniform(4e6, 12.5e6), 0.001, 60e6), []float64{100, 200, 500, 1000, 2000}},
		{"sata", device("sda", "Samsung SSD 870", result.DeviceSSD, result.CacheWriteBack),
			stalls(lognormal(0.8e6, 0.12), 0.0005, 12e6), middling},
		{"nvme-plp", device("nvme0n1", "Micron 7450", result.DeviceNVMe, result.CacheWriteThrough),
			stalls(lognormal(80e3, 0.1), 0.0001, 1e6), fast},
		{"nvme-no-plp", device("nvme0n1", "Consumer NVMe 1TB", result.DeviceNVMe, result.CacheWriteBack),
			stalls(lognormal(80e3, 0.1), 0.0001, 1e6), fast},
		{"cloud", device("nvme1n1", "Amazon Elastic Block Store", result.DeviceNVMe, result.CacheWriteThrough),
			stalls(lognormal(0.7e6, 0.25), 0.001, 8e6), middling},
	}
}

// device is a drive of 2 TB.
func device(name, modelName, kind, cache string) result.Device {
	return result.Device{
		Name: name, Model: modelName, Kind: kind, WriteCache: cache, SizeBytes: 2_000_000_000_000,
		PhysicalBlock: 4096, LogicalBlock: 512, Stack: []result.StackNode{{Name: name, Type: result.StackDisk}},
	}
}

func uniform(lo, hi float64) model.Dist {
	return model.FromQuantiles(func(q float64) float64 { return lo + (hi-lo)*q })
}

func lognormal(median, sigma float64) model.Dist {
	return model.FromQuantiles(func(q float64) float64 {
		return median * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*q-1))
	})
}

// stalls makes a share of the flushes take so long.
func stalls(d model.Dist, share, ns float64) model.Dist {
	return d.Mix(1-share, model.Fixed(ns))
}
