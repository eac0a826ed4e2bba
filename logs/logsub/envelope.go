package logsub

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/envelope"
	"github.com/spreadd/spreadd/spread"
)

// Envelope says what becomes of the envelopes that publishers put around lines (package
// envelope).
type Envelope string

// The values of [Envelope].
const (
	// EnvelopeStrip takes them off, and drops lines that have come before.
	EnvelopeStrip Envelope = ""
	// EnvelopeIndex does so over the end of logsub, too: beside each file it keeps an
	// index of the lines in it (package lineindex).
	EnvelopeIndex Envelope = "index"
	// EnvelopeRaw leaves them: messages are written as they were sent.
	EnvelopeRaw Envelope = "raw"
)

// check finds values that there are not.
func (e Envelope) check() error {
	if e != EnvelopeStrip && e != EnvelopeIndex && e != EnvelopeRaw {
		return fmt.Errorf("there is no way %q to treat envelopes", string(e))
	}
	return nil
}

const (
	// maxStreams is how many streams a connection knows; beyond it those that were
	// silent for the longest are forgotten.
	maxStreams = 65536
	// maxPublishers bounds the counters by publisher, whose names come from messages.
	maxPublishers = 1000
	// OtherPublishers is what publishers beyond that are counted as. No publisher is
	// called so: a name has no space.
	OtherPublishers = "other publishers"
	// gapInterval is between two lines of the log about one publisher.
	gapInterval = time.Minute
)

// PublisherStats are the counters of a publisher whose lines have envelopes. They only grow.
type PublisherStats struct {
	Lines   int64 // that came for the first time
	Repeats int64 // that had come before, and were dropped
	Missing int64 // whose numbers were passed over
	Late    int64 // of the missing ones, those that came after all
}

// publisher counts, and remembers what was said about it.
type publisher struct {
	name                          string
	lines, repeats, missing, late atomic.Int64

	// These belong to the receiver.
	said   time.Time // the last line of the log about it
	unsaid uint64    // lines that are missing since
}

func (p *publisher) stats() PublisherStats {
	return PublisherStats{p.lines.Load(), p.repeats.Load(), p.missing.Load(), p.late.Load()}
}

// publishers are those of a connection. The receiver adds to it; stats is for all.
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
		to[name] = sum
	}
}

// stream is what a connection knows of a stream of lines.
type stream struct {
	key  string // as of [envelope.Split]
	from envelope.Origin
	pub  *publisher
	used time.Time

	have envelope.Numbers // what came over this connection
	// first is the lowest number of which it can be told whether it is missing: before it
	// we may not have been there.
	first uint64
	known bool // from a life before; then first is the number behind the last of that
}

// streams are those of a connection, which its receiver owns.
type streams struct {
	byKey map[string]*stream
	last  *stream // the one of the line before
	most  int
}

// find returns the stream with a key; nil if no publisher can have it.
func (ss *streams) find(key []byte, now time.Time, ps *publishers) *stream {
	if s := ss.last; s != nil && s.key == string(key) {
		s.used = now
		return s
	}
	s := ss.byKey[string(key)]
	if s == nil {
		from, err := envelope.ParseOrigin(key)
		if err != nil {
			return nil
		}
		ss.most = cmp.Or(ss.most, maxStreams)
		if len(ss.byKey) >= ss.most {
			ss.forget()
		}
		if ss.byKey == nil {
			ss.byKey = make(map[string]*stream)
		}
		s = &stream{key: string(key), from: from, pub: ps.get(from.Publisher)}
		ss.byKey[s.key] = s
	}
	s.used = now
	ss.last = s
	return s
}

// forget makes room: the sixteenth part that has been silent for the longest goes.
func (ss *streams) forget() {
	list := make([]*stream, 0, len(ss.byKey))
	for _, s := range ss.byKey {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *stream) int { return a.used.Compare(b.used) })
	for _, s := range list[:len(list)/16+1] {
		delete(ss.byKey, s.key)
	}
	ss.last = nil
}

// take notes the number of a line, and reports whether the line is new.
func (r *receiver) take(s *stream, seq uint64) bool {
	begun := len(s.have.Spans()) > 0
	next := s.have.Next()
	if !begun && s.known {
		begun, next = true, s.first
	}
	if !s.have.Add(seq) {
		s.pub.repeats.Add(1)
		return false
	}
	s.pub.lines.Add(1)
	switch {
	case !begun:
		s.first = seq
	case seq > next:
		s.pub.missing.Add(int64(seq - next))
		s.pub.unsaid += seq - next
		r.tellGap(s, next, seq-1)
	case seq < next && seq >= s.first:
		s.pub.late.Add(1)
	}
	return true
}

// tellGap says that lines of a publisher are missing, once an interval.
func (r *receiver) tellGap(s *stream, first, last uint64) {
	now := time.Now()
	if now.Sub(s.pub.said) < gapInterval {
		return
	}
	r.s.cfg.Log.Warn("lines of a publisher are missing", slog.String("publisher", s.pub.name), slog.Uint64("lines", s.pub.unsaid),
		slog.Uint64("epoch", s.from.Epoch), slog.Uint64("stream", uint64(s.from.Stream)), slog.Uint64("first", first), slog.Uint64("last", last))
	s.pub.said, s.pub.unsaid = now, 0
}

// message finds the logs of a message: each once, whatever its list of groups.
func (r *receiver) message(m *spread.Message) {
	r.messages++
	r.bytes += int64(len(m.Payload))
	raw, plain := targets(r.raw, m.Groups), targets(r.byGroup, m.Groups)
	if len(raw)+len(plain) == 0 {
		// Private messages, and groups that others of the list name.
		r.s.dropMessage(dropNoLog, len(m.Payload))
		return
	}
	r.put(raw, item{sender: m.Sender, payload: m.Payload})
	if len(plain) == 0 {
		return
	}
	key, seq, lines, err := envelope.Split(m.Payload)
	if errors.Is(err, envelope.ErrNone) {
		r.put(plain, item{sender: m.Sender, payload: m.Payload})
		return
	}
	var s *stream
	if err == nil {
		s = r.streams.find(key, r.now, &r.publishers)
	}
	if s == nil {
		r.unreadable(m, cmp.Or(err, envelope.ErrMalformed))
		return
	}
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		if r.take(s, seq) {
			r.put(plain, item{sender: m.Sender, payload: lines[:n:n], stream: s, seq: seq})
		} else {
			r.s.dropMessage(dropRepeat, n)
		}
		seq++
		lines = lines[n:]
	}
}

// unreadable drops a message with an envelope that is none, and says so once an
// interval.
func (r *receiver) unreadable(m *spread.Message, err error) {
	r.s.dropMessage(dropEnvelope, len(m.Payload))
	if now := time.Now(); now.Sub(r.complained) >= gapInterval {
		r.complained = now
		r.s.cfg.Log.Warn("a message is dropped; a newer logsub may be able to read it", slog.Any("error", err),
			slog.String("sender", m.Sender), slog.Any("groups", m.Groups))
	}
}
