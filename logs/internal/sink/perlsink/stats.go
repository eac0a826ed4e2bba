package perlsink

// Stats are the counters of Perl. They only grow, except PID.
type Stats struct {
	Returned    int64 // calls for messages that returned
	Died        int64 // calls for messages that died
	DiedHup     int64 // calls of Config.Hup that died
	Interrupted int64 // messages under way when perl ended; they are not delivered again
	CutAtNUL    int64 // messages that were cut at a NUL byte
	Starts      int64 // of perl, including the first
	Lines       int64 // printed by modules
	Suppressed  int64 // of these, lines that were not logged

	PID int // of perl; zero while it does not run
}

// PerlStats returns the counters. It may be called at any time.
func (s *Sink) PerlStats() Stats {
	c := &s.count
	st := Stats{
		Returned: c.returned.Load(), Died: c.died.Load(), DiedHup: c.diedHup.Load(), Interrupted: c.interrupted.Load(),
		CutAtNUL: c.cut.Load(), Starts: c.starts.Load(), Lines: s.output.lines.Load(), Suppressed: s.output.suppressed.Load(),
	}
	if p := s.process.Load(); p != nil && !closed(p.gone) {
		st.PID = p.cmd.Process.Pid
	}
	return st
}
