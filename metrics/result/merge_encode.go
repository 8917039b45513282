package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"sync"
)

// noHosts is how a merge without hosts begins its list of them.
const noHosts = `"hosts":[]`

// encodeMerge is the text of a merge: that of 200 hosts has 100 MB, so each host is
// encoded apart, on all processors. It is not indented, or it would be half as large
// again.
func encodeMerge(r *Result) ([]byte, error) {
	hosts := r.Merge.Hosts
	texts, errs := make([][]byte, len(hosts)), make([]error, len(hosts))
	next := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				if errs[i] = finite(reflect.ValueOf(&hosts[i]).Elem(), fmt.Sprintf(".merge.hosts[%d]", i)); errs[i] == nil {
					texts[i], errs[i] = compactJSON(hosts[i].withoutNilSlices())
				}
			}
		})
	}
	for i := range hosts {
		next <- i
	}
	close(next)
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	rest, m := *r, *r.Merge
	m.Hosts, rest.Merge = nil, &m
	if err := finite(reflect.ValueOf(&rest).Elem(), ""); err != nil {
		return nil, err
	}
	text, err := compactJSON(withoutNilSlices(&rest))
	if err != nil {
		return nil, err
	}
	// INVARIANT: no list called hosts stands before the merge's own, and within a
	// string its quotes would be escaped.
	before, after, ok := bytes.Cut(text, []byte(noHosts))
	if !ok {
		return nil, fmt.Errorf("a merge without %s", noHosts)
	}
	list := bytes.Join(texts, []byte(","))
	return bytes.Join([][]byte{before, []byte(noHosts[:len(noHosts)-1]), list, []byte("]"), after, []byte("\n")}, nil), nil
}

// compactJSON is v as JSON in a line, without its end.
func compactJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
