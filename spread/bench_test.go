package spread

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
)

const benchPayload = 200

// BenchmarkMulticast sends messages of 200 bytes through a UNIX socket to a
// peer that only reads.
func BenchmarkMulticast(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), benchPayload)
	for _, senders := range []int{1, 4} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			c := dialThrough(b, dialUnix(b, accepted(sink)))
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			b.SetParallelism(senders) // a goroutine for each of GOMAXPROCS, times this
			b.ResetTimer()
			if senders == 1 {
				for range b.N {
					if err := c.Multicast(ctx, Reliable, 1, payload, "coolsite"); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := c.Multicast(ctx, Reliable, 1, payload, "coolsite"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			if err := c.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// sink reads as fast as it can.
func sink(nc net.Conn) {
	buf := make([]byte, 256<<10)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
	}
}

// flood writes messages of 200 bytes as fast as it can.
func flood(nc net.Conn) {
	one := data("#ap1#alpha", string(bytes.Repeat([]byte("x"), benchPayload)), "coolsite")
	many := bytes.Repeat(one, (128<<10)/len(one))
	for {
		if _, err := nc.Write(many); err != nil {
			return
		}
	}
}

// BenchmarkReceive receives messages of 200 bytes through a UNIX socket.
func BenchmarkReceive(b *testing.B) {
	for _, into := range []bool{false, true} {
		b.Run(fmt.Sprintf("into=%t", into), func(b *testing.B) {
			c := dialThrough(b, dialUnix(b, accepted(flood)))
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			var m Message
			for b.Loop() {
				var err error
				if into {
					_, err = c.ReceiveInto(ctx, &m)
				} else {
					_, err = c.Receive(ctx)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSocketCopy is what the benchmarks above compare with: the same
// bytes through the same kind of socket, and nothing else.
func BenchmarkSocketCopy(b *testing.B) {
	one := data("#ap1#alpha", string(make([]byte, benchPayload)), "coolsite")
	nc, err := dialUnix(b, flood)(b.Context(), "", "")
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	b.SetBytes(benchPayload)
	b.ResetTimer()
	if _, err := io.CopyN(struct{ io.Writer }{io.Discard}, nc, int64(b.N*len(one))); err != nil {
		b.Fatal(err)
	}
}
