package audit

import "syscall"

// openDirect is the flag of files that bypass the page cache.
const openDirect = syscall.O_DIRECT
