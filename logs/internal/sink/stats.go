package sink

import "github.com/spreadd/spreadd/logs/internal/queue"

// Stats are the counters of one sink, or of one file. They only grow, except Waiting and Failing.
type Stats struct {
	Records        int64 // written as a whole
	Bytes          int64 // written
	DroppedRecords int64 // lost by the sink: no room in memory, refused by the destination, or left at the end
	DroppedBytes   int64
	Altered        int64 // written with U+FFFD in place of bytes that the destination cannot store
	Torn           int64 // lines that were torn at the end of a file when it was opened, and were ended or removed
	Errors         int64 // failed attempts to open or write
	Reopens        int64
	Waiting        int64 // bytes in memory at the last Flush

	Failing int          // 1 while a destination fails; the number of failing files for filesink
	Queue   *queue.Stats // of the queue in front of the destination; nil for files
}

// Add adds the counters of o.
func (s *Stats) Add(o Stats) {
	s.Records += o.Records
	s.Bytes += o.Bytes
	s.Altered += o.Altered
	s.DroppedRecords += o.DroppedRecords
	s.DroppedBytes += o.DroppedBytes
	s.Torn += o.Torn
	s.Errors += o.Errors
	s.Reopens += o.Reopens
	s.Waiting += o.Waiting
	s.Failing += o.Failing
}
