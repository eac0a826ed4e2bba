package logsub

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/spread"
)

// receiveBatch is how many messages and lines the receiver collects before it passes them to the writers.
const receiveBatch = 256

// receiver keeps one connection, and passes what it receives to the writers.
type receiver struct {
	s         *Subscriber
	index     int // of the connection
	address   string
	fixed     *table // of the groups in the configuration; since has those of lists, too
	table     atomic.Pointer[table]
	lists     []*groupList
	last      lastGroup
	asked     map[string]bool // groups that the client is to be in; of the goroutine that reads lists, once it runs
	client    *spread.Client
	own       string  // private group of the connection
	failing   bool    // a failure to connect has been logged since the last connection
	rejected  bool    // so has a rejection, on this connection
	joined    bool    // all groups have been joined once
	complete  bool    // all groups were joined on this connection
	batches   []batch // what the writers get next
	collected int     // events and lines since the last handOn
	messages  int64   // of these, messages, and the bytes of their payloads
	bytes     int64
	count     connCount
	acks      *acks
	until     []mark // of handOn

	lost time.Time // when the connection ended; zero before the first

	joining *healing            // at the joins of the connection
	heal    *healing            // under way, or the last one
	apart   atomic.Int64        // since when lines may be missing, in nanoseconds since 1970; 0 if none are
	views   map[string][]string // members, by group

	now        time.Time // when the first event of the batch came
	streams    streams
	advanced   []*stream    // those with new lines that are not counted yet
	seed       maphash.Seed // of the contents of lines
	conflicts  int          // that got a name in the index
	publishers publishers
	complained time.Time // last log line about an unreadable message
}

// target are the routes of a group that belong to one writer.
type target struct {
	w      *writer
	routes []*route
}

// lastGroup has the targets of the group of the last message: most messages have the same one.
type lastGroup struct {
	of         *table
	group      string // empty at first
	raw, plain []target
}

// batch is what a writer gets next.
type batch struct {
	w     *writer
	items []item
}

// newReceiver returns a receiver without logs, for the connection with an index.
func (s *Subscriber) newReceiver(index int, address string) *receiver {
	r := &receiver{
		s: s, index: index, address: address,
		asked: make(map[string]bool),
	}
	r.fixed = newTable()
	r.table.Store(r.fixed)
	r.acks = newAcks(r)
	r.streams.acks, r.streams.contents, r.seed = r.acks, contentsLimit, maphash.MakeSeed()
	return r
}

// add adds the route of a log. That is done before the receiver runs.
func (r *receiver) add(l *Log, w *writer, route *route) {
	if !slices.ContainsFunc(r.batches, func(b batch) bool { return b.w == w }) {
		r.batches = append(r.batches, batch{w: w})
	}
	if l.GroupsFile != "" {
		return // its groups come with the list
	}
	r.fixed.add(l, l.Group, w, route)
}

// addRoutes adds routes of a writer to targets, of which each log is in them once.
func addRoutes(targets []target, w *writer, routes ...*route) []target {
	for i := range targets {
		if t := &targets[i]; t.w == w {
			for _, r := range routes {
				if !slices.ContainsFunc(t.routes, func(o *route) bool { return o.logState == r.logState }) {
					t.routes = append(t.routes, r)
				}
			}
			return targets
		}
	}
	return append(targets, target{w, slices.Clone(routes)})
}

// open creates the client of the receiver. It does not connect.
func (r *receiver) open() (err error) {
	cfg := &r.s.cfg
	secure, err := cfg.TLS.Config(func(err error) { cfg.Log.Error("cannot use new certificates", slog.Any("error", err)) })
	if err != nil {
		return err
	}
	r.client, err = spread.NewClient([]string{r.address}, spread.WithName(r.name()), spread.WithTLS(secure), spread.WithSocketUsers(cfg.DaemonUsers...),
		spread.WithMembership(true), spread.WithConnect(r.s.cfg.Dial))
	if err == nil {
		r.follow(context.Background())
	}
	return err
}

// name is the private name to ask for. It shows the operator which process this is.
func (r *receiver) name() string {
	name := namePrefix + strconv.Itoa(os.Getpid())
	if r.index > 0 {
		name += string(rune('a' + r.index%26))
	}
	return name[:min(len(name), 10)]
}

// run reads events until ctx ends. It passes what it has to the writers whenever no more is
// available.
func (r *receiver) run(ctx context.Context) {
	defer r.handOn()
	for {
		ev, err := r.client.Receive(ctx)
		if err != nil {
			return
		}
		if r.collected == 0 {
			r.now = time.Now()
		}
		switch ev := ev.(type) {
		case *spread.Message:
			r.message(ev)
		default:
			r.connection(ev)
		}
		if r.collected++; r.collected >= receiveBatch || !r.client.Ready() {
			r.handOn()
		}
	}
}

