package session

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// nearly are the bounds at which a session is about to be too slow.
func (b bounds) nearly() bounds { return bounds{b.messages - b.messages/8, b.bytes - b.bytes/8} }

// Notices reports whether the client has asked for notices. It may be called at any time.
func (s *Session) Notices() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.notices
}

// NearlyFull reports, once, that the client is about to be disconnected because it does not read.
// Only the owner calls it, after [Session.Flush].
func (s *Session) NearlyFull() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	warning := s.out.warning
	s.out.warning = false
	return warning
}

func (s *Session) warned() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.warned
}

func (o *output) allowNotices() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices = true
}

// notice returns a notice as an entry of the queue, and counts it. The caller holds the lock.
func (o *output) notice(n *wire.Notice) entry {
	b := n.Message()
	o.queued++
	o.bytes += len(b)
	o.session.server.unpooled.Add(int64(len(b)) + entryCost)
	o.session.server.count.queued.Add(1)
	return entry{block: buf.Wrap(b), hi: len(b), msgs: 1}
}

// warn notes that the client is about to be disconnected because it does not read, and tells it, ahead
// of what waits. The caller holds the lock.
func (o *output) warn(limit bounds) {
	o.warned, o.warning = true, true
	o.session.server.count.warned.Add(1)
	if !o.notices {
		return
	}
	text := fmt.Sprintf("you are about to be disconnected: you do not read, and %s of %s wait", size(o.used()), size(limit.bytes))
	if o.queued >= limit.nearly().messages {
		text = fmt.Sprintf("you are about to be disconnected: you do not read, and %d of %d messages wait", o.queued, limit.messages)
	}
	o.urgent = append(o.urgent, o.notice(&wire.Notice{
		Kind: wire.NoticeSlow, Value: int64(o.used()), Limit: int64(limit.bytes), Text: []byte(text),
	}))
}

// size returns a number of bytes in words.
func size(n int) string {
	if n < 10<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// expedite puts the urgent notice into the writer's list, of which everything before at is written:
// behind the message that is written in part, if there is one. The caller holds the lock.
func (o *output) expedite(list []entry, at int) []entry {
	urgent := o.urgent
	o.urgent = nil
	if at < len(list) && list[at].end != 0 {
		e := &list[at]
		if e.end < e.hi {
			e.block.Retain()
			head := entry{block: e.block, lo: e.lo, hi: e.end, msgs: 1, end: e.end}
			e.lo, e.end = e.end, 0
			e.msgs--
			o.session.server.unpooled.Add(entryCost)
			list = slices.Insert(list, at, head)
		}
		at++
	}
	return slices.Insert(list, at, urgent...)
}

// farewell tells a client that the daemon stops, behind what waits for it.
func (o *output) farewell() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.notices || o.closed {
		return
	}
	o.pending = append(o.pending, o.notice(&wire.Notice{
		Kind: wire.NoticeEnding, Cause: wire.EndingShutdown, Text: []byte("the daemon ends this session: it stops"),
	}))
}

// part tells a client why its session ends at once, if nothing else waits for it and the kernel takes
// it without delay.
func (o *output) part(n *wire.Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.notices || o.closed || !o.started || o.writing || o.queued > 0 {
		return
	}
	list := []entry{o.notice(n)}
	o.pending = list[o.account(list, o.writer.try(list)):]
}
