package metrics

import (
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/logpub"
)

// Source has the counters of successive publishers. Its zero value has none. Its methods may be
// called by several goroutines.
type Source struct {
	mu     sync.Mutex
	now    func() logpub.Stats
	before logpub.Stats // of those that have ended
	loaded time.Time    // when the current one was put into use
	failed int64        // rejected configurations
	loads  int64
}

// Use makes a publisher the current one, after the previous one has ended. stats is its method
// Stats.
func (s *Source) Use(stats func() logpub.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = s.sum()
	s.now = stats
	s.loaded = time.Now()
	s.loads++
}

// Failed counts a new configuration that was rejected.
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

// State is what a program knows of its publishers.
type State struct {
	logpub.Stats           // of the current one, and the counters of those before
	Loaded       time.Time // when the configuration was put into use
	Failed       int64     // rejected configurations
}

// State returns the state.
func (s *Source) State() State {
	x := s.snapshot()
	return State{x.Stats, x.loaded, x.failed}
}

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