// connection counts and logs what happens to the connection.
func (r *receiver) connection(ev spread.Event) {
	log := r.s.cfg.Log.With(slog.String("daemon", r.address))
	switch ev := ev.(type) {
	case *spread.Connected:
		r.own, r.failing, r.rejected = ev.PrivateGroup, false, false
		r.s.count.connects.Add(1)
		r.count.connects.Add(1)
		r.count.connected.Store(true)
		r.freeze()
		if r.count.groups.Load() == 0 {
			r.allJoined() // of a list without groups
		}
	case *spread.Membership:
		r.membership(ev)
	case *spread.Joined:
		r.allJoined()
	case *spread.Rejected:
		if !r.rejected && !isHello(&ev.Message) {
			r.rejected = true
			log.Warn("the daemon rejects a request; its access policy must allow log hosts to join groups and to acknowledge lines to publishers",
				slog.String("request", ev.Request.String()), slog.Any("groups", ev.Message.Groups), slog.String("session", r.own))
		}
	case *spread.Disconnected:
		r.count.connected.Store(false)
		r.thaw()
		r.count.joined.Store(0)
		if r.complete {
			r.lost = time.Now()
		} else {
			r.count.failures.Add(1)
		}
		r.complete = false
		log.Warn("lost the connection to the daemon", slog.Any("error", ev.Err))
	case *spread.ConnectFailed:
		r.count.failures.Add(1)
		if !r.failing {
			r.failing = true
			log.Warn("cannot connect to the daemon; will keep retrying", slog.Any("error", ev.Err))
		}
	}
}

// allJoined notes that the connection has joined all groups that were to be joined when it began.
func (r *receiver) allJoined() {
	if r.complete {
		return
	}
	r.complete = true
	r.healJoined()
	if !r.joined {
		r.joined = true
		r.s.joined()
	} else if len(r.lists) > 0 && !r.lost.IsZero() {
		r.s.cfg.Log.Warn("joined the groups of groups_file again; lines sent meanwhile are missing", slog.String("daemon", r.address),
			slog.String("session", r.own), slog.String("away", time.Since(r.lost).Round(time.Millisecond).String()))
	}
}

// membership notes that a join or a leave is confirmed. Those of lists, which may be thousands, are
// for debugging.
func (r *receiver) membership(m *spread.Membership) {
	log := r.s.cfg.Log.With(slog.String("group", m.Group), slog.String("daemon", r.address), slog.String("session", r.own))
	if m.Cause == spread.SelfLeave {
		r.count.joined.Add(-1)
		log.Debug("left group")
	}
	own := m.Cause == spread.CauseJoin && m.Changed == r.own
	all := own && r.count.joined.Add(1) >= r.count.groups.Load()
	r.healView(m)
	if all && len(r.lists) > 0 {
		r.allJoined() // a list may have got a group while the client was connecting
	}
	switch {
	case !own:
	case !r.fixed.has(m.Group):
		log.Debug("joined group")
	case r.lost.IsZero():
		log.Info("joined group")
	default:
		log.Warn("joined group again; lines sent meanwhile are missing", slog.String("away", time.Since(r.lost).Round(time.Millisecond).String()))
	}
}

// message collects a message for the logs of its groups: for each log once, whatever the list of
// groups.
func (r *receiver) message(m *spread.Message) {
	key, seq, lines, err := envelope.Split(m.Payload)
	alone := err != nil && errors.Is(err, envelope.ErrNone)
	if err != nil && !alone && errors.Is(err, envelope.ErrControl) {
		r.control(m)
		return
	}
	r.messages++
	r.bytes += int64(len(m.Payload))
	raw, plain := r.targets(m.Groups)
	if len(raw)+len(plain) == 0 {
		// A private message, or one to groups that have no log.
		r.s.dropMessage(dropNoLog, len(m.Payload))
		return
	}
	r.put(raw, &item{sender: m.Sender, payload: m.Payload})
	if alone {
		r.put(plain, &item{sender: m.Sender, payload: m.Payload})
		return
	}
	if len(plain) == 0 {
		r.tookRaw(m, key, seq, lines)
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
	r.expect(s, m.Groups)
	if r.continues(s, seq, m.Sender) {
		r.next(s, m.Sender, lines, plain)
		return
	}
	for ; len(lines) > 0; seq++ {
		n := bytes.IndexByte(lines, '\n') + 1
		r.line(s, seq, m, lines[:n:n], plain)
		lines = lines[n:]
		r.collected++
	}
}

// next passes on the next lines of a stream.
func (r *receiver) next(s *stream, sender string, lines []byte, to []target) {
	first := s.next
	it := item{sender: sender, stream: s.origin, seq: first}
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		it.payload, lines = lines[:n:n], lines[n:]
		s.contents.set(it.seq, r.hashOf(it.payload), &r.streams.contents)
		r.put(to, &it)
		it.seq++
	}
	r.advance(s, it.seq-first)
	r.collected += int(it.seq - first)
	r.acks.came(sender, &s.from, &s.arrival, envelope.Span{First: first, Last: it.seq - 1}, to)
}

