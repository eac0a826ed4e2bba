package crashfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Cut says which of the changes that are not synced a power cut forgets. Nil forgets none, as a
// kill.
type Cut []bool

// piece is a part of a write, or a change of a directory, that may be forgotten.
type piece struct {
	write  write
	change change
	text   string
}

const (
	// maxPieces is how many pieces a torn write has at most.
	maxPieces = 3
	// fineBytes is the length of writes that are torn into more.
	fineBytes = 64
)

// visit calls use with each node, its path and its pieces, always in the same order.
func (d *Disk) visit(use func(n *node, path string, pieces []piece)) {
	seen := make(map[*node]bool)
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		if seen[n] {
			return
		}
		seen[n] = true
		use(n, path, n.pieces(path))
		under := maps.Clone(n.syncedNames)
		if under == nil {
			return
		}
		for _, c := range n.changes {
			if c.added != "" {
				under[c.added+" "+strconv.Itoa(c.node.number)] = c.node // the name may have had another file
			}
		}
		for _, name := range slices.Sorted(maps.Keys(under)) {
			base, _, _ := strings.Cut(name, " ")
			walk(under[name], path+"/"+base)
		}
	}
	walk(d.root, "")
}

// pieces splits what is not synced. Where writes are torn depends on their content alone.
func (n *node) pieces(path string) (list []piece) {
	for _, c := range n.changes {
		list = append(list, piece{change: c, text: fmt.Sprintf("%d: the names of %s/ (%q to %q)", c.step, path, c.removed, c.added)})
	}
	for _, w := range n.writes {
		if len(w.data) == 0 {
			list = append(list, piece{write: w, text: fmt.Sprintf("%d: truncate %s to %d", w.step, path, w.size)})
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(w.step), uint64(len(w.data))))
		fine := rng.IntN(2) == 0 // records of a few bytes are torn anywhere
		for i := 0; len(w.data) > 0; i++ {
			k := len(w.data)
			switch {
			case fine && k <= fineBytes:
				k = min(k, 1+rng.IntN(4))
			case i < maxPieces-1 && rng.IntN(2) == 0:
				k = 1 + rng.IntN(k)
			}
			list = append(list, piece{
				write: write{step: w.step, at: w.at, data: w.data[:k]},
				text:  fmt.Sprintf("%d: write %s, %d bytes at %d", w.step, path, k, w.at),
			})
			w.at, w.data = w.at+int64(k), w.data[k:]
		}
	}
	return list
}

// Cut draws what a power cut forgets.
func (d *Disk) Cut(rng *rand.Rand) Cut {
	d.mu.Lock()
	defer d.mu.Unlock()
	cut := Cut{}
	all := rng.IntN(6) // for most cuts, each file and directory has its own fate
	d.visit(func(_ *node, _ string, pieces []piece) {
		fate := all
		if all > 2 {
			fate = rng.IntN(5)
		}
		until := rng.IntN(len(pieces) + 1)
		for i := range pieces {
			var lost bool
			switch fate {
			case 0: // all is lost
				lost = true
			case 1: // the last are lost
				lost = i >= until
			case 2, 3: // any
				lost = rng.IntN(2) == 0
			case 4: // nothing is lost
			}
			cut = append(cut, lost)
		}
	})
	return cut
}

// Lost describes what a cut forgets.
func (d *Disk) Lost(cut Cut) (lost []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := 0
	d.visit(func(_ *node, _ string, pieces []piece) {
		for _, p := range pieces {
			if i < len(cut) && cut[i] {
				lost = append(lost, p.text)
			}
			i++
		}
	})
	return lost
}

// After returns the disk as the next process finds it. The old one stays as it is.
func (d *Disk) After(cut Cut) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := &Disk{inodes: d.inodes, full: d.full, story: append(slices.Clone(d.story), "a new start")}
	copies := make(map[*node]*node)
	of := func(n *node) *node {
		if copies[n] == nil {
			copies[n] = &node{number: n.number, mode: n.mode, time: n.time}
		}
		return copies[n]
	}
	i := 0
	d.visit(func(n *node, _ string, pieces []piece) {
		c := of(n)
		names := maps.Clone(n.syncedNames)
		data := slices.Clone(n.synced)
		for _, p := range pieces {
			lost := i < len(cut) && cut[i]
			i++
			switch {
			case lost:
			case p.change.node != nil:
				p.change.apply(names)
			default:
				data = p.write.apply(data)
			}
		}
		if c.data = data; cut == nil {
			// Of what survives a kill, a power cut that comes later still forgets.
			c.synced, c.writes = slices.Clone(n.synced), slices.Clone(n.writes)
		} else {
			c.synced = slices.Clone(data)
		}
		if !n.mode.IsDir() {
			return
		}
		copyNames := func(m map[string]*node) map[string]*node {
			to := make(map[string]*node, len(m))
			for name, n := range m {
				to[name] = of(n)
			}
			return to
		}
		if c.names = copyNames(names); cut != nil {
			c.syncedNames = copyNames(names)
			return
		}
		c.syncedNames = copyNames(n.syncedNames)
		for _, ch := range n.changes {
			ch.node = of(ch.node)
			c.changes = append(c.changes, ch)
		}
	})
	next.root = of(d.root)
	return next
}
