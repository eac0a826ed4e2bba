package spread

import (
	"bytes"

	"github.com/spreadd/spreadd/wire"
)

const (
	// maxInterned bounds each of the two tables of a connection. A full table is emptied: a stream
	// from few senders to few groups never fills it, and one from many gains nothing from it.
	maxInterned = 1024
	// maxInternedGroups is the length of the longest list of groups that is kept.
	maxInternedGroups = 8
)

// interner turns name fields into strings. Equal fields give the same string, so that a steady
// stream allocates none.
type interner struct {
	last     wire.Name
	lastName string
	names    map[wire.Name]string

	lastFields []byte
	lastList   []string
	lists      map[string][]string
}

func newInterner() *interner {
	return &interner{names: make(map[wire.Name]string), lists: make(map[string][]string)}
}

func (in *interner) name(n *wire.Name) string {
	if *n == in.last {
		return in.lastName
	}
	s, ok := in.names[*n]
	if !ok {
		s = n.String()
		if len(in.names) >= maxInterned {
			clear(in.names)
		}
		in.names[*n] = s
	}
	in.last, in.lastName = *n, s
	return s
}

// list returns the names in consecutive fields. The result is shared.
func (in *interner) list(fields []byte) []string {
	if len(fields) == 0 {
		return nil
	}
	if bytes.Equal(fields, in.lastFields) {
		return in.lastList
	}
	if len(fields) > maxInternedGroups*wire.NameLen {
		return in.members(fields)
	}
	l, ok := in.lists[string(fields)]
	if !ok {
		l = in.members(fields)
		if len(in.lists) >= maxInterned {
			clear(in.lists)
		}
		in.lists[string(fields)] = l
	}
	in.lastFields, in.lastList = append(in.lastFields[:0], fields...), l
	return l
}

// members returns the names in consecutive fields, in a slice of its own.
func (in *interner) members(fields []byte) []string {
	n := len(fields) / wire.NameLen
	l := make([]string, n)
	for i := range l {
		field := (*wire.Name)(fields[i*wire.NameLen:])
		if n > maxInterned {
			l[i] = field.String() // they would only evict each other
			continue
		}
		l[i] = in.name(field)
	}
	return l
}
