package session

import (
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// entry is one or more whole messages that lie one after the other in a block.
type entry struct {
	block  *buf.Block // the entry holds one reference
	lo, hi int        // the bytes that are still to be written
	msgs   int        // messages that end in them
	// held is the size of the block if the entry before has another one, otherwise 0.
	held int
	// end is the end of a message that has been written in part, or 0 if the entry begins with a
	// whole message.
	end int
}

// advance removes the first n bytes, fewer than all, which have been written. It returns the number
// of messages that this completes.
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

// output is the queue to a client. The owner stages messages without a lock and publishes them once
// in a step. The writer takes all that are pending.
//
// The bound is that of client-protocol §12.2, with bytes besides messages: a session is too slow if
// a message arrives for it while as much as its bound waits and the kernel's buffer is full. If
// only the writer has not run yet, the owner waits for it.
type output struct {
	session *Session
	// writer belongs to the writer, or to the owner while the writer has nothing to write.
	writer vectorWriter
	run    func() // write

	// Only the owner uses these.
	staged      []entry // messages that are not published yet
	stagedMsgs  int     // their number
	stagedBytes int     // their bytes
	room        int     // messages that may be staged before the queue must be checked
	roomBytes   int     // the same in bytes; at most one message more is staged

	mu           sync.Mutex    // protects the fields below
	moved        sync.Cond     // signals the owner: queued fell, blocked or closed is set
	pending      []entry       // what the writer takes next
	spare        []entry       // empty, for what is pending while the writer runs
	queued       int           // messages in pending and with the writer that are not fully written
	bytes        int           // bytes of these that are not written
	held         int           // size of the blocks that these lie in
	last         *buf.Block    // the block of the last of these
	blocked      bool          // whether the kernel's buffer is full
	blockedSince time.Time     // when blocked was set
	blockedFor   time.Duration // for how long blocked was set before that
	taken        Taken         // what the client has taken, without the time
	watched      bool          // whether the owner waits for queued to fall
	notices      bool          // whether the client has asked for notices
	warned       bool          // whether it is about to be too slow
	warning      bool          // whether the owner does not know that yet
	urgent       []entry       // a notice that goes before what is pending
	started      bool          // whether the client knows that it is accepted
	writing      bool          // whether the writer runs, which it does only while it has something to do
	closed       bool          // whether writing has ended
	finishing    bool          // whether to write what is pending and then close the connection
}

func (o *output) init(s *Session) {
	o.session = s
	o.writer = writerOf(s.conn, &s.server.vectors, &s.server.records, o.setBlocked)
	o.moved.L = &o.mu
	o.run = o.write
}

const (
	// messageCost is what a message costs besides its bytes: at most one entry, in a list that
	// grows by doubling.
	messageCost = 128
	// entryCost is what an entry counts in the memory of all queues.
	entryCost = 64
	// behindBytes is the size of a queue at which a session is behind, if half of its bound is
	// more: what a receiver that is not slow takes in a second.
	behindBytes = 4 << 20
	// keptEntries is the length up to which the memory of a list of entries is used again.
	keptEntries = 4096
	// idleEntries is the same for a client for which nothing waits.
	idleEntries = 64
)

// bounds are the bounds of an output queue.
type bounds struct{ messages, bytes int }

// full are the bounds at which a session is too slow.
func (o *output) full() bounds {
	return bounds{o.session.server.MaxSessionMessages(), o.session.server.cfg.MaxSessionBytes}
}

// behind are the bounds at which a session is behind. It recovers at half of them.
func (b bounds) behind() bounds {
	return bounds{b.messages/2 + b.messages%2, min(b.bytes/2, behindBytes)}
}

// recovered are the bounds down to which a session that was behind has recovered.
func (b bounds) recovered() bounds { return bounds{b.messages / 4, b.behind().bytes / 2} }

// used is what is queued, as it counts toward the bound. The caller holds the lock.
func (o *output) used() int { return o.bytes + o.queued*messageCost }

// reached reports whether a bound is reached. The caller holds the lock.
func (o *output) reached(b bounds) bool { return o.queued >= b.messages || o.used() >= b.bytes }

// setRoom updates what may be staged. The caller holds the lock.
func (o *output) setRoom(b bounds) {
	o.room = max(0, b.messages-o.queued)
	o.roomBytes = b.bytes - o.used()
}

// Enqueue stages a message for the client. Only the owner calls it, and then [Session.Flush] at the
// end of its step. It reports false, and does not queue the message, if the session is too slow.
func (s *Session) Enqueue(d buf.Slice) bool {
	o := &s.out
	if (o.room == 0 || o.roomBytes <= 0) && !o.makeRoom() {
		return false
	}
	o.room--
	o.roomBytes -= d.Len() + messageCost
	o.stagedMsgs++
	o.stagedBytes += d.Len()
	if !d.Block.Pooled() {
		o.session.server.unpooled.Add(int64(d.Len()))
	}
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

// makeRoom publishes what is staged and updates room. It reports whether there is any.
func (o *output) makeRoom() bool {
	limit := o.full()
	if limit.messages == 0 {
		return false
	}
	o.publish(false)
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.reached(limit) && !o.blocked && !o.closed {
		o.moved.Wait()
	}
	if o.closed {
		o.room, o.roomBytes = limit.messages, limit.bytes // Messages are discarded when they are published.
		return true
	}
	o.setRoom(limit)
	return o.room > 0 && o.roomBytes > 0
}

// Flush publishes the messages that were enqueued since the last call. It reports whether the
// session is behind, which means that half of its bound or 4 MiB is queued. [Server.Recovered] then
// reports when that is down to half of that.
//
// If direct is set and there is little to write, Flush writes it at once without blocking. That
// saves waking the writer, which costs more than the write itself.
func (s *Session) Flush(direct bool) (behind bool) {
	o := &s.out
	if len(o.staged) == 0 {
		return false
	}
	return o.publish(direct)
}

// directBytes bounds what the owner writes itself. It leaves more than that to the writer, which
// runs in parallel.
const directBytes = 16 << 10

// publish moves what is staged to pending, and writes it directly if that is wanted and possible.
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
		o.hold()
		o.pending = append(o.pending, o.staged...)
		o.queued += msgs
		o.bytes += bytes
		limit := o.full()
		o.setRoom(limit)
		behind = o.reached(limit.behind())
		o.watched = o.watched || behind
		if !o.warned && o.reached(limit.nearly()) {
			o.warn(limit)
		}
		if direct && o.started && !o.writing && o.queued == msgs && !o.finishing {
			o.writeDirect()
		}
		if len(o.pending) > 0 {
			o.work()
		}
		o.mu.Unlock()
	}
	clear(o.staged)
	o.staged = o.staged[:0]
	return behind
}

