package logsub

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// source is a session in memory that has as many messages as a test asks for.
type source struct {
	spread.Connection // for the methods that logsub does not call

	messages []*spread.Message
	more     chan int
	left     int
	next     int
	seq      []uint64 // by publisher, if messages have envelopes
	lines    uint64   // in an envelope
	joined   []string
}

func (s *source) Join(_ context.Context, group string) error {
	s.joined = append(s.joined, group)
	return nil
}

func (s *source) Receive(ctx context.Context) (spread.Event, error) {
	if len(s.joined) > 0 {
		group := s.joined[0]
		s.joined = s.joined[1:]
		return &spread.Membership{Group: group, Cause: spread.CauseJoin, Changed: s.PrivateGroup()}, nil
	}
	for s.left == 0 {
		select {
		case s.left = <-s.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.left--
	s.next = (s.next + 1) % len(s.messages)
	m := s.messages[s.next]
	if s.seq != nil {
		s.renumber(m.Payload)
	}
	return m, nil
}

// sealedBy puts messages into envelopes of some publishers, by turns.
func (s *source) sealedBy(publishers, lines int) {
	s.lines = uint64(lines)
	s.seq = make([]uint64, publishers)
	for i, m := range s.messages {
		m.Payload = []byte(sealed(fmt.Sprintf("web%d", i%publishers), 1, 0, 0, string(m.Payload)))
	}
}

// renumber gives a message the next number of its publisher; who has its line does not look at that any more.
func (s *source) renumber(message []byte) {
	p := s.next % len(s.seq)
	binary.BigEndian.PutUint64(message[envelope.Len("web0")-8:], s.seq[p])
	s.seq[p] += s.lines
}

// Multicast takes acknowledgments.
func (s *source) Multicast(context.Context, spread.Service, int16, []byte, ...string) error {
	return nil
}
func (s *source) Flush(context.Context) error { return nil }

func (s *source) Ready() bool          { return s.left > 0 }
func (s *source) PrivateGroup() string { return "#bench#alpha" }
func (s *source) Close() error         { return nil }
func (s *source) Kill()                {}

// BenchmarkLines is the way of 200-byte lines from a session to the files: all in
// one, each virtual host in its own, and the like.
func BenchmarkLines(b *testing.B) {
	const batch = 20000
	for _, bm := range []struct {
		name   string
		log    Log
		sealed bool
		lines  int // in a message
	}{
		{"file", Log{File: "log"}, false, 1},
		{"rewrite", Log{File: "log", Rewrite: RewriteCommonLog}, false, 1},
		{"vhosts", Log{File: "%{vhost}.log"}, false, 1},
		{"days", Log{File: "%Y/%m/%d/%{vhost}.log"}, false, 1},
		{"envelope", Log{File: "log"}, true, 1},
		{"index", Log{File: "log", Envelope: EnvelopeIndex}, true, 1},
		{"envelope-80", Log{File: "log"}, true, 80},
		{"index-80", Log{File: "log", Envelope: EnvelopeIndex}, true, 80},
	} {
		b.Run(bm.name, func(b *testing.B) {
			src := &source{more: make(chan int, 1)}
			for i := range 100 {
				line := fmt.Sprintf("www%d.example.com 192.0.2.%d - - [10/Oct/2000:13:55:36 -0700] \"GET /x/%d HTTP/1.1\" 200 %d", i, i, i*i, i*997)
				line += strings.Repeat("x", 199-len(line)) + "\n"
				src.messages = append(src.messages, &spread.Message{Sender: "#pub#alpha", Groups: []string{"a"}, Payload: bytes.Repeat([]byte(line), bm.lines)})
			}
			if bm.sealed {
				src.sealedBy(10, bm.lines)
			}
			log := bm.log
			log.Group, log.File = "a", filepath.Join(b.TempDir(), log.File)
			s, err := New(Config{
				Connections: []Connection{{Address: "4803", Logs: []Log{log}}}, StatsInterval: -1,
				Dial: func(context.Context, string, string) (spread.Connection, error) { return src, nil },
			})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			<-s.Ready()
			lines, messages := 0, 0
			drained := func() bool {
				_, bytes := s.writers[0].queue.Waiting()
				return bytes == 0 && int(s.count.messages.Load()) == messages
			}
			b.ReportAllocs()
			b.SetBytes(batch * 200)
			began := time.Now()
			for b.Loop() {
				src.more <- batch / bm.lines
				lines += batch
				messages += batch / bm.lines
				for !drained() {
					runtime.Gosched() // or the queue would overflow
				}
			}
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(lines)/time.Since(began).Seconds(), "lines/s")
			st := s.Stats()
			var written int64
			for _, f := range st.Files {
				written += f.Records
			}
			if written += st.Closed.Records; int(written) != lines {
				b.Errorf("%d lines of %d are written", written, lines)
			}
		})
	}
}

// TestAllocations: a line costs none, be its file one of many.
func TestAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("a sync.Pool loses some of its values on purpose under the race detector")
	}
	dir := t.TempDir()
	for _, l := range []Log{
		{Group: "a", File: filepath.Join(dir, "log")},
		{Group: "a", File: filepath.Join(dir, "indexed"), Envelope: EnvelopeIndex},
		{Group: "a", File: filepath.Join(dir, "%{vhost}/%Y/%m/%d"), Rewrite: RewriteCommonLog, Keep: Keeping{Size: 1 << 40}},
	} {
		s, err := New(Config{Connections: []Connection{{Address: "4803", Logs: []Log{l}}}})
		if err != nil {
			t.Fatal(err)
		}
		src := &spread.Message{Sender: "#pub#alpha", Groups: []string{"a"}, Payload: []byte("www h - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1\n")}
		sealed, seq := l.Envelope == EnvelopeIndex, uint64(0)
		if sealed {
			h := envelope.Header{Publisher: "web"}
			src.Payload = append(h.Append(nil), src.Payload...)
		}
		r := s.newReceiver(0, "4803")
		w, route, err := s.route(&l)
		if err != nil {
			t.Fatal(err)
		}
		r.add(&l, w, route)
		const lines = 1000
		perRun := testing.AllocsPerRun(50, func() {
			for range lines {
				if sealed {
					seq++
					binary.BigEndian.PutUint64(src.Payload[envelope.Len("web")-8:], seq)
				}
				r.message(src)
			}
			r.handOn()
			w.writeAll()
			w.sink.Flush()
		})
		if perRun > lines/100 {
			t.Errorf("%s: %v allocations for %d lines", l.File, perRun, lines)
		}
		if err := s.closeAll(); err != nil {
			t.Error(err)
		}
	}
}
