package perlsink

// Stats are a helper's counters, which only grow but for Waiting, WaitingBytes and PID.
type Stats struct {
	Returned    int64 // calls for messages that came back
	Died        int64 // those that died
	DiedHup     int64 // the same of Config.Hup
	Interrupted int64 // messages under way when the helper ended, which are not handed on again
	DroppedFull int64 // messages for which there was no room
	DroppedEnd  int64 // messages that waited when Close's time was over
	CutAtNUL    int64 // messages of which what stands behind a NUL byte was left out
	Starts      int64 // of the helper, the first included
	Lines       int64 // that modules printed
	Suppressed  int64 // those that were not told

	Waiting      int64 // messages that are not worked off
	WaitingBytes int64 // and their bytes, with what they cost besides
	PID          int   // of the helper; zero while there is none
}

// Stats returns the counters. It may be called at any time.
func (h *Helper) Stats() Stats {
	c := &h.count
	frames, bytes, _ := h.queue.waiting()
	return Stats{
		Returned: c.returned.Load(), Died: c.died.Load(), DiedHup: c.diedHup.Load(), Interrupted: c.interrupted.Load(),
		DroppedFull: c.full.Load(), DroppedEnd: c.end.Load(), CutAtNUL: c.cut.Load(), Starts: c.starts.Load(),
		Lines: h.output.lines.Load(), Suppressed: h.output.suppressed.Load(),
		Waiting: int64(frames), WaitingBytes: int64(bytes), PID: int(c.pid.Load()),
	}
}
