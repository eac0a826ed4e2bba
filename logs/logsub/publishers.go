package logsub

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
)

const (
	// maxStreams is how many streams a connection remembers; beyond it, those that were silent for
	// the longest are forgotten.
	maxStreams = 65536
	// maxPublishers bounds the counters by publisher, because the names come from messages.
	maxPublishers = 1000
	// OtherPublishers counts all further publishers. No publisher has this name, because names
	// contain no space.
	OtherPublishers = "other publishers"
	// gapInterval is the pause between two log lines about one publisher.
	gapInterval = time.Minute
)

// PublisherStats are the counters of a publisher that sends lines in envelopes. They only grow.
type PublisherStats struct {
	Lines   int64 // received for the first time
	Repeats int64 // duplicates, which were dropped
	Missing int64 // lines whose numbers were skipped
	Late    int64 // missing lines that came later
	// Conflicts are lines whose number another line has, or is too far ahead; they were written.
	Conflicts int64
}

// publisher counts the lines of one publisher.
type publisher struct {
	name                                     string
	lines, repeats, missing, late, conflicts atomic.Int64

	// These belong to the receiver.
	reported   time.Time // last log line about it
	unreported uint64    // lines found missing since then
	disputes   time.Time // last log line about conflicts
	disputed   uint64    // conflicts since then
}

func (p *publisher) stats() PublisherStats {
	return PublisherStats{p.lines.Load(), p.repeats.Load(), p.missing.Load(), p.late.Load(), p.conflicts.Load()}
}

// publishers are those of one connection. Its receiver adds to them; stats may be called by any
// goroutine.
type publishers struct {
	mu     sync.Mutex
	byName map[string]*publisher
}

func (ps *publishers) get(name string) *publisher {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byName[name]
	if p == nil && len(ps.byName) >= maxPublishers {
		name = OtherPublishers
		p = ps.byName[name]
	}
	if p == nil {
		if ps.byName == nil {
			ps.byName = make(map[string]*publisher)
		}
		p = &publisher{name: name}
		ps.byName[name] = p
	}
	return p
}

// add adds the counters to those of other connections.
func (ps *publishers) add(to map[string]PublisherStats) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for name, p := range ps.byName {
		st, sum := p.stats(), to[name]
		sum.Lines += st.Lines
		sum.Repeats += st.Repeats
		sum.Missing += st.Missing
		sum.Late += st.Late
		sum.Conflicts += st.Conflicts
		to[name] = sum
	}
}

// origin is the part of a stream that never changes. Writers read it while the receiver changes the
// rest for each line, so it lies apart from that.
type origin struct {
	key  string // see [envelope.Split]
	from envelope.Origin
	pub  *publisher
	acks *acks // of its connection
	// unnamed means that this is one line whose name the index does not get, and refused that a route had
	// no room for it.
	unnamed bool
	refused atomic.Bool
}

// stream is what a connection knows about a stream of lines.
type stream struct {
	*origin
	used time.Time

	after *stream // whose message followed the last one of this stream

	have     envelope.Numbers // received over this connection
	contents lineHashes       // of the last of these
	arrival  int              // where its last arrival is, see [acks.came]
	jump     *jump            // not believed yet; nil without one
	sender   string           // session that sends the stream
	sent     uint64           // the number behind the last one of that session
	heard    time.Time        // when it last sent
	// first is the lowest number that can be reported as missing, and next the one behind those that
	// were received or reported. Both are known once begun is set.
	first, next uint64
	begun       bool
	expected    bool   // see expect
	exists      uint64 // the number behind the last line that exists, as passed to the writers
	uncounted   int64  // lines that publisher.lines lacks, see advance
}

// streams are those of a connection. Its receiver owns them.
type streams struct {
	byKey map[string]*stream
	last  *stream // the stream of the previous line
	limit int
	acks  *acks
	// contents is how many more lines may have their contents remembered.
	contents int
}

