//go:build !unix

package postgres

// writeSocket leaves the writing to the connection.
func writeSocket(uintptr, []byte) (n int, again bool, err error) { return 0, true, nil }

// readSocket is not called: there is nothing written to be answered.
func readSocket(uintptr, []byte) (n int, again bool, err error) { return 0, true, nil }
