package metrics

import (
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/logpub"
)

// Source is the publishers of a program, one after another. Its zero value has none. Its methods may be called by several
// goroutines.
type Source struct {
	mu     sync.Mutex
	now    func() logpub.Stats
	before logpub.Stats // of those that have ended
	loaded time.Time    // when the last one came
	failed int64        // configurations that were not in order
	loads  int64
}

// Use makes a publisher the present one, after the one before has ended. stats is its Stats.
func (s *Source) Use(stats func() logpub.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = s.sum()
	s.now = stats
	s.loaded = time.Now()
	s.loads++
}

// Failed notes that a new configuration was not in order, so that the old one stays.
func (s *Source) Failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
}

// sum needs s.mu.
func (s *Source) sum() logpub.Stats {
	if s.now == nil {
		return s.before
	}
	st := s.now()
	st.Add(&s.before)
	return st
}

// snapshot is a program at a moment.
type snapshot struct {
	logpub.Stats
	loaded        time.Time
	loads, failed int64
}

func (s *Source) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot{s.sum(), s.loaded, s.loads, s.failed}
}
