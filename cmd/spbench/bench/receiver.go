package bench

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/spreadd/spreadd/spread"
)

// receiver is a member of the group that checks and counts what comes.
type receiver struct {
	conn   *spread.Conn
	daemon int
	got    []atomic.Uint64 // messages of each publisher, those that came twice aside
	viewed atomic.Int64    // members of the view

	// The rest is receive's, and may be read when that has returned.

	result    Receiver // its counts so far
	streams   []stream // of each publisher
	order     uint64   // what came, in its order, as one number
	bytes     int64    // of the payloads within the measured time
	latencies histogram
}

type stream struct {
	next  uint64          // all lower numbers were received
	ahead map[uint64]bool // higher numbers that were received
}

func newReceiver(conn *spread.Conn, daemon, publishers int) *receiver {
	v := &receiver{conn: conn, daemon: daemon, got: make([]atomic.Uint64, publishers), streams: make([]stream, publishers)}
	for i := range v.streams {
		v.streams[i] = stream{next: 1, ahead: make(map[uint64]bool)}
	}
	return v
}

func (v *receiver) receive(ctx context.Context, r *run) error {
	var m spread.Message
	for {
		e, err := v.conn.ReceiveInto(ctx, &m)
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case err != nil:
			return err
		}
		switch e := e.(type) {
		case *spread.Message:
			v.message(e, r)
		case *spread.Membership:
			if e.Regular() {
				v.viewed.Store(int64(len(e.Members)))
			}
			if r.begun() {
				v.result.Views++
			}
		}
	}
}

func (v *receiver) message(m *spread.Message, r *run) {
	s, ok := readStamp(m.Payload)
	if !ok || s.run != r.id || int(s.publisher) >= len(v.streams) {
		v.result.Foreign++
		return
	}
	if !v.streams[s.publisher].take(s.number, v) {
		v.result.Twice++
		return
	}
	v.order = (v.order ^ (uint64(s.publisher)<<48 + s.number)) * 0x9e3779b97f4a7c15
	now := r.now()
	if now >= r.from() && now < r.to() {
		v.result.Messages++
		v.bytes += int64(len(m.Payload))
		v.latencies.add(now - s.when)
	}
	v.got[s.publisher].Add(1)
}

// take notes a number. It reports false for one that has come before.
func (s *stream) take(n uint64, v *receiver) bool {
	switch {
	case n == s.next:
		s.next++
		for len(s.ahead) > 0 && s.ahead[s.next] {
			delete(s.ahead, s.next)
			s.next++
		}
		return true
	case n < s.next || s.ahead[n]:
		return false
	default:
		s.ahead[n] = true
		v.result.Overtaken++
		return true
	}
}

// lost returns how many of so many messages have not come.
func (s *stream) lost(sent uint64) int64 { return int64(sent) - int64(s.next-1) - int64(len(s.ahead)) }
