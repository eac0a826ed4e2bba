package seal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/internal/topology"
)

// TestVectors: the bytes of sealed datagrams, from fixed keys and boots (sealing §1).
func TestVectors(t *testing.T) {
	var out strings.Builder
	for _, c := range []Cipher{AES, ChaCha} {
		key := testKey(t, 1, c)
		n, err := NewNode(1, Daemon, testRing(t, key), bytes.NewReader([]byte("boot 123")))
		if err == nil {
			err = n.Configure(testTopology(t), testHash)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "key %s\nid %v\n", key.Text(), key.ID())
		for _, to := range []topology.Target{topology.ToDaemon(2), topology.ToTokenPort(2), topology.ToSegment(1)} {
			b, err := n.Seal(nil, to, []byte("head"), []byte(" and body"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%v: \"head and body\"\n%s", to, hex.Dump(b))
		}
		c := control{challenge: nonce{1, 2, 3}, answer: nonce{4, 5}, port: 6543, state: KeyState{InUse: key.ID(), Wanted: 7, Keys: []KeyID{key.ID(), 7}, AcceptsPlain: true}}
		fmt.Fprintf(&out, "control\n%s", hex.Dump(c.bytes()))
	}
	golden.File(t, filepath.Join("testdata", "vectors.txt"), out.String())
}

// FuzzOpen opens whatever arrives, with and without a valid tag.
func FuzzOpen(f *testing.F) {
	w := newRing(f, testRing(f, testKey(f, 1, AES)))
	good := w.seal(1, 2, "some text")
	f.Add(good, false)
	f.Add(good[:Overhead], true)
	f.Add([]byte("\x84\x00\x00\x80"), false)
	c := control{challenge: nonce{1}, state: KeyState{InUse: 1, Keys: []KeyID{1}}}
	f.Add(c.bytes(), true)
	blind.Fuzz(f, func(t *testing.T, b []byte, sealed bool) {
		n := w.nodes[2]
		w.now = w.now.Add(time.Millisecond)
		if sealed { // A daemon that has the key and says anything.
			for _, kind := range []Kind{KindPacket, KindControl, KindMonitorControl} {
				d, err := w.nodes[1].seal(nil, kind, false, 2, b, nil)
				if err != nil {
					t.Fatal(err)
				}
				n.Open(w.now, addrOf(1), DataPort, d)
			}
			n.Sends()
			return
		}
		for _, port := range []Port{DataPort, TokenPort, MonitorPort} {
			if text, r := n.Open(w.now, addrOf(1), port, bytes.Clone(b)); r == Opened && !bytes.Equal(b, good) {
				t.Errorf("opened %q from %x", text, b)
			}
		}
		n.Sends()
		if c := new(control); c.decode(b) && !bytes.Equal(c.bytes(), b) && b[offFlags] < 4 {
			t.Errorf("control %x is written as %x", b, c.bytes())
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range []Cipher{AES, ChaCha} {
		for _, size := range []int{64, 1424} {
			b.Run(fmt.Sprint(c, "/", size), func(b *testing.B) {
				w := newRing(b, testRing(b, testKey(b, 1, c)))
				body, dst := make([]byte, size), make([]byte, 0, size+Overhead)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := w.nodes[1].Seal(dst, topology.ToDaemon(2), nil, body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, c := range []Cipher{AES, ChaCha} {
		for _, size := range []int{64, 1424} {
			b.Run(fmt.Sprint(c, "/", size), func(b *testing.B) {
				w := newRing(b, testRing(b, testKey(b, 1, c)))
				sealed := w.seal(1, 2, strings.Repeat("x", size))
				work := make([]byte, len(sealed))
				s := &w.nodes[2].byID[1].live
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					copy(work, sealed)
					s.window.bits = [len(s.window.bits)]uint64{} // so that it is not a repetition
					if _, r := w.nodes[2].Open(w.now, addrOf(1), DataPort, work); r != Opened {
						b.Fatal(r)
					}
				}
			})
		}
	}
}

// BenchmarkBare is what the algorithms alone cost, in place as BenchmarkSeal and BenchmarkOpen have it:
// no format can cost less.
func BenchmarkBare(b *testing.B) {
	for _, c := range []Cipher{AES, ChaCha} {
		aead, err := testKey(b, 1, c).derive(origin{})
		if err != nil {
			b.Fatal(err)
		}
		header, nonce := make([]byte, HeaderLen), make([]byte, aead.NonceSize())
		for _, size := range []int{64, 1424} {
			text, work := make([]byte, size), make([]byte, 0, size+tagLen)
			sealed := aead.Seal(nil, nonce, text, header)
			b.Run(fmt.Sprint("seal/", c, "/", size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					work = append(work[:0], text...)
					work = aead.Seal(work[:0], nonce, work, header)
				}
			})
			b.Run(fmt.Sprint("open/", c, "/", size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					work = append(work[:0], sealed...)
					if _, err := aead.Open(work[:0], nonce, work, header); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkForged is the cost of a datagram with a boot that was never heard, which attackers can
// send.
func BenchmarkForged(b *testing.B) {
	w := newRing(b, testRing(b, testKey(b, 1, AES)))
	sealed := w.seal(1, 2, "x")
	work := make([]byte, len(sealed))
	for i := 0; b.Loop(); i++ {
		copy(work, sealed)
		work[offBoot+i%8] ^= byte(i>>3) | 1
		if _, r := w.nodes[2].Open(w.now, addrOf(1), DataPort, work); r != Forged {
			b.Fatal(r)
		}
	}
}
