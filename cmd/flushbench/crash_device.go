package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/workload/crash/lab"
)

// confirmDevice shows what stands on a device that is to be formatted and wants
// its name: typed by the user, or given beforehand. Anything else is exit code 2,
// and nothing was written. What it returns is what the user has agreed to.
func confirmDevice(path, given string, stdin io.Reader, stderr io.Writer) (lab.Device, error) {
	d, err := lab.InspectDevice(path)
	if err != nil {
		return lab.Device{}, usageError(err)
	}
	fmt.Fprintf(stderr, "%s (%s, %s) will be formatted. It holds: %s\n", d.Path, d.Name, hostinfo.Bytes(d.Bytes), d.Signature)
	if given == "" {
		fmt.Fprintf(stderr, "All on it will be lost. Type its name, %s, to go on: ", d.Name)
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return lab.Device{}, err
		}
		given = strings.TrimSpace(line)
	}
	if given != d.Name {
		return lab.Device{}, usagef("device %s: its name is %s, not %q: nothing was written (scripts: --yes-destroy %s)", path, d.Name, given, d.Name)
	}
	return d, nil
}
