package traffic

// sketch finds the most frequent keys of a stream with bounded memory: the space-saving algorithm
// of Metwally, Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements in data
// streams", ICDT 2005). It keeps limit keys. A new key replaces the one with the smallest count,
// and continues from that count, which is its error.
//
// After n calls of add, every key that came more than n/limit times is in the sketch, and count-err
// <= occurrences of a key <= count, where err <= n/limit.
type sketch struct {
	limit int
	index map[string]*entry
	heap  []*entry // by count, the smallest first
}

// entry is a key of a sketch. Its tally counts from when the key entered, so tally.total.requests
// is count-err.
type entry struct {
	tally
	key   string
	place int   // in heap
	count int64 // at least as many as there were
	err   int64 // at most so many more
}

func newSketch(limit int) sketch {
	return sketch{limit: limit, index: make(map[string]*entry)}
}

// add counts a key once and returns its entry.
func (s *sketch) add(key []byte) *entry {
	e := s.index[string(key)]
	switch {
	case e != nil:
	case len(s.heap) < s.limit:
		e = &entry{key: string(key), place: len(s.heap)}
		s.index[e.key] = e
		s.heap = append(s.heap, e)
		e.count++
		s.up(e)
		return e
	default:
		e = s.heap[0]
		delete(s.index, e.key)
		*e = entry{key: string(key), count: e.count, err: e.count}
		s.index[e.key] = e
	}
	e.count++
	s.down(e)
	return e
}

func (s *sketch) up(e *entry) {
	for e.place > 0 {
		parent := s.heap[(e.place-1)/2]
		if parent.count <= e.count {
			return
		}
		s.swap(e, parent)
	}
}

func (s *sketch) down(e *entry) {
	for {
		i := 2*e.place + 1
		if i >= len(s.heap) {
			return
		}
		least := s.heap[i]
		if i+1 < len(s.heap) && s.heap[i+1].count < least.count {
			least = s.heap[i+1]
		}
		if least.count >= e.count {
			return
		}
		s.swap(e, least)
	}
}

func (s *sketch) swap(a, b *entry) {
	a.place, b.place = b.place, a.place
	s.heap[a.place], s.heap[b.place] = a, b
}
