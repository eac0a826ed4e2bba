package groups

import (
	"bytes"
	"iter"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// maxChunk bounds the groups of a chunk. A change moves at most so many pointers, and rarely those to
// all chunks: 256 cost as much as some steps of the search.
const maxChunk = 256

// groupList is a list of groups, sorted by name. A change takes a time that grows with the logarithm
// of the length: one client may be in 100,000 groups and leave them all at once.
type groupList struct {
	chunks [][]*group // in order; none is empty
	n      int
}

// len returns the number of groups.
func (l *groupList) len() int { return l.n }

// find returns the chunk and the place in it where a name is or belongs. It searches by hand: with
// slices.BinarySearchFunc, which calls a function for each step, a join costs a tenth more.
func (l *groupList) find(name *wire.Name) (c, i int, ok bool) {
	lo, hi := 0, len(l.chunks)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if bytes.Compare(l.chunks[mid][0].name[:], name[:]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, 0, false
	}
	chunk := l.chunks[lo-1]
	from, to := 0, len(chunk)
	for from < to {
		mid := int(uint(from+to) / 2)
		switch bytes.Compare(chunk[mid].name[:], name[:]) {
		case 0:
			return lo - 1, mid, true
		case -1:
			from = mid + 1
		default:
			to = mid
		}
	}
	return lo - 1, from, false
}

// get returns the group of a name, or nil.
func (l *groupList) get(name *wire.Name) *group {
	if c, i, ok := l.find(name); ok {
		return l.chunks[c][i]
	}
	return nil
}

// insert adds a group that is not in the list.
func (l *groupList) insert(g *group) {
	l.n++
	if len(l.chunks) == 0 {
		l.chunks = [][]*group{{g}}
		return
	}
	c, i, _ := l.find(&g.name)
	chunk := l.chunks[c]
	if len(chunk) == maxChunk {
		half := maxChunk / 2
		if i == maxChunk {
			half = maxChunk // Groups that come in order leave full chunks behind.
		}
		l.chunks = slices.Insert(l.chunks, c+1, slices.Clone(chunk[half:]))
		clear(chunk[half:])
		l.chunks[c] = chunk[:half]
		if i >= half && (i > half || half == maxChunk) {
			c, i = c+1, i-half
		}
		chunk = l.chunks[c]
	}
	l.chunks[c] = slices.Insert(chunk, i, g)
}

// remove removes the group of a name, if it is in the list.
func (l *groupList) remove(name *wire.Name) {
	c, i, ok := l.find(name)
	if !ok {
		return
	}
	l.n--
	l.chunks[c] = slices.Delete(l.chunks[c], i, i+1)
	n := len(l.chunks[c])
	switch {
	case n == 0:
		l.chunks = slices.Delete(l.chunks, c, c+1)
	case c+1 < len(l.chunks) && n+len(l.chunks[c+1]) <= maxChunk/2:
		l.chunks[c] = append(l.chunks[c], l.chunks[c+1]...)
		l.chunks = slices.Delete(l.chunks, c+1, c+2)
	}
}

// pop removes and returns the first group of a list that is not empty.
func (l *groupList) pop() *group {
	g := l.chunks[0][0]
	l.n--
	if l.chunks[0] = l.chunks[0][1:]; len(l.chunks[0]) == 0 {
		l.chunks = l.chunks[1:]
	}
	return g
}

// all yields the groups in order. The list must not change meanwhile.
func (l *groupList) all() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for _, chunk := range l.chunks {
			for _, g := range chunk {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// after yields the groups behind a name in order. The list must not change meanwhile.
func (l *groupList) after(name wire.Name) iter.Seq[*group] {
	return func(yield func(*group) bool) {
		c, i, ok := l.find(&name)
		if ok {
			i++
		}
		for ; c < len(l.chunks); c, i = c+1, 0 {
			for _, g := range l.chunks[c][i:] {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// deleteFunc removes the groups that match.
func (l *groupList) deleteFunc(match func(*group) bool) {
	l.n = 0
	for c := range l.chunks {
		l.chunks[c] = slices.DeleteFunc(l.chunks[c], match)
		l.n += len(l.chunks[c])
	}
	l.chunks = slices.DeleteFunc(l.chunks, func(chunk []*group) bool { return len(chunk) == 0 })
}
