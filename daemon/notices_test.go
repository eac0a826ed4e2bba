package daemon_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// noticed is a ring of two whose clients understand notices.
type noticed struct {
	t   *testing.T
	ctx context.Context
	log *testkit.Output
	all []*localring.Daemon
}

func newNoticed(t *testing.T) *noticed {
	t.Helper()
	n := &noticed{t: t, log: new(testkit.Output)}
	r, err := localring.New(t.Context(), localring.Config{
		Names: []string{"alpha", "beta"},
		Log:   slog.New(slog.NewTextHandler(n.log, nil)),
		Change: func(_ string, cfg *daemon.Config) {
			cfg.Linger = time.Second
			cfg.Sessions.MaxSessionBytes = 8 << 20
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	var cancel context.CancelFunc
	n.ctx, cancel = context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(cancel)
	if n.all, err = r.StartAll(n.ctx); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *noticed) dial(opts ...spread.Option) *spread.Conn {
	n.t.Helper()
	c, err := spread.Dial(n.ctx, n.all[0].Address(), append(opts, spread.WithMembership(true))...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(c.Kill)
	return c
}

// sync waits until the daemon has read everything that a client has sent.
func (n *noticed) sync(c *spread.Conn) {
	n.t.Helper()
	if err := c.Multicast(n.ctx, spread.Agreed, 77, nil, c.PrivateGroup()); err != nil {
		n.t.Fatal(err)
	}
	if m, ok := n.receive(c).(*spread.Message); !ok || m.Type != 77 {
		n.t.Fatalf("got %+v, want the own message", m)
	}
}

func (n *noticed) receive(c *spread.Conn) spread.Event {
	n.t.Helper()
	e, err := c.Receive(n.ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// TestNoticeOfChange: a client that has asked for notices learns who has left the ring and why, and
// why its session ends; another does not.
func TestNoticeOfChange(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	asks, other := n.dial(spread.WithNotices(true)), n.dial()
	n.sync(asks)
	n.sync(other)
	if err := n.all[1].Stop(); err != nil {
		t.Fatal(err)
	}
	notice, ok := n.receive(asks).(*spread.Notice)
	if !ok || notice.Kind != spread.NoticeChange || !strings.HasPrefix(notice.Text, "beta left: stopped in order, ") {
		t.Errorf("got %+v, want a notice that beta has left", notice)
	}
	n.sync(other) // It has got nothing else.
	if err := n.all[0].Stop(); err != nil {
		t.Fatal(err)
	}
	if notice, ok := n.receive(asks).(*spread.Notice); !ok || notice.Kind != spread.NoticeEnding || !strings.Contains(notice.Text, "it stops") {
		t.Errorf("got %+v, want a notice of the end", notice)
	}
	if _, err := asks.Receive(n.ctx); err == nil || !strings.Contains(err.Error(), "it stops") {
		t.Errorf("the error %v does not say why the session has ended", err)
	}
	if _, err := other.Receive(n.ctx); err == nil || strings.Contains(err.Error(), "it stops") {
		t.Errorf("the error %v of a client that has not asked", err)
	}
}

// TestNoticeOfSlowness: a client that is about to be disconnected gets a notice ahead of what waits for it,
// between whole messages, and the log names it.
func TestNoticeOfSlowness(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	reader := n.dial(spread.WithNotices(true), spread.WithName("reader"))
	n.sync(reader)
	if err := reader.Join(n.ctx, "busy"); err != nil {
		t.Fatal(err)
	}
	if m, ok := n.receive(reader).(*spread.Membership); !ok {
		t.Fatalf("got %+v, want a membership", m)
	}
	writer := n.dial()
	sent := 0
	testkit.Wait(t, "the daemon to warn", func() bool {
		payload := make([]byte, 3000)
		for range 20 {
			binary.LittleEndian.PutUint32(payload, uint32(sent))
			if err := writer.Multicast(n.ctx, spread.Reliable, 1, payload, "busy"); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if err := writer.Flush(n.ctx); err != nil {
			t.Fatal(err)
		}
		return n.all[0].Stats().Sessions.Warned == 1
	})
	if st := n.all[0].Stats().Sessions; st.NearlyFull != 1 {
		t.Errorf("%d sessions are nearly full", st.NearlyFull)
	}
	n.log.Wait(t, `msg="client is about to be disconnected because it does not read" on=alpha session=#reader#alpha peer=127.0.0.1:`)
	noticed := -1
	for next := 0; next < sent; {
		switch e := n.receive(reader).(type) {
		case *spread.Message:
			if got := int(binary.LittleEndian.Uint32(e.Payload)); got != next {
				t.Fatalf("message %d, want %d", got, next)
			}
			next++
		case *spread.Notice:
			if e.Kind != spread.NoticeSlow || e.Limit != 8<<20 || e.Waiting < 7<<20 || !strings.Contains(e.Text, "about to be disconnected") {
				t.Errorf("notice %+v", e)
			}
			noticed = next
		}
	}
	if noticed < 0 || noticed > sent*3/4 {
		t.Errorf("noticed after %d of %d messages", noticed, sent)
	}
	testkit.Wait(t, "the session to recover", func() bool { return n.all[0].Stats().Sessions.NearlyFull == 0 })
	n.sync(reader)
}

// TestNoticeOfIllegalHeader: a client learns that it is disconnected for what it has sent.
func TestNoticeOfIllegalHeader(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	var raw net.Conn
	c := n.dial(spread.WithNotices(true), spread.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		raw, err = new(net.Dialer).DialContext(ctx, network, address)
		return raw, err
	}))
	n.sync(c)
	if _, err := raw.Write(make([]byte, 48)); err != nil {
		t.Fatal(err)
	}
	if notice, ok := n.receive(c).(*spread.Notice); !ok || notice.Kind != spread.NoticeEnding || !strings.Contains(notice.Text, "forbids") {
		t.Errorf("got %+v, want a notice of the end", notice)
	}
}
