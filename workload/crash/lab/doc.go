// Package lab makes disks that can crash: file systems that lose, at a chosen
// moment, what a dying kernel or a power cut would have lost, while the machine
// lives on. It knows nothing of engines, clients or losses; it makes the folder
// in which somebody works, crashes the disk below it, and brings back what a
// restart would find.
//
// What a crash is, by kind:
//
//   - process: nothing happens to the disk; the folder is a plain one. The
//     caller kills the process.
//   - os: the file system under the folder is shut down (FS_IOC_SHUTDOWN with
//     NOLOGFLUSH). From then on nothing of it reaches its device: dirty pages,
//     and metadata that no commit of the journal has taken, are gone. What had
//     been handed to the device stays, flushed or not.
//   - power: the device of that file system is an image on a second, outer file
//     system, and the outer one is shut down. The page cache of the outer file
//     system is the device's volatile cache, and it forgets what no flush of
//     the inner file system reached.
//
// Restart gives the folder back as after a reboot: unmounted, detached,
// attached and mounted anew, so that the journals were replayed and nothing in
// memory is left of what died.
//
// Nothing outlives the process that made it, even if that is killed: Enter puts
// the process into a mount namespace of its own, and loop devices are attached
// so that they detach themselves with the last mount. For a process that did
// not enter one, a state file in the folder names what was made, and Cleanup
// removes exactly that.
//
// INVARIANT: nothing is unmounted, detached or formatted that this package did
// not make, except a device that the caller names and InspectDevice lets pass.
// INVARIANT: sync(2) is never called. It would make durable, on every file
// system of the machine, what a crash is about to take.
//
// Linux only, and os and power need root; see Available.
package lab
