package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// Bounds of the heat map.
const (
	maxMapRows    = 4
	maxMapColumns = 6
)

// pairMap is the map of policy and sync_binlog.
type pairMap struct {
	clients  int // of all
	cells    map[pair]cell
	policies []string // rows, the safest first
	syncs    []int    // columns, the safest first
	left     string   // what is not drawn; "": nothing
	seen     extent   // commits per second
}

// pair is a setting of both.
type pair struct {
	policy string
	sync   int
}

// pairs draws the map of policy and sync_binlog, with the commits per second
// that each pair carries.
func pairs(v *view) *Plot {
	const name = "policy-sync-binlog"
	const title = "What does each pair of policy and sync_binlog carry?"
	m := mapOf(v.closed.cells)
	switch {
	case m.clients == 0:
		return nil
	case len(m.cells) == 0:
		return placeholder(name, title, "no pair committed anything")
	case len(m.policies) < 2 || len(m.syncs) < 2:
		return nil // no map: the throughput shows it
	}
	finding := title
	if c, ok := m.cells[pair{"1", 1}]; ok {
		finding = fmt.Sprintf("Both logs flushed at every commit (1/1): %s commits/s with %s", decimal(c.sum.TPS.Median), count(m.clients, "client"))
	}
	var alt []string
	for _, p := range m.policies {
		for _, s := range m.syncs {
			if c, ok := m.cells[pair{p, s}]; ok {
				alt = append(alt, fmt.Sprintf("%s/%d: %s", p, s, ranged(c.sum.TPS, decimal)))
			}
		}
	}
	return &Plot{
		Name: name, Title: finding,
		Alt:      fmt.Sprintf("Table of commits per second by policy and sync_binlog with %s. %s.", count(m.clients, "client"), strings.Join(alt, "; ")) + ending(m.left),
		subtitle: subtitle("Closed loop, "+v.closed.about()+", "+count(m.clients, "client"), "darker is more; in brackets lowest..highest of the rounds", m.left, v.closed.rest()),
		body:     m.draw,
	}
}

// mapOf collects the pairs that were measured with the most clients.
func mapOf(cells []cell) *pairMap {
	m := &pairMap{cells: map[pair]cell{}}
	for _, c := range cells {
		if c.Params.SyncBinlog != nil {
			m.clients = max(m.clients, c.Params.Clients)
		}
	}
	for _, c := range cells {
		if c.Params.SyncBinlog == nil || c.Params.Clients != m.clients || gathers(&c.Params) || !positive(c.sum.TPS.Median) {
			continue
		}
		k := pair{c.Params.Policy, *c.Params.SyncBinlog}
		if _, twice := m.cells[k]; twice {
			continue
		}
		m.cells[k] = c
		m.seen.see(c.sum.TPS.Median)
		if !slices.Contains(m.policies, k.policy) {
			m.policies = append(m.policies, k.policy)
		}
		if !slices.Contains(m.syncs, k.sync) {
			m.syncs = append(m.syncs, k.sync)
		}
	}
	slices.SortStableFunc(m.policies, func(a, b string) int {
		return cmp.Compare(rank(&result.Params{Policy: a}), rank(&result.Params{Policy: b}))
	})
	slices.SortFunc(m.syncs, func(a, b int) int { // 1 flushes always, 0 never
		return cmp.Or(cmp.Compare(min(a, 1), min(b, 1))*-1, cmp.Compare(a, b))
	})
	m.left = subtitle(notDrawn(len(m.policies)-maxMapRows, "more row"), notDrawn(len(m.syncs)-maxMapColumns, "more column"))
	m.policies, m.syncs = m.policies[:min(len(m.policies), maxMapRows)], m.syncs[:min(len(m.syncs), maxMapColumns)]
	return m
}

func (m *pairMap) draw(c canvas, area box) {
	area.top += 44
	left := 0.0
	for _, policy := range m.policies {
		left = max(left, labelText.width("policy "+policy)+18)
	}
	left = min(left, area.width()/3)
	w := (area.width() - left) / float64(len(m.syncs))
	h := min(area.height()/float64(len(m.policies)), 110)
	c.text(point{area.left + left + w*float64(len(m.syncs))/2, area.top - 28}, alignCentre, axisText, "sync_binlog: flush the binlog at every n-th group; 0: never")
	for j, s := range m.syncs {
		c.text(point{area.left + left + (float64(j)+0.5)*w, area.top - 8}, alignCentre, labelText, labelText.fit(plain(float64(s)), w))
	}
	for i, policy := range m.policies {
		y := area.top + float64(i)*h
		c.text(point{area.left, y + h/2 + labelText.middle()}, alignLeft, labelText, labelText.fit("policy "+policy, left))
		for j, s := range m.syncs {
			b := box{area.left + left + float64(j)*w + 2, y + 2, area.left + left + float64(j+1)*w - 2, y + h - 2}
			if k, ok := m.cells[pair{policy, s}]; ok {
				drawPair(c, b, k, &m.seen)
				continue
			}
			c.line(append(b.corners(), b.corners()[0]), stroke{colour: grid, width: 1, dash: []float64{4, 4}})
			c.text(point{(b.left + b.right) / 2, (b.top+b.bottom)/2 + 4}, alignCentre, axisText, axisText.fit("not measured", b.width()))
		}
	}
}

// fullContrast is the ratio of commits a second from the lightest field to the
// darkest. Fields that differ by less than that look less different.
const fullContrast = 3

// drawPair draws one field of the map.
func drawPair(c canvas, b box, k cell, seen *extent) {
	share := 1.0
	if seen.hi > seen.lo {
		share = math.Log(k.sum.TPS.Median/seen.lo) / math.Log(max(seen.hi/seen.lo, fullContrast))
	}
	fill := colour(0x00436b).mix(0xe3f0f8, 1-share)
	text := fill.contrast()
	tip := fmt.Sprintf("%s: %s commits/s", seriesName(&k.Params), ranged(k.sum.TPS, decimal))
	c.open(group{class: "point " + field, name: seriesName(&k.Params), tip: tip})
	c.fill(b.corners(), fill)
	x, y := (b.left+b.right)/2, (b.top+b.bottom)/2
	big := textStyle{text, 17, true}
	c.text(point{x, y - 4}, alignCentre, big, big.fit(decimal(k.sum.TPS.Median)+"/s", b.width()-8))
	small := tickText.in(text)
	if i := k.sum.TPS; i.N > 1 {
		c.text(point{x, y + 13}, alignCentre, small, small.fit("("+decimal(i.Lo)+".."+decimal(i.Hi)+")", b.width()-8))
	}
	if p := k.sum.LatencyNS.P99; p != nil {
		c.text(point{x, y + 29}, alignCentre, small, small.fit("p99 "+millis(p.Median)+" ms", b.width()-8))
	}
	c.close()
}
