package logsub

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// asks is the message with which a publisher announces what its epochs had.
func asks(epochs ...logproto.Epoch) string {
	a := logproto.Ask{Publisher: "web", Number: 1, Epochs: epochs}
	return string(a.Append(nil))
}

// ended is an epoch with one stream, of which the publisher has nothing left.
func ended(epoch, next uint64) logproto.Epoch {
	return logproto.Epoch{Epoch: epoch, Ended: true, Streams: []logproto.Stream{{Kept: next, Next: next}}}
}

// TestUnseenEpoch: a process that started and ended while logsub was away is missed, by the counters and by a
// later comparison, as soon as its successor announces it. What is older than the log is not.
func TestUnseenEpoch(t *testing.T) {
	dir := t.TempDir()
	logs := func() []Log {
		return []Log{{Group: "a", File: filepath.Join(dir, "%{vhost}.log"), Envelope: EnvelopeIndex}}
	}
	started := uint64(0)
	bubble(t, Config{}, logs(), func(f *farm) {
		started = uint64(time.Now().UnixNano())
		f.send(asks(ended(7, 500)), "a") // older than the log
		f.send(sealed("web", started+1, 0, 0, "www one\nwww two\n"), "a")
		if got := read(f.T, filepath.Join(dir, "www.log")); got != "one\ntwo\n" {
			f.Errorf("written: %q", got)
		}
	})
	bubble(t, Config{}, logs(), func(f *farm) {
		f.send(sealed("web", started+3, 0, 2, "www three\n"), "a") // its first two are missing
		told := asks(ended(7, 500), ended(started+1, 5), ended(started+2, 1000))
		f.send(told, "a")
		f.send(told, "a")
		f.send(told, "another group")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 2+3+1000 {
			f.Errorf("missing: %+v", st)
		}
		f.send(sealed("web", started+2, 0, 999, "www late\n"), "a")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 1005 || st.Late != 1 {
			f.Errorf("missing: %+v", st)
		}
		if got := read(f.T, filepath.Join(dir, "www.log")); got != "one\ntwo\nthree\nlate\n" {
			f.Errorf("written: %q", got)
		}
	})
	for range 2 { // also after another start
		sum := verify(t, dir)
		var got strings.Builder
		for _, m := range sum.Missing {
			fmt.Fprintf(&got, "%d: %d-%d ", m.Origin.Epoch-started, m.First, m.Last)
		}
		if got.String() != "3: 0-1 1: 2-4 2: 0-998 " || sum.Lines != 4 || sum.Gone > 0 || len(sum.NoLedger) > 0 {
			t.Errorf("missing %s: %+v", got.String(), sum)
		}
		bubble(t, Config{}, logs(), func(f *farm) {
			f.send(asks(ended(started+2, 1000)), "a")
			if st := f.sub.Stats().Publishers["web"]; st.Missing > 0 {
				f.Errorf("missing again: %+v", st)
			}
		})
	}
}

// TestKeptLines: lines that a publisher can still send are not missing.
func TestKeptLines(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		epoch := uint64(time.Now().UnixNano())
		f.send(sealed("web", epoch, 0, 0, "one\n"), "a")
		f.send(asks(logproto.Epoch{Epoch: epoch, Streams: []logproto.Stream{{Kept: 2, Next: 9}}}), "a")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 1 {
			f.Errorf("missing: %+v", st)
		}
	})
}

// TestPublisherWhileAway: a publisher that starts and ends while the log host is away is missed as soon as the
// next one runs. With delivery written, its lines come.
func TestPublisherWhileAway(t *testing.T) {
	for _, tt := range []struct {
		delivery logpub.Delivery
		missing  int64
	}{{logpub.Ordered, 1000}, {logpub.Written, 0}} {
		t.Run(tt.delivery.String(), func(t *testing.T) { testWhileAway(t, tt.delivery, tt.missing) })
	}
}

func testWhileAway(t *testing.T, delivery logpub.Delivery, lost int64) {
	t.Helper()
	dir := t.TempDir()
	state := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := spreadtest.New("alpha")
		defer d.Close()
		publish := func(n int) {
			t.Helper()
			cfg := logpub.Config{Groups: []string{"a"}, Publisher: "web", State: state, Dial: dialer(d), Delivery: delivery}
			if delivery == logpub.Written {
				cfg.Spool = state
			}
			p, err := logpub.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			r, w := io.Pipe()
			done := make(chan error, 1)
			go func() { done <- p.Run(t.Context(), r) }()
			for range n {
				_, _ = io.WriteString(w, "a line\n")
			}
			time.Sleep(time.Second)
			_ = w.Close()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		subscribe := func() (stop func() Stats) {
			t.Helper()
			sub, err := New(Config{Dial: dialer(d), Connections: []Connection{{
				Address: "4803", Logs: []Log{{Group: "a", File: filepath.Join(dir, "a.log"), Envelope: EnvelopeIndex}},
			}}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- sub.Run(ctx) }()
			<-sub.Ready()
			return func() Stats {
				synctest.Wait()
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				return sub.Stats()
			}
		}
		if delivery == logpub.Ordered {
			publish(7) // older than the log
			time.Sleep(time.Second)
		}
		stop := subscribe()
		time.Sleep(time.Second)
		publish(2000)
		if st := stop().Publishers["web"]; st.Lines != 2000 || st.Missing != 0 {
			t.Errorf("there: %+v", st)
		}
		publish(1000)
		stop = subscribe()
		publish(3)
		if st := stop().Publishers["web"]; st.Lines != 1003-lost || st.Missing-st.Late != lost {
			t.Errorf("after it was away: %+v", st)
		}
	})
	sum := verify(t, dir)
	missing := int64(0)
	for _, m := range sum.Missing {
		missing += int64(m.Last - m.First + 1)
	}
	if sum.Lines != 3003-lost || missing != lost {
		t.Errorf("%d lines missing: %+v", missing, sum)
	}
}