// line passes on any line, unless it has come before.
func (r *receiver) line(s *stream, seq uint64, m *spread.Message, line []byte, to []target) {
	verdict := r.judge(s, seq, line, m.Sender)
	if verdict == isConflict {
		r.conflict(m, s, seq, line, to)
		return
	}
	lacking := to
	if verdict == isRepeat {
		lacking = r.acks.again(&s.from, seq, to)
	}
	if lacking == nil {
		r.s.dropMessage(dropRepeat, len(line))
	} else {
		to = lacking
		r.put(to, &item{sender: m.Sender, payload: line, stream: s.origin, seq: seq})
	}
	r.acks.came(m.Sender, &s.from, &s.arrival, envelope.Span{First: seq, Last: seq}, to)
}

// control takes a control message. Those of other kinds are not for us.
func (r *receiver) control(m *spread.Message) {
	kind, body, err := logproto.Split(m.Payload)
	if err != nil {
		return
	}
	var ask logproto.Ask
	switch kind {
	case logproto.KindAsk:
		if ask.Decode(body) == nil {
			r.learned(&ask, m.Groups)
			t := r.table.Load()
			r.acks.asked(m.Sender, &ask, slices.Concat(targets(t.raw, m.Groups), targets(t.plain, m.Groups)))
		}
	case logproto.KindHello:
		r.met(body, m.Sender)
	case logproto.KindAck:
	}
}

// tookRaw acknowledges lines that only logs with envelopes get, which do not drop duplicates.
func (r *receiver) tookRaw(m *spread.Message, key []byte, seq uint64, lines []byte) {
	o, err := envelope.ParseOrigin(key)
	if err != nil {
		return
	}
	at := max(0, len(r.acks.batch)-1)
	r.acks.came(m.Sender, &o, &at, envelope.Span{First: seq, Last: seq + uint64(bytes.Count(lines, []byte{'\n'})) - 1}, r.table.Load().raw[m.Groups[0]])
}

// unreadable drops a message with a malformed envelope, and logs that once a gapInterval.
func (r *receiver) unreadable(m *spread.Message, err error) {
	r.s.dropMessage(dropEnvelope, len(m.Payload))
	if now := time.Now(); now.Sub(r.complained) >= gapInterval {
		r.complained = now
		r.s.cfg.Log.Warn("message dropped: its envelope cannot be read; a newer logsub may be able to", slog.Any("error", err),
			slog.String("sender", m.Sender), slog.Any("groups", m.Groups))
	}
}

// targets returns where a message to groups goes: to logs that keep envelopes, and to others.
func (r *receiver) targets(groups []string) (raw, plain []target) {
	t := r.table.Load()
	if len(groups) != 1 {
		return targets(t.raw, groups), targets(t.plain, groups)
	}
	if l := &r.last; l.group != groups[0] || l.of != t {
		*l = lastGroup{t, groups[0], t.raw[groups[0]], t.plain[groups[0]]}
	}
	return r.last.raw, r.last.plain
}

// targets returns where a message to groups goes: each log once.
func targets(byGroup map[string][]target, groups []string) (list []target) {
	if len(groups) == 1 || len(byGroup) == 0 {
		return byGroup[groups[0]]
	}
	for i, g := range groups {
		if slices.Contains(groups[:i], g) {
			continue
		}
		for _, t := range byGroup[g] {
			list = addRoutes(list, t.w, t.routes...)
		}
	}
	return list
}

// put collects a message, or a line of one, for its targets.
func (r *receiver) put(to []target, it *item) {
	switch limit := r.s.cfg.BufferSize; {
	case len(to) == 0:
		return
	case limit > 0 && len(it.payload) > limit && r.s.cfg.Truncate:
		r.s.count.truncated.Add(1)
		it.payload = truncate(it.payload, limit)
	case limit > 0 && len(it.payload) > limit:
		r.s.dropMessage(dropTooLong, len(it.payload))
		return
	}
	for i := range to {
		it.to = &to[i]
		for j := range r.batches {
			if b := &r.batches[j]; b.w == it.to.w {
				b.items = append(b.items, *it)
			}
		}
	}
}

// truncate cuts a message to limit bytes and keeps a newline at its end.
func truncate(b []byte, limit int) []byte {
	if b[len(b)-1] != '\n' {
		return b[:limit]
	}
	return append(slices.Clone(b[:limit-1]), '\n')
}

// handOn passes what was collected to the writers.
func (r *receiver) handOn() {
	r.collected = 0
	r.countReceived()
	r.countNew()
	r.until = r.until[:0]
	for i := range r.batches {
		b := &r.batches[i]
		if len(b.items) == 0 {
			continue
		}
		m := mark{w: b.w}
		m.n, b.items = b.w.put(b.items)
		r.until = append(r.until, m)
	}
	r.acks.handOn(r.until)
}