// start lets messages be written, behind the accept message.
func (o *output) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = true
	if len(o.pending) > 0 || o.finishing {
		o.work()
	}
}

// work has the writer run. An idle session has no goroutine for it. The caller holds the lock.
func (o *output) work() {
	if o.started && !o.writing && !o.closed {
		o.writing = true
		o.session.server.running.Add(1)
		go o.run() // without an allocation
	}
}

// hold counts the memory of what is staged. The caller holds the lock.
func (o *output) hold() {
	o.session.server.unpooled.Add(int64(len(o.staged)) * entryCost)
	if o.queued == 0 {
		o.last = nil // Its memory may be that of another block now.
	}
	for i := range o.staged {
		e := &o.staged[i]
		if e.block != o.last {
			e.held = len(e.block.Bytes())
			o.held += e.held
			o.last = e.block
		}
	}
}

// writeDirect writes what is pending, if it is little, as far as the kernel accepts it. The caller
// holds the lock, and the writer has nothing to write.
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

// forget discards what is staged, when the session has ended.
func (o *output) forget() {
	o.discard(o.staged, o.stagedMsgs)
	o.stagedMsgs, o.stagedBytes = 0, 0
	clear(o.staged)
	o.staged = o.staged[:0]
}

// discard releases entries and counts their messages as discarded.
func (o *output) discard(list []entry, msgs int) {
	for i := range list {
		o.release(&list[i], list[i].hi-list[i].lo)
	}
	o.session.server.count.discarded.Add(int64(msgs))
}

// release drops an entry's block, of which n bytes were queued since it was last counted.
func (o *output) release(e *entry, n int) {
	if !e.block.Pooled() {
		o.session.server.unpooled.Add(int64(-n))
	}
	e.block.Release()
}

// close ends the output. The writer stops and discards what is left; if it does not run, close does.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.moved.Broadcast()
	o.recovered()
	writing := o.writing
	o.mu.Unlock()
	if !writing {
		o.drain()
	}
}

// finish has the writer write what is pending, until the deadline, and then close the connection.
func (o *output) finish(deadline time.Time) {
	o.mu.Lock()
	o.finishing = true
	o.work()
	o.mu.Unlock()
	if o.session.conn.SetWriteDeadline(deadline) != nil {
		o.session.Drop(SessionShutdown)
	}
}

