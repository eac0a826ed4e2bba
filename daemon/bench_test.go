package daemon

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// BenchmarkDeliver measures one publisher, the daemon, and its subscribers on one machine. An
// operation is one message with a 200-byte line that has reached every subscriber. The clients are
// plain sockets, so that the benchmark measures the daemon. The publisher stays within a window of
// its slowest subscriber. For comparison, copy/… copies the same bytes through one socket.
func BenchmarkDeliver(b *testing.B) {
	for _, network := range []string{"unix", "tcp"} {
		b.Run("copy/"+network, func(b *testing.B) { benchmarkCopy(b, network) })
		for _, subscribers := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/%d", network, subscribers), func(b *testing.B) {
				benchmarkDeliver(b, network, subscribers)
			})
		}
	}
}

const (
	benchLine   = 200
	benchWindow = 8192 // messages in flight
	benchBatch  = 128  // messages in a write
)

func benchMessage(private string) []byte {
	m := wire.Message{
		Header:      wire.Header{Type: wire.Reliable, Sender: wire.MakeName(private), Hint: wire.MakeHint(0)},
		GroupFields: padded("bench"),
		Payload:     bytes.Repeat([]byte("x"), benchLine),
	}
	return m.Append(nil)
}

// benchClient connects and performs the handshake.
func benchClient(b *testing.B, d *Daemon, network, name string) net.Conn {
	b.Helper()
	addr := d.Addrs()[0]
	if network == "unix" {
		addr = d.Addrs()[1]
	}
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	tuneBench(c)
	req := wire.ConnectRequest{Version: wire.OurVersion, Name: []byte(name)}
	if _, err := c.Write(append(req.Append(nil), nullChoice()...)); err != nil {
		b.Fatal(err)
	}
	reply := make([]byte, len("\x05NULL ")+5+len("#"+name+"#alpha"))
	if _, err := io.ReadFull(c, reply); err != nil {
		b.Fatal(err)
	}
	return c
}

func tuneBench(c net.Conn) {
	if u, ok := c.(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	}); ok {
		_ = u.SetReadBuffer(200 << 10)
		_ = u.SetWriteBuffer(200 << 10)
	}
}

func benchmarkDeliver(b *testing.B, network string, subscribers int) {
	cfg := testConfig(b, "alpha", alphaID)
	cfg.Sessions.MaxSessionMessages = 4 * benchWindow
	d := start(b, cfg)
	size := len(benchMessage("#pub#alpha"))
	var wg sync.WaitGroup
	received := make([]atomic.Int64, subscribers)
	target := int64(b.N)
	for i := range subscribers {
		name := fmt.Sprintf("s%d", i)
		c := benchClient(b, d, network, name)
		join := wire.Message{
			Header:      wire.Header{Type: wire.Join, Sender: wire.MakeName("#" + name + "#alpha"), Hint: wire.MakeHint(0)},
			GroupFields: padded("bench"),
		}
		if _, err := c.Write(join.Append(nil)); err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			buf := make([]byte, 256<<10)
			for total := int64(0); total < target*int64(size); {
				n, err := c.Read(buf)
				if err != nil {
					b.Errorf("subscriber %s after %d bytes: %v", name, total, err)
					received[i].Store(target)
					return
				}
				total += int64(n)
				received[i].Store(total / int64(size))
			}
		})
	}
	testkit.Wait(b, "the joins", func() bool { return d.Stats().Submitted[0] == int64(subscribers) })
	pub := benchClient(b, d, network, "pub")
	batch := bytes.Repeat(benchMessage("#pub#alpha"), benchBatch)
	slowest := func() int64 {
		low := target
		for i := range received {
			low = min(low, received[i].Load())
		}
		return low
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for sent := int64(0); sent < target; {
		for sent-slowest() > benchWindow {
			runtime.Gosched()
		}
		n := min(benchBatch, target-sent)
		if _, err := pub.Write(batch[:int(n)*size]); err != nil {
			b.Fatal(err)
		}
		sent += n
	}
	wg.Wait()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	b.SetBytes(int64(size))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/msg")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N), "B/msg")
}

// benchmarkCopy copies the same bytes through one socket.
func benchmarkCopy(b *testing.B, network string) {
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(b.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	out, err := net.Dial(network, l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	tuneBench(out)
	tuneBench(in)
	msg := benchMessage("#pub#alpha")
	batch := bytes.Repeat(msg, benchBatch)
	b.SetBytes(int64(len(msg)))
	b.ResetTimer()
	var wg sync.WaitGroup
	wg.Go(func() {
		w := bufio.NewWriterSize(out, len(batch))
		for range b.N {
			if _, err := w.Write(msg); err != nil {
				b.Error(err)
				break
			}
		}
		_ = w.Flush()
		_ = out.Close()
	})
	buf := make([]byte, 256<<10)
	total := 0
	for {
		n, err := in.Read(buf)
		total += n
		if err != nil {
			break
		}
	}
	wg.Wait()
	b.StopTimer()
	_ = in.Close()
	if total != b.N*len(msg) {
		b.Fatalf("%d bytes arrived, want %d", total, b.N*len(msg))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
