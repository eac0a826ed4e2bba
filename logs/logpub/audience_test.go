package logpub

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// TestNobodySubscribed: a publisher warns once of groups that nobody has joined, whatever the delivery,
// and says when somebody has.
func TestNobodySubscribed(t *testing.T) {
	const warning = "nobody is subscribed"
	for _, delivery := range []Delivery{Sent, Ordered} {
		t.Run(delivery.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := spreadtest.New("alpha")
				defer d.Close()
				dial := func(ctx context.Context, address, name string) (spread.Connection, error) {
					return spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
				}
				var log testkit.Output
				p, err := New(Config{
					Groups: []string{"g"}, Delivery: delivery, Plain: true, Dial: dial, Log: slog.New(slog.NewTextHandler(&log, nil)),
				})
				if err != nil {
					t.Fatal(err)
				}
				r, w := io.Pipe()
				done := make(chan error, 1)
				go func() { done <- p.Run(t.Context(), r) }()
				send := func(long time.Duration) {
					for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Second) {
						_, _ = io.WriteString(w, "7 bytes\n")
					}
					synctest.Wait()
				}
				send(audienceWait)
				if strings.Contains(log.String(), warning) {
					t.Error("a warning before log hosts could come")
				}
				send(10 * audiencePause)
				if n := strings.Count(log.String(), warning); n != 1 {
					t.Errorf("%d warnings, want 1:\n%s", n, log.String())
				}
				if st := p.Stats(); st.Unsubscribed != 1 || !st.Groups[0].Unsubscribed || st.Waiting > 1 {
					t.Errorf("%+v", st)
				}
				sub, err := dial(t.Context(), "4803", "sub")
				if err != nil {
					t.Fatal(err)
				}
				if err := sub.Join(t.Context(), "g"); err != nil {
					t.Fatal(err)
				}
				send(3 * lonelyPause)
				if !strings.Contains(log.String(), "somebody is subscribed to the groups again") {
					t.Errorf("the log does not say that somebody is there:\n%s", log.String())
				}
				if st := p.Stats(); st.Unsubscribed != 0 || st.Groups[0].Unsubscribed {
					t.Errorf("%+v", st)
				}
				if m := d.Members("g"); len(m) != 1 {
					t.Errorf("members of the group: %v", m)
				}
				sub.Kill()
				_ = w.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestSomebodySubscribed: there is no warning where somebody is, and after an outage of the daemon.
func TestSomebodySubscribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spreadtest.New("alpha")
		defer d.Close()
		dial := func(ctx context.Context, address, name string) (spread.Connection, error) {
			return spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
		}
		var log testkit.Output
		p, err := New(Config{Groups: []string{"g"}, Delivery: Ordered, Dial: dial, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		client, err := spread.NewClient(nil, spread.WithConnect(dial))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Join(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := client.Receive(t.Context()); err != nil {
					return
				}
			}
		}()
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- p.Run(t.Context(), r) }()
		for i := range 30 * 60 {
			_, _ = io.WriteString(w, "a line\n")
			time.Sleep(time.Second)
			switch i % 600 {
			case 300:
				d.SetDown(true)
			case 310:
				d.SetDown(false)
			}
		}
		if strings.Contains(log.String(), "nobody is subscribed") {
			t.Errorf("a false alarm:\n%s", log.String())
		}
		_ = w.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = client.Close()
	})
}
