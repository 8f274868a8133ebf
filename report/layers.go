package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// difference is by how much a row is above what it is compared with.
type difference struct {
	value, half float64 // half is that of the 95 % interval; 0: it is not known
}

// each is the difference divided among n layers.
func (d difference) each(n int) difference {
	return difference{d.value / float64(n), d.half / float64(n)}
}

// shown has so many decimals. An interval that is narrower is told to be, one that is not known is not told.
func (d difference) shown(decimals int) Value {
	v, zero := Value{Text: fixed(d.value, decimals), Number: d.value, Known: true}, fixed(0, decimals)
	if v.Text == "-"+zero {
		v.Text = zero
	}
	switch half := fixed(d.half, decimals); {
	case d.half == 0:
	case half == zero:
		v.Spread = "±<" + fixed(math.Pow10(-decimals), decimals)
	default:
		v.Spread = "±" + half
	}
	return v
}

// layerTime is the server CPU, in ns per request, that each layer of a row adds to the same server without
// them. The ratio of the two is paired; ok is false if it is not known, or if the row has no layers.
func (t *Table) layerTime(c *judge.Cell) (d difference, ok bool) {
	base := t.base(c)
	p, paired := t.Pair(judge.MetricServerCPU, c.Base, c.Candidate)
	if base == nil || !paired || base.Figures.ServerCPU() == nil {
		return d, false
	}
	ns := 1e3 * base.Figures.ServerCPU().Value
	return difference{ns * (p.Ratio - 1), ns * (p.High - p.Low) / 2}.each(c.Layers), true
}

// layerCount is how much of what may be 0 each layer of a row adds per request.
func (t *Table) layerCount(metric string) func(*judge.Cell) (difference, bool) {
	return func(c *judge.Cell) (d difference, ok bool) {
		e := c.Added[metric]
		if t.base(c) == nil || e == nil {
			return d, false
		}
		return difference{e.Value, (e.High - e.Low) / 2}.each(c.Layers), true
	}
}

// base is the row of the same server without layers; nil if there is none, or the row has no layers.
func (t *Table) base(c *judge.Cell) *judge.Cell {
	at := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Cell.Candidate == c.Base })
	if c.Layers == 0 || at < 0 || !c.Verdict.Usable() || !t.Rows[at].Cell.Verdict.Usable() {
		return nil
	}
	return t.Rows[at].Cell
}

// layerColumns tell what each layer of a row costs, where the same server was measured without them.
func (t *Table) layerColumns() []column {
	of := func(key Key, unit string, decimals int, help string, get func(*judge.Cell) (difference, bool)) column {
		return column{Column{key, "a layer", unit, help, true}, func(c *judge.Cell) Value {
			d, ok := get(c)
			if !ok || !finite(d.value) || !finite(d.half) {
				return Value{}
			}
			return d.shown(decimals)
		}}
	}
	const over = " per request over the same server without layers, divided by their number, paired"
	return []column{
		of(LayerTime, "ns", 0, "server CPU"+over, t.layerTime),
		of(LayerAllocations, "allocs", 2, "objects that are allocated"+over, t.layerCount(judge.MetricAllocations)),
		of(LayerAllocated, "B", 1, "bytes that are allocated"+over, t.layerCount(judge.MetricAllocated)),
	}
}

// LayerCost is what a layer was measured to add to a request. Values that are not known are not.
type LayerCost struct {
	Layer, Server, App           string
	Time, Allocations, Allocated Value // ns, objects, bytes
}

// LayerCosts are the costs of layers that were measured by themselves, in the order of the tables. Of one
// that was measured several times around itself, it is that of the fewest.
func (r *Report) LayerCosts() []LayerCost {
	var all []LayerCost
	times := map[[3]string]int{}
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			name, alone := layerOf(row.Cell)
			if !alone || t.base(row.Cell) == nil {
				continue
			}
			cost := LayerCost{Layer: name, Server: row.Cell.Base, App: t.App}
			for i, c := range t.layerColumns() {
				*[]*Value{&cost.Time, &cost.Allocations, &cost.Allocated}[i] = c.value(row.Cell)
			}
			key := [3]string{name, cost.Server, cost.App}
			switch had := times[key]; {
			case had == 0:
				all = append(all, cost)
			case had > row.Cell.Layers:
				all[slices.IndexFunc(all, func(o LayerCost) bool { return [3]string{o.Layer, o.Server, o.App} == key })] = cost
			default:
				continue
			}
			times[key] = row.Cell.Layers
		}
	}
	return all
}

// layerOf is the layer that a row has, if it has one alone, once or several times.
func layerOf(c *judge.Cell) (name string, alone bool) {
	candidate, _, _ := strings.Cut(c.Candidate, "#")
	bare, _, _ := strings.Cut(c.Base, "#")
	around, ok := strings.CutPrefix(candidate, bare+"+")
	name, _, _ = strings.Cut(around, "*")
	return name, ok && c.Layers > 0 && !strings.Contains(around, "+")
}

// String is the cost in a line.
func (c LayerCost) String() string {
	var all []string
	for _, one := range []struct {
		Value
		unit string
	}{{c.Time, "ns"}, {c.Allocations, "allocations"}, {c.Allocated, "B"}} {
		if one.Known {
			all = append(all, one.Value.String()+" "+one.unit)
		}
	}
	if all == nil {
		return Unknown
	}
	return strings.Join(all, ", ")
}

// layerFindings name, for each server, the row whose layers cost most and least each.
func (t *Table) layerFindings() []string {
	type row struct {
		*judge.Cell
		cost difference
	}
	var bases []string
	rows := map[string][]row{}
	for _, r := range t.Rows {
		if d, ok := t.layerTime(r.Cell); ok && finite(d.value) {
			if rows[r.Cell.Base] == nil {
				bases = append(bases, r.Cell.Base)
			}
			rows[r.Cell.Base] = append(rows[r.Cell.Base], row{r.Cell, d})
		}
	}
	var all []string
	for _, base := range bases {
		by := func(a, b row) int { return cmp.Compare(a.cost.value, b.cost.value) }
		most, least := slices.MaxFunc(rows[base], by), slices.MinFunc(rows[base], by)
		said := fmt.Sprintf("A layer of %s adds %v ns to the server CPU per request of %s", most.Candidate, most.cost.shown(0), base)
		if most.Candidate != least.Candidate {
			said += fmt.Sprintf(", the most, and one of %s %v ns, the least", least.Candidate, least.cost.shown(0))
		}
		all = append(all, said+".")
	}
	return all
}
