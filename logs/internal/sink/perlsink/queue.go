package perlsink

import (
	"sync"
	"time"
)

const (
	// frameCost is what a frame is counted for besides its bytes.
	frameCost = 48
	// chunkBytes is how much is written at a time, and about what a pipe holds.
	chunkBytes = 64 << 10
)

// queue has the frames that are not worked off: first those that the helper has got, which it answers in
// their order, then those that wait. The helper's end puts all of them back.
type queue struct {
	limit int
	wake  chan struct{} // something has come, or is done
	empty chan struct{} // nothing is left

	mu       sync.Mutex
	frames   [][]byte
	sent     int       // of these the helper has got so many
	bytes    int       // of all, with their costs
	begun    bool      // the first of them is under way
	handled  int64     // messages that were removed by done, or under way when a helper ended
	progress time.Time // when something was sent to an idle helper, or worked off
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1), empty: make(chan struct{}, 1)}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it has been told already
	}
}

func (q *queue) tellEmpty() {
	select {
	case q.empty <- struct{}{}:
	default: // it has been told already
	}
}

// put appends a frame, if there is room.
func (q *queue) put(frame []byte) bool {
	q.mu.Lock()
	cost := len(frame) + frameCost
	// One frame always fits.
	fits := q.bytes == 0 || q.bytes+cost <= q.limit
	if fits {
		q.bytes += cost
		q.frames = append(q.frames, frame)
	}
	q.mu.Unlock()
	if fits {
		q.signal()
	}
	return fits
}

// urge puts a frame in front of all that have not been sent.
func (q *queue) urge(frame []byte) {
	q.mu.Lock()
	q.frames = append(q.frames, nil)
	copy(q.frames[q.sent+1:], q.frames[q.sent:])
	q.frames[q.sent] = frame
	q.bytes += len(frame) + frameCost
	q.mu.Unlock()
	q.signal()
}

// take appends frames to b, which count as sent from then on.
func (q *queue) take(b []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent == 0 {
		q.progress = time.Now()
	}
	for q.sent < len(q.frames) && len(b) < chunkBytes {
		b = append(b, q.frames[q.sent]...)
		q.sent++
	}
	return b
}

// begin notes that the helper takes up the first frame.
func (q *queue) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begun = q.sent > 0
}

// done removes the first frame, and returns its kind; more says whether the helper takes up the next. ok is
// false if it has got none.
func (q *queue) done(more bool) (kind byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent == 0 {
		return 0, false
	}
	if kind = q.pop(); kind == frameMessage {
		q.handled++
	}
	q.begun = more && q.sent > 0
	q.progress = time.Now()
	if len(q.frames) == 0 {
		q.signal()
		q.tellEmpty()
	}
	return kind, true
}

// pop removes the first frame, which was sent.
func (q *queue) pop() (kind byte) {
	frame := q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	q.sent--
	q.bytes -= len(frame) + frameCost
	return frame[4]
}

// unsend makes all frames wait again, for the next helper, but for the one that was under way. It reports whether
// that was a message. Requests to reopen are for the one that has ended.
func (q *queue) unsend() (interrupted bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.begun && q.sent > 0 {
		if interrupted = q.pop() == frameMessage; interrupted {
			q.handled++
		}
	}
	q.begun, q.sent = false, 0
	kept := q.frames[:0]
	for _, f := range q.frames {
		if f[4] == frameMessage {
			kept = append(kept, f)
		} else {
			q.bytes -= len(f) + frameCost
		}
	}
	clear(q.frames[len(kept):])
	q.frames = kept
	if len(kept) == 0 {
		q.tellEmpty()
	}
	return interrupted
}

// drop removes all frames, and returns how many messages they were.
func (q *queue) drop() (messages int) {
	q.unsend()
	q.mu.Lock()
	defer q.mu.Unlock()
	messages = len(q.frames)
	q.frames, q.bytes = nil, 0
	return messages
}

// waiting returns what is not worked off, and since when the helper has not answered; the zero time if it
// owes nothing.
func (q *queue) waiting() (frames, bytes int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent > 0 {
		since = q.progress
	}
	return len(q.frames), q.bytes, since
}