// drain discards what is pending.
func (o *output) drain() {
	o.mu.Lock()
	list, msgs := slices.Concat(o.urgent, o.pending), o.queued
	o.pending, o.urgent, o.queued, o.bytes, o.held, o.last = nil, nil, 0, 0, 0, nil
	o.mu.Unlock()
	o.session.server.unpooled.Add(-int64(len(list)) * entryCost)
	o.discard(list, msgs)
}

// write is the writer's goroutine. It writes what is pending until nothing is, the output is closed
// or the connection fails.
func (o *output) write() {
	defer o.session.server.running.Done()
	var list []entry
	for {
		var ended bool
		if list, ended = o.next(list); ended {
			o.fail(nil)
			return
		}
		if len(list) == 0 {
			return
		}
		for at := 0; at < len(list); {
			n, err := o.writer.write(list[at:])
			if err != nil {
				o.fail(list[at:])
				return
			}
			o.mu.Lock()
			at += o.account(list[at:], n)
			if len(o.urgent) > 0 {
				list = o.expedite(list, at)
			}
			o.mu.Unlock()
		}
	}
}

// next takes everything that is pending. done is the list that was written before; its memory is used
// again. If nothing is pending, the writer has to return, and to end the output first if next reports
// that it has ended.
func (o *output) next(done []entry) (list []entry, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed, o.finishing && len(o.pending) == 0:
		return nil, true
	case len(o.pending) == 0:
		o.writing = false
		if cap(o.pending) > idleEntries {
			o.pending = nil
		}
		if cap(done) <= idleEntries {
			clear(done)
			o.spare = done[:0]
		}
		return nil, false
	case done == nil:
		done, o.spare = o.spare, nil
	}
	list = o.pending
	clear(done)
	o.pending = done[:0]
	if cap(done) > keptEntries {
		o.pending = nil
	}
	return list, false
}

// account counts the first n bytes of the entries as written and releases the complete entries. It
// returns the number of those. The caller holds the lock.
func (o *output) account(list []entry, n int) (complete int) {
	done := 0
	written := int64(n)
	for i := range list {
		e := &list[i]
		size := e.hi - e.lo
		if n < size {
			if n > 0 {
				if !e.block.Pooled() {
					o.session.server.unpooled.Add(int64(-n))
				}
				done += e.advance(n)
			}
			break
		}
		n -= size
		done += e.msgs
		o.held -= e.held
		o.release(e, size)
		complete++
	}
	o.session.server.unpooled.Add(-int64(complete) * entryCost)
	o.taken.Messages += int64(done)
	o.taken.Bytes += written
	o.queued -= done
	o.bytes -= int(written)
	o.moved.Signal()
	if o.watched {
		if b := o.full().recovered(); o.queued <= b.messages && o.used() <= b.bytes {
			o.recovered()
		}
	}
	return complete
}

// recovered notifies an owner that waits that the session is not behind any more. The caller holds
// the lock.
func (o *output) recovered() {
	if !o.watched {
		return
	}
	o.watched, o.warned, o.warning = false, false, false
	select {
	case o.session.server.recovered <- struct{}{}:
		o.session.server.cfg.Wake()
	default: // A notice is pending already.
	}
}

// fail ends the writer and closes the connection, so that the reader ends too. left holds the
// entries that the writer has taken and not written.
func (o *output) fail(left []entry) {
	o.session.Drop(o.reason())
	o.session.server.unpooled.Add(-int64(len(left)) * entryCost)
	for i := range left {
		o.release(&left[i], left[i].hi-left[i].lo)
	}
	o.drain()
}

// reason returns why the writer has ended.
func (o *output) reason() End {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finishing {
		return SessionShutdown
	}
	return SessionClosed
}

// setBlocked notes whether the kernel's buffer is full. The vector writer calls it.
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

// Taken is what a client has received since its session began.
type Taken struct {
	// Blocked is the time for which the client has kept the writer waiting.
	Blocked time.Duration
	// Messages and Bytes count what the kernel has accepted for the client.
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

// Waiting is what is queued for clients.
type Waiting struct {
	Messages int
	Bytes    int64
	// Held is the size of the blocks that they lie in, without those that the messages before lie in
	// too. Other queues may hold the same blocks.
	Held int64
}

// Waiting returns what is queued for the session, without what is in the kernel's buffer. It may be
// called at any time.
func (s *Session) Waiting() Waiting {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	return Waiting{o.queued, int64(o.bytes), int64(o.held)}
}

// Behind reports whether the session is still behind, after Flush has reported that. It may be
// called at any time.
func (s *Session) Behind() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.watched
}
