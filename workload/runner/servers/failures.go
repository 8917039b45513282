package servers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"flushbench/workload/target"
)

// failureKinds counts failures by target.Failure. Safe for concurrent use.
type failureKinds struct {
	mu sync.Mutex
	n  map[string]int64
}

func (k *failureKinds) add(kind string, n int64) {
	if n == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n == nil {
		k.n = map[string]int64{}
	}
	k.n[kind] += n
}

// failed counts the failure of a client.
func (k *failureKinds) failed(err error) { k.add(target.Failure(err), 1) }

// all are the counts; nil: none.
func (k *failureKinds) all() map[string]int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.n)
}

// text is the counts in words: 64 x connection lost.
func (k *failureKinds) text() string {
	var all []string
	for kind, n := range k.all() {
		all = append(all, fmt.Sprintf("%d x %s", n, kind))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// oneLine makes one line of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