// find returns the stream with a key; nil if no publisher can have the key.
func (ss *streams) find(key []byte, now time.Time, ps *publishers) *stream {
	if s := ss.last; s != nil && s.key == string(key) {
		s.used = now
		return s
	}
	if s := ss.last; s != nil && s.after != nil && s.after.key == string(key) { // publishers send in the order of the ring
		s = s.after
		s.used, ss.last = now, s
		return s
	}
	s := ss.byKey[string(key)]
	if s == nil {
		from, err := envelope.ParseOrigin(key)
		if err != nil {
			return nil
		}
		ss.limit = cmp.Or(ss.limit, maxStreams)
		if len(ss.byKey) >= ss.limit {
			ss.forget()
		}
		if ss.byKey == nil {
			ss.byKey = make(map[string]*stream)
		}
		s = &stream{origin: &origin{key: string(key), from: from, pub: ps.get(from.Publisher), acks: ss.acks}}
		ss.byKey[s.key] = s
	}
	s.used = now
	if ss.last != nil {
		ss.last.after = s
	}
	ss.last = s
	return s
}

// forget makes room: one sixteenth of the streams goes, those that were silent for the longest.
func (ss *streams) forget() {
	list := make([]*stream, 0, len(ss.byKey))
	for _, s := range ss.byKey {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *stream) int { return a.used.Compare(b.used) })
	for _, s := range list[:len(list)/16+1] {
		ss.contents += len(s.contents.hashes)
		delete(ss.byKey, s.key)
	}
	for _, s := range list {
		s.after = nil
	}
	ss.last = nil
}

// restore passes to a receiver which lines of a route came before this start for its groups, so that
// it notices what is missing since then.
func (r *receiver) restore(route *route, groups []string) {
	if route.index == nil {
		return
	}
	route.index.Restored(func(key string, next uint64) {
		if s := r.streams.find([]byte(key), time.Now(), &r.publishers); s != nil {
			s.begun, s.first, s.next = true, max(s.first, next), max(s.next, next)
		}
	})
	if since, ok := route.index.Since(); ok {
		for _, g := range groups {
			r.fixed.since[g] = min(since, cmp.Or(r.fixed.since[g], since))
		}
	}
}

// expect notes, when a stream is met for the first time, whether its first lines should have come: those of
// an epoch that began after we did for one of its groups.
func (r *receiver) expect(s *stream, groups []string) {
	if s.expected {
		return
	}
	s.expected = true
	for _, g := range groups {
		if t := r.table.Load(); t.plain[g] != nil && s.from.Epoch >= cmp.Or(t.since[g], r.s.began) {
			s.begun = true
		}
	}
}

// learned takes what a publisher says of its streams. Below Kept it can send no line again.
func (r *receiver) learned(ask *logproto.Ask, groups []string) {
	to := targets(r.table.Load().plain, groups)
	if len(to) == 0 {
		return
	}
	for i := range ask.Epochs {
		e := &ask.Epochs[i]
		for _, st := range e.Streams {
			o := envelope.Origin{Publisher: ask.Publisher, Epoch: e.Epoch, Stream: st.Stream}
			s := r.streams.find([]byte(o.Key()), r.now, &r.publishers)
			if s == nil {
				continue
			}
			r.expect(s, groups)
			if s.begun && st.Kept > s.next {
				r.missing(s, st.Kept)
			}
			if st.Next > max(s.have.Next(), s.exists) {
				s.exists = st.Next
				r.put(to, &item{stream: s.origin, seq: st.Next})
			}
		}
	}
}

// missing counts the lines up to a number as missing.
func (r *receiver) missing(s *stream, next uint64) {
	s.pub.missing.Add(int64(next - s.next))
	s.pub.unreported += next - s.next
	r.reportGap(s, s.next, next-1)
	s.next = next
}

// take notes the number of a line, and reports whether the line is new.
func (r *receiver) take(s *stream, seq uint64) bool {
	if !s.have.Add(seq) {
		s.pub.repeats.Add(1)
		return false
	}
	s.pub.lines.Add(1)
	switch {
	case !s.begun:
		s.begun, s.first = true, seq
	case seq > s.next:
		r.missing(s, seq)
	case seq < s.next && seq >= s.first:
		s.pub.late.Add(1)
	}
	s.next = max(s.next, seq+1)
	return true
}

// reportGap logs that lines of a publisher are missing, once a gapInterval.
func (r *receiver) reportGap(s *stream, first, last uint64) {
	now := time.Now()
	if now.Sub(s.pub.reported) < gapInterval {
		return
	}
	r.s.cfg.Log.Warn("lines of a publisher are missing", slog.String("publisher", s.pub.name), slog.Uint64("lines", s.pub.unreported),
		slog.Uint64("epoch", s.from.Epoch), slog.Uint64("stream", uint64(s.from.Stream)), slog.Uint64("first", first), slog.Uint64("last", last))
	s.pub.reported, s.pub.unreported = now, 0
}
