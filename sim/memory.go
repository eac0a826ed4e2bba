package sim

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// known are the names that clients use again and again.
type known struct {
	groups   []wire.Name
	clients  []string
	watchers []wire.Name // the private groups of the watchers, by rank
}

func knownNames(top *topology.Topology, o *Options) known {
	var n known
	for i := range o.Groups {
		n.groups = append(n.groups, wire.MakeName(fmt.Sprint("g", i)))
	}
	for i := range o.Clients {
		n.clients = append(n.clients, fmt.Sprint("c", i))
	}
	for _, d := range top.Daemons() {
		n.watchers = append(n.watchers, wire.MakeName("#"+watcherName+"#"+d.Name))
	}
	return n
}

// slab cuts many short slices, which all live as long as the run, from few long ones.
type slab[T any] struct{ rest []T }

// slabLen is the length of what is cut.
const slabLen = 8 << 10

// take returns an empty slice with room for n.
func (s *slab[T]) take(n int) []T {
	if n > len(s.rest) {
		if n > slabLen/8 {
			return make([]T, 0, n)
		}
		s.rest = make([]T, slabLen)
	}
	out := s.rest[:0:n]
	s.rest = s.rest[n:]
	return out
}
