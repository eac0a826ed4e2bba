package logpub

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// nullSession takes everything and keeps nothing.
type nullSession struct {
	spread.Connection // for the methods that a publisher does not call
	gone              chan struct{}
}

func (nullSession) Multicast(context.Context, spread.Service, int16, []byte, ...string) error {
	return nil
}
func (nullSession) Flush(context.Context) error { return nil }
func (s nullSession) Receive(ctx context.Context) (spread.Event, error) {
	select {
	case <-s.gone:
		return nil, spread.ErrConnectionClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (nullSession) PrivateGroup() string { return "#null#null" }
func (nullSession) Close() error         { return nil }
func (nullSession) Kill()                {}

// accessLog returns n lines of 200 bytes.
func accessLog(n int) []byte {
	line := append(bytes.Repeat([]byte("x"), 199), '\n')
	return bytes.Repeat(line, n)
}

func publishNull(t testing.TB, in []byte) *Publisher {
	p, err := New(Config{
		Groups:    []string{"g"},
		Delivery:  Sent, // nothing comes back
		BlockTime: time.Minute,
		Dial: func(context.Context, string, string) (spread.Connection, error) {
			return nullSession{gone: make(chan struct{})}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context(), bytes.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAllocs: a line costs no allocation.
func TestAllocs(t *testing.T) {
	const lines = 500_000
	in := accessLog(lines)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := publishNull(t, in)
	runtime.ReadMemStats(&after)
	if st := p.Stats(); st.Sent != lines {
		t.Fatalf("stats are %+v", st)
	}
	if n := after.Mallocs - before.Mallocs; n > lines/20 {
		t.Errorf("%d allocations for %d lines", n, lines)
	}
}

// BenchmarkPublish is the way of a line from the reader to the session.
func BenchmarkPublish(b *testing.B) {
	const lines = 100_000
	in := accessLog(lines)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		publishNull(b, in)
	}
	b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkDaemon has a daemon behind it that nobody has joined.
func BenchmarkDaemon(b *testing.B) {
	const lines = 100_000
	in := accessLog(lines)
	address, stop := startDaemon(b, 0)
	defer stop()
	for name, cfg := range map[string]Config{"plain": {Plain: true}, "default": {}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			cfg.Address, cfg.Groups, cfg.BlockTime = address, []string{"g"}, time.Minute
			for b.Loop() {
				p, err := New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Run(b.Context(), bytes.NewReader(in)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
