package traffic

import "math"

const (
	// RateSeconds is how many full seconds rates cover, at most: those since the start, if fewer.
	RateSeconds = 10
	// slots are these seconds and the current one, which is not full yet.
	slots = RateSeconds + 1
	// HistorySeconds is how many seconds the history covers.
	HistorySeconds = 600
)

// Class is the class of a status code, its hundreds.
type Class uint8

// The classes. ClassOther is for everything that is not an HTTP status, including "-".
const (
	ClassOther Class = iota
	Class1xx
	Class2xx
	Class3xx
	Class4xx
	Class5xx
	NumClasses = 6
)

// String returns "other", "1xx" and so on.
func (c Class) String() string {
	if c == ClassOther || c >= NumClasses {
		return "other"
	}
	return string('0'+rune(c)) + "xx"
}

// ClassOf returns the class of a status.
func ClassOf(status int) Class {
	if status < 100 || status >= 100*NumClasses {
		return ClassOther
	}
	return Class(status / 100)
}

// counts are sums since the start, or over one second.
type counts struct {
	requests, bytes            int64
	clientErrors, serverErrors int64 // with status 4xx and 5xx
}

// saturated returns the sum of two sizes, or the largest number if that is smaller: a log line can
// name any size, and a counter must not become negative.
func saturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (c *counts) add(bytes int64, class Class) {
	c.requests++
	c.bytes = saturated(c.bytes, bytes)
	switch class {
	case Class4xx:
		c.clientErrors++
	case Class5xx:
		c.serverErrors++
	default:
	}
}

func (c *counts) sum(d *counts) {
	c.requests += d.requests
	c.bytes = saturated(c.bytes, d.bytes)
	c.clientErrors += d.clientErrors
	c.serverErrors += d.serverErrors
}

// tally counts since the start, and in each of the last seconds.
type tally struct {
	total  counts
	second int64 // of the newest slot
	recent [slots]counts
}

// roll makes room for a second, which must not be older than the newest one.
func (t *tally) roll(second int64) {
	if second-t.second >= slots {
		t.recent = [slots]counts{}
		t.second = second
	}
	for t.second < second {
		t.second++
		t.recent[t.second%slots] = counts{}
	}
}

func (t *tally) add(second, bytes int64, class Class) {
	if second != t.second {
		t.roll(second)
	}
	t.total.add(bytes, class)
	t.recent[second%slots].add(bytes, class)
}

// row returns the tally at a second for a snapshot.
func (t *tally) row(name string, second int64) Row {
	t.roll(second)
	var sum counts
	for i := range t.recent {
		if int64(i) != second%slots {
			sum.sum(&t.recent[i])
		}
	}
	per := float64(max(min(second, RateSeconds), 1))
	return Row{
		Name: name, Requests: t.total.requests, Bytes: t.total.bytes,
		ClientErrors: t.total.clientErrors, ServerErrors: t.total.serverErrors,
		RequestsPerSecond:     float64(sum.requests) / per,
		BytesPerSecond:        float64(sum.bytes) / per,
		ClientErrorsPerSecond: float64(sum.clientErrors) / per,
		ServerErrorsPerSecond: float64(sum.serverErrors) / per,
	}
}

// history has a point for each of the last seconds.
type history struct {
	second int64 // of the newest point, which goes on
	points [HistorySeconds]point
}

type point struct {
	classes [NumClasses]int32
	online  int32
	bytes   int64
}

// roll makes room for a second; online is noted for those that end.
func (h *history) roll(second int64, online int) {
	if second-h.second > HistorySeconds {
		h.second = second - HistorySeconds
	}
	for h.second < second {
		h.points[h.second%HistorySeconds].online = int32(online)
		h.second++
		h.points[h.second%HistorySeconds] = point{}
	}
}

func (h *history) add(bytes int64, class Class) {
	p := &h.points[h.second%HistorySeconds]
	p.classes[class]++
	p.bytes = saturated(p.bytes, bytes)
}

// since returns the full seconds from the given one on, oldest first.
func (h *history) since(from int64, unix int64) []Point {
	from = max(from, h.second-HistorySeconds+1, 0)
	out := make([]Point, 0, max(h.second-from, 0))
	for s := from; s < h.second; s++ {
		p := &h.points[s%HistorySeconds]
		out = append(out, Point{Unix: unix + s, Classes: p.classes, Bytes: p.bytes, Online: p.online})
	}
	return out
}
