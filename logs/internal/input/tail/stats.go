package tail

import "os"

// Stats is where a follower is, and what it has met, which only grows.
type Stats struct {
	// Position is up to where the file at the path was read, in bytes, and Safe up to where it will not
	// be read again.
	Position, Safe int64
	// Behind are the bytes that were not read yet, of all files that are followed.
	Behind int64
	Files  int // that are followed: that at the path, and those before it

	Rotations   int64 // by renaming
	Truncations int64
	// Losses are files of which something may not have been read and never will be.
	Losses int64
	Errors int64 // failures to open or read the file, or to read or write its position
}

// seen is a file at some moment.
type seen struct {
	f            *os.File
	offset, safe int64
}

// Stats returns the counters. It may be called at any time, also while the taker keeps the follower waiting.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.stats
	st.Files = len(f.seen)
	path, err := os.Stat(f.cfg.Path)
	fresh := err == nil // a file that the follower has not opened yet
	for _, s := range f.seen {
		st.Position, st.Safe = s.offset, s.safe
		info, err := s.f.Stat()
		if err != nil {
			fresh = false // the follower has been closed
			continue
		}
		st.Behind += max(0, info.Size()-s.offset)
		fresh = fresh && !os.SameFile(info, path)
	}
	if fresh && len(f.seen) > 0 {
		st.Behind += path.Size()
	}
	return st
}

// event counts an event and reports it.
func (f *Follower) event(count *int64, what string, err error) {
	f.mu.Lock()
	*count++
	f.mu.Unlock()
	f.cfg.OnEvent(what, err)
}

// look takes note of where the follower is.
func (f *Follower) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = f.seen[:0]
	for _, g := range f.files {
		f.seen = append(f.seen, seen{g.f, g.offset, g.safe})
	}
}

// Add adds what a follower of the same path has met before.
func (s *Stats) Add(o *Stats) {
	s.Rotations += o.Rotations
	s.Truncations += o.Truncations
	s.Losses += o.Losses
	s.Errors += o.Errors
}
