package session

import (
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// entry is one or more whole messages that lie behind one another in a block.
type entry struct {
	block  *buf.Block // one reference is the entry's
	lo, hi int
	msgs   int
	// end is where the message ends that has been written in part; 0 if the
	// entry begins at a message.
	end int
}

// advance notes that n bytes of the entry have been written, fewer than it
// has, and returns how many messages that completes.
func (e *entry) advance(n int) (done int) {
	mem := e.block.Bytes()
	end := e.end
	if end == 0 {
		end = e.lo + wire.SizeOf(mem[e.lo:])
	}
	e.lo += n
	for end <= e.lo {
		done++
		end += wire.SizeOf(mem[end:])
	}
	e.end = end
	e.msgs -= done
	return done
}

// output is what is on its way to a client. The owner stages messages without a
// lock and publishes them once a step; the writer takes all that there are.
//
// The bound is that of client-protocol §12.2: a session is too slow if a message comes
// for it while MaxSessionMessages wait and the kernel takes no more. While
// the writer merely has not run yet, the owner waits for it.
type output struct {
	session *Session
	writer  vectorWriter // of who writes: the writer, or the owner while it has nothing

	// The owner's.
	staged      []entry
	stagedMsgs  int
	stagedBytes int
	room        int // messages that may be staged before the queue is looked at

	mu      sync.Mutex
	wake    sync.Cond // the writer waits for pending, closed, finishing
	moved   sync.Cond // the owner waits for queued to fall, blocked, closed
	pending []entry
	queued  int  // messages in pending and with the writer, not fully written
	bytes   int  // of these, not written
	blocked bool // the kernel takes no more
	// blockedSince is when blocked was set, blockedFor how long it was before.
	blockedSince time.Time
	blockedFor   time.Duration
	taken        Taken
	watched      bool // the owner waits to hear that queued is low again
	closed       bool // nothing is written any more
	// finishing: write what is pending, then close the connection.
	finishing bool
}

func (o *output) init(s *Session) {
	o.session = s
	o.writer = newVectorWriter(s.conn, o.setBlocked)
	o.wake.L = &o.mu
	o.moved.L = &o.mu
}

func (o *output) max() int { return o.session.server.MaxSessionMessages() }

// Enqueue adds a message for the client. It is for the owner, who calls
// [Session.Flush] at the end of its step. It reports false if the session is too
// slow; the message is then not queued.
func (s *Session) Enqueue(d buf.Slice) bool {
	o := &s.out
	if o.room == 0 && !o.makeRoom() {
		return false
	}
	o.room--
	o.stagedMsgs++
	o.stagedBytes += d.Hi - d.Lo
	if n := len(o.staged); n > 0 {
		if last := &o.staged[n-1]; last.block == d.Block && last.hi == d.Lo {
			last.hi = d.Hi
			last.msgs++
			return true
		}
	}
	d.Block.Retain()
	o.staged = append(o.staged, entry{block: d.Block, lo: d.Lo, hi: d.Hi, msgs: 1})
	return true
}

// makeRoom looks how many messages wait, and whether there may be more.
func (o *output) makeRoom() bool {
	limit := o.max()
	if limit == 0 {
		return false
	}
	o.publish(false)
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.queued >= limit && !o.blocked && !o.closed {
		o.moved.Wait()
	}
	if o.closed {
		o.room = limit // what comes is discarded when it is published
		return true
	}
	o.room = limit - o.queued
	return o.room > 0
}

// Flush gives the writer what was enqueued since the last call. It reports
// whether the session is behind: half its bound waits. The server then says on
// [Server.Recovered] when it is down to a quarter.
//
// With direct set and little to write, it is written at once if the kernel takes it, which saves
// waking the writer: more than the write itself costs.
func (s *Session) Flush(direct bool) (behind bool) {
	o := &s.out
	if len(o.staged) == 0 {
		return false
	}
	return o.publish(direct)
}

// directBytes bounds what the owner writes itself. More is better left to the writer, which does it
// beside the owner's work.
const directBytes = 16 << 10

func (o *output) publish(direct bool) (behind bool) {
	if len(o.staged) == 0 {
		return false
	}
	msgs, bytes := o.stagedMsgs, o.stagedBytes
	o.stagedMsgs, o.stagedBytes = 0, 0
	o.session.server.count.queued.Add(int64(msgs))
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		o.discard(o.staged, msgs)
	} else {
		o.pending = append(o.pending, o.staged...)
		o.queued += msgs
		o.bytes += bytes
		o.room = max(0, o.max()-o.queued)
		behind = o.queued >= (o.max()+1)/2
		o.watched = o.watched || behind
		if direct && o.queued == msgs && !o.finishing {
			o.writeDirect()
		}
		if len(o.pending) > 0 {
			o.wake.Signal()
		}
		o.mu.Unlock()
	}
	clear(o.staged)
	o.staged = o.staged[:0]
	return behind
}

