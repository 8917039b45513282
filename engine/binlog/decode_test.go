package binlog

import (
	"errors"
	"testing"
)

// A name as long as its length byte can say is refused or read, never a panic: the
// CRC of an event tells that it was written so, not who wrote it.
func TestDecodeLongestNames(t *testing.T) {
	name := make([]byte, 255)
	for i := range name {
		name[i] = 'n'
	}
	columns := []byte{columnCount, typeLongLong, typeLongLong, typeVarchar, 2, 100, 0, 0}
	body := append(make([]byte, 8), 255)
	body = append(append(body, name...), 0, 255)
	body = append(append(body, name...), 0)
	body = append(body, columns...)
	got, err := decodeTableMap(body)
	if err != nil || got.Database != string(name) || got.Table != string(name) || got.Width != 100 {
		t.Errorf("decodeTableMap of names of 255 bytes = %+v, %v; want them", got, err)
	}
	for n := range len(body) {
		if _, err := decodeTableMap(body[:n]); n < len(body)-1 && !errors.Is(err, errShort) && err == nil {
			t.Errorf("decodeTableMap of the first %d of %d bytes = nil", n, len(body))
		}
	}
}
