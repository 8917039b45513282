//go:build !linux

package audit

// openDirect is the flag of files that bypass the page cache: there is none here.
const openDirect = 0