// writeDirect writes what is pending, if it is little, as far as the kernel takes it.
// The lock is held, and the writer has nothing in its hands.
func (o *output) writeDirect() {
	size := 0
	for i := range o.pending {
		size += o.pending[i].hi - o.pending[i].lo
	}
	if size > directBytes {
		return
	}
	complete := o.account(o.pending, o.writer.try(o.pending))
	o.pending = slices.Delete(o.pending, 0, complete)
}

// forget discards what is staged, for a session that has ended.
func (o *output) forget() {
	o.discard(o.staged, o.stagedMsgs)
	o.stagedMsgs, o.stagedBytes = 0, 0
	clear(o.staged)
	o.staged = o.staged[:0]
}

func (o *output) discard(list []entry, msgs int) {
	for i := range list {
		list[i].block.Release()
	}
	o.session.server.count.discarded.Add(int64(msgs))
}

// close ends the output: the writer stops and discards what is left.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake.Signal()
	o.moved.Broadcast()
	o.recovered()
}

// finish lets the writer write what is pending, until the deadline, and then
// close the connection.
func (o *output) finish(deadline time.Time) {
	o.mu.Lock()
	o.finishing = true
	o.wake.Signal()
	o.mu.Unlock()
	if o.session.conn.SetWriteDeadline(deadline) != nil {
		o.session.Drop(SessionShutdown)
	}
}

// abandon ends an output that has no writer.
func (o *output) abandon() {
	o.close()
	o.drain()
}

// drain discards what is pending.
func (o *output) drain() {
	o.mu.Lock()
	list, msgs := o.pending, o.queued
	o.pending, o.queued, o.bytes = nil, 0, 0
	o.mu.Unlock()
	o.discard(list, msgs)
}

// write is the writer: it writes what there is until the output is closed or
// the connection fails.
func (o *output) write() {
	var list []entry
	for {
		var ok bool
		if list, ok = o.next(list); !ok {
			break
		}
		for at := 0; at < len(list); {
			n, err := o.writer.write(list[at:])
			if err != nil {
				o.fail(list[at:])
				return
			}
			o.mu.Lock()
			at += o.account(list[at:], n)
			o.mu.Unlock()
		}
	}
	o.fail(nil)
}

// next waits for something to write and takes it all; done is the list that
// was written before.
func (o *output) next(done []entry) ([]entry, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) == 0 && !o.closed && !o.finishing {
		o.wake.Wait()
	}
	if o.closed || len(o.pending) == 0 {
		return nil, false
	}
	list := o.pending
	clear(done)
	o.pending = done[:0]
	return list, true
}

// account notes that n bytes of the entries have been written, lets go of those
// that are complete and returns how many they are. The lock is held.
func (o *output) account(list []entry, n int) (complete int) {
	done := 0
	written := int64(n)
	for i := range list {
		e := &list[i]
		size := e.hi - e.lo
		if n < size {
			if n > 0 {
				done += e.advance(n)
			}
			break
		}
		n -= size
		done += e.msgs
		e.block.Release()
		complete++
	}
	o.taken.Messages += int64(done)
	o.taken.Bytes += written
	o.queued -= done
	o.bytes -= int(written)
	o.moved.Signal()
	if o.watched && o.queued <= o.max()/4 {
		o.recovered()
	}
	return complete
}

// recovered tells an owner who waits that the session is not behind any more.
// The lock is held.
func (o *output) recovered() {
	if !o.watched {
		return
	}
	o.watched = false
	select {
	case o.session.server.recovered <- struct{}{}:
		o.session.server.cfg.Wake()
	default: // it has been told and has not looked yet
	}
}

// fail ends the writer: left is what it had taken and not written. The
// connection is closed, so that the reader ends too.
func (o *output) fail(left []entry) {
	o.session.Drop(o.reason())
	for i := range left {
		left[i].block.Release()
	}
	o.drain()
}

func (o *output) reason() End {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finishing {
		return SessionShutdown
	}
	return SessionClosed
}

// setBlocked is told by the vector writer when the kernel takes no more, and
// when it does again.
func (o *output) setBlocked(blocked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blocked == blocked {
		return
	}
	o.blocked = blocked
	if blocked {
		o.blockedSince = time.Now()
		o.moved.Broadcast()
	} else {
		o.blockedFor += time.Since(o.blockedSince)
	}
}

// Taken is what a client has taken of what was sent to it, since its session
// began.
type Taken struct {
	// Blocked is for how long the client has kept the writer waiting.
	Blocked  time.Duration
	Messages int64
	Bytes    int64
}

// Taken returns the session's account. It may be called at any time.
func (s *Session) Taken() Taken {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.taken
	t.Blocked = o.blockedFor
	if o.blocked {
		t.Blocked += time.Since(o.blockedSince)
	}
	return t
}

// Waiting is what a client has not taken yet.
type Waiting struct {
	Messages int
	Bytes    int64
}

// Waiting returns what is queued for the session, but for what the kernel has. It may be called at any time.
func (s *Session) Waiting() Waiting {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	return Waiting{o.queued, int64(o.bytes)}
}

// Behind reports whether the session is still behind, after Flush has said that
// it was. It may be called at any time.
func (s *Session) Behind() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.watched
}
