// Package writeback measures how long the kernel keeps written bytes to itself when
// nobody asks for a flush, and says beforehand how long it should.
//
// A Log is a file like a redo log or a binlog: records in sequence, each with its
// number and a checksum. Sample asks the page cache (Cache; cachestat(2) on Linux 6.5)
// which of them it has not written back; Falls are the moments at which the oldest of
// those was. Check reads after a crash which records are still there. Settings are the
// kernel's and the file system's own words on the matter, Predict what follows from
// them; it is pure.
//
// Three moments are kept apart, because a crash of another kind is survived from
// each of them on:
//
//   - written back: the device has the bytes, perhaps in a volatile cache;
//   - reachable: after a crash of the kernel the file has them: what leads to them
//     (size, extents) has reached the device too;
//   - flushed: the device has put both where a power cut does not reach them.
//
// INVARIANT: after Create nothing here flushes unless Flush or Settle is called, and no
// setting of the kernel is changed.
package writeback
