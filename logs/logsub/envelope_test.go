package logsub

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread"
)

// sealed is a message with lines from a number on.
func sealed(publisher string, epoch uint64, streamNumber uint32, seq uint64, lines string) string {
	h := envelope.Header{Publisher: publisher, Epoch: epoch, Stream: streamNumber, Seq: seq}
	return string(append(h.Append(nil), lines...))
}

// TestEnvelopes: envelopes are taken off, lines that come again are dropped, in whatever
// message and order, and gaps are counted and logged.
func TestEnvelopes(t *testing.T) {
	logs := []Log{{Group: "a", File: "a.log"}, {Group: "a", File: "raw.log", Envelope: EnvelopeRaw}, {Group: "b", File: "%{vhost}.log"}}
	bubble(t, Config{StatsInterval: -1}, logs, func(f *farm) {
		first := sealed("web1", 1, 0, 0, "one\n")
		f.send(first, "a")
		f.send(first, "a")
		f.want("raw.log", first+first)
		f.send(sealed("web1", 1, 0, 1, "two\nthree\nfour\n"), "a")
		f.send(sealed("web2", 1, 0, 0, "other\n"), "a")          // another publisher,
		f.send(sealed("web1", 2, 0, 0, "new\n"), "a")            // another life,
		f.send(sealed("web1", 1, 1, 0, "www1 both\n"), "a", "b") // and another stream
		f.send("plain\n", "a")
		f.send("\xffLC\x01\x7fa control message", "a")
		f.send("\xffLC\x7fof a later version", "a", "b")
		f.send(sealed("web1", 1, 0, 3, "four\nfive\n"), "a")
		f.send(sealed("web1", 1, 0, 9, "ten\n"), "a")
		f.send(sealed("web1", 1, 0, 5, "six\nseven\n"), "a") // after all
		f.send(sealed("web1", 1, 0, 5, "six\n"), "a")
		f.want("a.log", "one\ntwo\nthree\nfour\nother\nnew\nwww1 both\nplain\nfive\nten\nsix\nseven\n")
		f.want("www1.log", "both\n")

		st := f.sub.Stats()
		want := map[string]PublisherStats{"web1": {Lines: 10, Repeats: 3, Missing: 4, Late: 2}, "web2": {Lines: 1}}
		if fmt.Sprint(st.Publishers) != fmt.Sprint(want) {
			f.Errorf("counters are %v, want %v", st.Publishers, want)
		}
		if st.Dropped["repeat"] != 3 {
			f.Errorf("dropped: %v", st.Dropped)
		}
		f.wantLog("lines of a publisher are missing\" publisher=web1 lines=4 epoch=1 stream=0 first=5 last=8")

		// Gaps are logged once a minute for each publisher.
		for seq := uint64(20); seq < 100; seq += 10 {
			f.send(sealed("web1", 1, 0, seq, "x\n"), "a")
		}
		f.send(sealed("web2", 1, 0, 2, "x\n"), "a")
		f.wantLog("publisher=web2 lines=1 ")
		<-time.After(gapInterval)
		f.send(sealed("web1", 1, 0, 100, "x\n"), "a")
		f.wantLog("publisher=web1 lines=82 ")
		if n := strings.Count(f.log.String(), "are missing\" publisher=web1"); n != 2 {
			f.Errorf("told %d times", n)
		}
		if err := f.end(); err != nil {
			f.Error(err)
		}
		f.wantLog(" missing=85 ")
	})
}

// TestBadEnvelopes: what cannot be read is dropped and counted, and nothing of it is
// in the file.
func TestBadEnvelopes(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		good := sealed("web", 1, 0, 0, "x\n")
		f.send(good[:3]+"\x02"+good[4:], "a")
		f.send(good[:len(good)-1], "a")
		f.send(strings.Replace(good, "web", "w b", 1), "a")
		f.send("\xff no envelope\n", "a")
		f.want("a.log", "\xff no envelope\n")
		if n := f.sub.Stats().Dropped["bad_envelope"]; n != 3 {
			f.Errorf("%d dropped", n)
		}
		f.wantLog("a newer logsub may be able to\" error=\"unknown version of envelope\" sender=#pub#alpha groups=[a]")
		if n := strings.Count(f.log.String(), "may be able"); n != 1 {
			f.Errorf("told %d times", n)
		}
	})
}

// TestLongLines: the limit is for a line, not for a message with several of them.
func TestLongLines(t *testing.T) {
	bubble(t, Config{BufferSize: 5}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		f.send(sealed("web", 1, 0, 0, "1234\n12345\n1\n"), "a")
		f.want("a.log", "1234\n1\n")
		if n := f.sub.Stats().Dropped["too_long"]; n != 1 {
			f.Errorf("%d dropped", n)
		}
	})
}

// TestStreamsBound: the number of streams and of counters is bounded, whatever comes.
func TestStreamsBound(t *testing.T) {
	var ss streams
	var ps publishers
	ss.limit = 100
	now := time.Unix(0, 0)
	for i := range 3 * maxPublishers {
		o := envelope.Origin{Publisher: fmt.Sprint("p", i)}
		now = now.Add(time.Second)
		if s := ss.find([]byte(o.Key()), now, &ps); s.from != o {
			t.Fatalf("found %+v", s.from)
		}
		o = envelope.Origin{Publisher: "p0"}
		if s := ss.find([]byte(o.Key()), now, &ps); i > 0 {
			s.have.Add(uint64(i))
			if len(s.have.Spans()) != 1 || s.have.Spans()[0].First != 1 {
				t.Fatalf("it was forgotten, though it is in use: %v", s.have.Spans())
			}
		}
	}
	if len(ss.byKey) > 100 || len(ps.byName) != maxPublishers+1 || ps.byName[OtherPublishers] == nil {
		t.Errorf("%d streams, %d publishers", len(ss.byKey), len(ps.byName))
	}
}

// unsure is a publisher's session that ends now and then when all has been sent, without
// a word about it.
type unsure struct {
	spread.Connection
	flushes *int
}

func (u *unsure) Flush(ctx context.Context) error {
	err := u.Connection.Flush(ctx)
	if *u.flushes++; *u.flushes%5 == 0 {
		u.Kill()
		return io.ErrUnexpectedEOF
	}
	return err
}

// TestPublisherReconnects: a logpub that cannot know whether lines have arrived sends them again; each
// is written once, in order.
func TestPublisherReconnects(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		flushes := 0
		p, err := logpub.New(logpub.Config{
			Groups: []string{"a"}, Publisher: "web", Delivery: logpub.Sent,
			Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
				c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithDialer(f.daemon.Dial))
				return &unsure{c, &flushes}, err
			},
		})
		if err != nil {
			f.Fatal(err)
		}
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- p.Run(f.Context(), r) }()
		var want strings.Builder
		for i := range 100 {
			lines := fmt.Sprintf("line %d\nagain\n", i)
			want.WriteString(lines)
			if _, err := io.WriteString(w, lines); err != nil {
				f.Fatal(err)
			}
			<-time.After(time.Second)
		}
		_ = w.Close()
		if err := <-done; err != nil {
			f.Error(err)
		}
		synctest.Wait()
		f.want("a.log", want.String())
		if n := f.sub.Stats().Publishers["web"].Repeats; n < 20 || n != p.Stats().Resent {
			f.Errorf("%d repeats, %d lines sent again", n, p.Stats().Resent)
		}
	})
}
