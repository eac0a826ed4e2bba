package sink

// Stats are a file's counters.
type Stats struct {
	Records        int64 // written as a whole
	Bytes          int64 // written
	DroppedRecords int64 // for which there was no room, or which were lost at the end
	DroppedBytes   int64
	Errors         int64 // attempts to write or open that failed
	Reopens        int64
	Waiting        int64 // bytes in memory at the last Flush
}

// Stats returns the counters. It may be called at any time from any goroutine.
func (f *File) Stats() Stats {
	return Stats{
		Records:        f.stats.records.Load(),
		Bytes:          f.stats.bytes.Load(),
		DroppedRecords: f.stats.droppedRecords.Load(),
		DroppedBytes:   f.stats.droppedBytes.Load(),
		Errors:         f.stats.errors.Load(),
		Reopens:        f.stats.reopens.Load(),
		Waiting:        f.stats.waiting.Load(),
	}
}

// Add adds other counters.
func (s *Stats) Add(o Stats) {
	s.Records += o.Records
	s.Bytes += o.Bytes
	s.DroppedRecords += o.DroppedRecords
	s.DroppedBytes += o.DroppedBytes
	s.Errors += o.Errors
	s.Reopens += o.Reopens
	s.Waiting += o.Waiting
}
