package groups

import (
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

// len returns the number of groups. The list may be nil.
func (l *groupList) len() int {
	if l == nil {
		return 0
	}
	return l.n
}

// find returns the chunk and the place in it where a name is or belongs.
func (l *groupList) find(name wire.Name) (c, i int, ok bool) {
	c, ok = slices.BinarySearchFunc(l.chunks, name, func(chunk []*group, name wire.Name) int {
		return compareNames(chunk[0].name, name)
	})
	if ok {
		return c, 0, true
	}
	if c == 0 {
		return 0, 0, false
	}
	c--
	i, ok = slices.BinarySearchFunc(l.chunks[c], name, func(g *group, name wire.Name) int { return compareNames(g.name, name) })
	return c, i, ok
}

// insert adds a group that is not in the list.
func (l *groupList) insert(g *group) {
	l.n++
	if len(l.chunks) == 0 {
		l.chunks = [][]*group{{g}}
		return
	}
	c, i, _ := l.find(g.name)
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

// remove removes a group, if it is in the list.
func (l *groupList) remove(g *group) {
	if l == nil {
		return
	}
	c, i, ok := l.find(g.name)
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
		if l == nil {
			return
		}
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
		if l == nil {
			return
		}
		c, i, ok := l.find(name)
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
