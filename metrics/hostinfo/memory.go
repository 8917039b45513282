package hostinfo

import (
	"fmt"
	"os"
)

// statm is where Linux says how much memory a process has, in pages: all that is mapped,
// of that resident, of that shared, ...
const statm = "/proc/self/statm"

// Resident tells how much of this process lies in memory: its resident set (RSS). That
// counts the heap and what is mapped beside it (log buffer, buffer pool, the program
// itself), and not the page cache. The kernel adds up what its threads or processors
// took only now and then, so it may be some hundred KiB behind (proc_pid_statm(5)).
//
// A reading takes a few microseconds and allocates nothing: what it took would be part
// of what is read. Not safe for concurrent use.
//
// NB: the kernel's own peak (VmHWM, ru_maxrss) is the most since the process began, so
// it would give a cell the peak of another one before it.
type Resident struct {
	file *os.File
	page int64 // bytes
	text [256]byte
}

// OpenResident returns an error where the system does not say it, as off Linux.
func OpenResident() (*Resident, error) { return openResident(statm, os.Getpagesize()) }

func openResident(path string, page int) (*Resident, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hostinfo: resident memory: %w", err)
	}
	return &Resident{file: f, page: int64(page)}, nil
}

// Bytes returns the resident set now; ok is false where it cannot be read.
func (r *Resident) Bytes() (n int64, ok bool) {
	length, _ := r.file.ReadAt(r.text[:], 0) // it ends before the text is full: io.EOF
	field, pages, digits := 0, int64(0), 0
	for _, c := range r.text[:length] {
		switch {
		case c == ' ' || c == '\n':
			if field == 1 {
				return pages * r.page, digits > 0 && pages > 0
			}
			field++
		case field != 1:
		case c < '0' || c > '9' || digits == 12:
			return 0, false
		default:
			pages, digits = 10*pages+int64(c-'0'), digits+1
		}
	}
	return 0, false
}

// Close ends the readings.
func (r *Resident) Close() error { return r.file.Close() }
