package session

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// TestAdvance: a partly written message counts as one that waits (client-protocol §12.2).
func TestAdvance(t *testing.T) {
	var mem []byte
	sizes := []int{100, 50, 200}
	for _, n := range sizes {
		mem = appendMessage(mem, wire.LittleEndian, 1, n)
	}
	const header = wire.HeaderLen + wire.NameLen
	for _, tt := range []struct {
		writes []int
		done   []int
	}{
		{[]int{1}, []int{0}},
		{[]int{header + 100}, []int{1}},
		{[]int{header + 99, 1}, []int{0, 1}},
		{[]int{header + 101, header + 49, 3}, []int{1, 1, 0}},
		{[]int{header + 100 + header + 50 + 1}, []int{2}},
	} {
		e := entry{block: buf.Wrap(mem), hi: len(mem), msgs: len(sizes)}
		left := len(sizes)
		for i, n := range tt.writes {
			if got := e.advance(n); got != tt.done[i] {
				t.Errorf("writes %v: number %d completes %d messages, want %d", tt.writes, i, got, tt.done[i])
			}
			left -= tt.done[i]
		}
		if e.msgs != left {
			t.Errorf("writes %v: %d messages left, want %d", tt.writes, e.msgs, left)
		}
	}
}

// pair returns the two ends of a connection.
func pair(t testing.TB, network string) (ours, theirs net.Conn) {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	theirs, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}

// TestVectorWriters checks every writer: all bytes arrive in order at a reader that is slower, and
// the writer reports when it is blocked and when it is not any more.
func TestVectorWriters(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for name, newWriter := range map[string]func(net.Conn, func(bool)) vectorWriter{
			"system": func(conn net.Conn, blocked func(bool)) vectorWriter {
				return newVectorWriter(conn, new(sync.Pool), blocked)
			},
			"portable": func(c net.Conn, f func(bool)) vectorWriter { return newPlainWriter(c, f) },
		} {
			t.Run(network+"/"+name, func(t *testing.T) {
				t.Parallel()
				ours, theirs := pair(t, network)
				var list []entry
				var want []byte
				for i := range 300 {
					mem := bytes.Repeat([]byte{byte(i)}, 1+i*97)
					want = append(want, mem...)
					list = append(list, entry{block: buf.Wrap(mem), hi: len(mem), msgs: 1})
				}
				blocked := newFlag()
				w := newWriter(ours, blocked.set)
				go func() {
					for at := 0; at < len(list); {
						n, err := w.write(list[at:])
						if err != nil {
							t.Errorf("writing: %v", err)
							break
						}
						for n > 0 {
							k := min(n, list[at].hi-list[at].lo)
							list[at].lo += k
							if n -= k; list[at].lo == list[at].hi {
								at++
							}
						}
					}
					_ = ours.Close()
				}()
				blocked.wait(t, true)
				got, err := io.ReadAll(theirs)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%d bytes arrive, want %d", len(got), len(want))
				}
				blocked.wait(t, false)
			})
		}
	}
}

// flag is a boolean that a test can wait for.
type flag struct{ ch chan bool }

func newFlag() *flag { return &flag{make(chan bool, 10_000)} }

func (f *flag) set(v bool) { f.ch <- v }

func (f *flag) wait(t testing.TB, want bool) {
	t.Helper()
	limit := time.After(testkit.Patience)
	for {
		select {
		case v := <-f.ch:
			if v == want {
				return
			}
		case <-limit:
			t.Fatalf("waited without success for %v", want)
		}
	}
}

// TestBehind: a session is behind at half its bound, recovers at a quarter, and is refused at the
// bound.
func TestBehind(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Reconfigure(8, Auth{})
			ours, theirs := pair(t, network)
			sess := newSession(s, ours)
			sess.out.start()
			msg := appendMessage(nil, wire.LittleEndian, 1, 100_000)
			enqueue := func() bool {
				return sess.Enqueue(buf.Slice{Block: buf.Wrap(msg), Hi: len(msg)})
			}
			sent := 0
			for !sess.Flush(false) {
				if !enqueue() {
					t.Fatalf("refused after %d messages without a word of being behind", sent)
				}
				sent++
			}
			if !sess.Behind() {
				t.Error("Behind does not agree with Flush")
			}
			for enqueue() {
				sent++
				sess.Flush(false)
			}
			s.sessions[sess.id] = sess
			w := sess.Waiting()
			if size := int64(len(msg)); w.Messages != 8 || w.Bytes <= 7*size || w.Bytes > 8*size {
				t.Errorf("%+v waits for a client at its bound of 8 messages of %d bytes", w, size)
			}
			if st := s.Stats(); st.Waiting != w || st.MaxWaiting != w || st.Behind != 1 || st.Limit != 8 {
				t.Errorf("the server counts %+v, of one session with %+v", st, w)
			}
			if sess.Taken().Blocked == 0 {
				t.Error("a client that does not read has not blocked its writer")
			}
			if _, err := io.CopyN(io.Discard, theirs, int64(sent)*int64(len(msg))); err != nil {
				t.Fatal(err)
			}
			// It may have recovered in between, while the kernel accepted everything.
			limit := time.After(testkit.Patience)
			for sess.Behind() {
				select {
				case <-s.Recovered():
				case <-limit:
					t.Fatal("still behind after everything was read, and nothing is heard of the recovery")
				}
			}
			for sess.Waiting() != (Waiting{}) { // The writer may not have counted yet what was read.
				time.Sleep(time.Millisecond) //house:sleep the writer does not signal this
			}
			if !enqueue() {
				t.Error("refused after everything was read")
			}
			sess.Flush(false)
			sess.Drop(SessionClosed)
			s.running.Wait()
			if got := s.Stats().Ended[SessionClosed]; got != 1 {
				t.Errorf("%d ends, want 1", got)
			}
		})
	}
}

// TestWriterReuses: a writer that runs again and again, as the client of a steady stream has it, allocates nothing.
func TestWriterReuses(t *testing.T) {
	if testkit.Race {
		t.Skip("a sync.Pool loses some of its values on purpose under the race detector")
	}
	s := newServer(t)
	ours, theirs := pair(t, "unix")
	sess := newSession(s, ours)
	sess.out.start()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	msg := appendMessage(nil, wire.LittleEndian, 1, 100)
	block := buf.Wrap(msg)
	const writes = 10
	if n := testing.AllocsPerRun(100, func() {
		for range writes {
			sess.Enqueue(buf.Slice{Block: block, Hi: len(msg)})
			sess.Flush(false)
			for sess.Waiting() != (Waiting{}) {
				runtime.Gosched()
			}
		}
	}); n > writes/2 {
		t.Errorf("%v allocations in %d writes", n, writes)
	}
	sess.Drop(SessionClosed)
	s.running.Wait()
}

// TestCoalesce: messages that lie one after the other in a block are one entry.
func TestCoalesce(t *testing.T) {
	s := newServer(t)
	sess := newSession(s, &stream{})
	var mem []byte
	for range 5 {
		mem = appendMessage(mem, wire.LittleEndian, 1, 10)
	}
	block, size := buf.Wrap(mem), len(mem)/5
	for _, i := range []int{0, 1, 2, 4} {
		sess.Enqueue(buf.Slice{Block: block, Lo: i * size, Hi: (i + 1) * size})
	}
	sess.Enqueue(buf.Slice{Block: buf.Wrap(mem), Lo: 0, Hi: size})
	var got strings.Builder
	for _, e := range sess.out.staged {
		got.WriteString(fmt.Sprintf("%d+%d ", e.lo/size, e.msgs))
	}
	if got.String() != "0+3 4+1 0+1 " {
		t.Errorf("entries %q", got.String())
	}
	if block.Refs() != 3 {
		t.Errorf("%d references, want one for each entry and ours", block.Refs())
	}
	sess.out.forget()
	if block.Refs() != 1 {
		t.Errorf("%d references after all were dropped, want ours", block.Refs())
	}
}

// slowConn is a connection on which writes take longer than stallTime.
type slowConn struct{ net.Conn }

func (slowConn) Write(b []byte) (int, error) {
	time.Sleep(2 * stallTime) //house:sleep the write has to take that long
	return len(b), nil
}

// TestUnblocked: a write that is complete leaves the writer unblocked, even if the goroutine that says
// that it is blocked gets the processor late. The client would otherwise count as slow while it idles.
func TestUnblocked(t *testing.T) {
	var blocked atomic.Bool
	w := newPlainWriter(slowConn{}, func(now bool) {
		if now {
			time.Sleep(10 * stallTime) //house:sleep the call has to come late
		}
		blocked.Store(now)
	})
	for range 3 {
		if n, err := w.send([]byte("a message")); n == 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	time.Sleep(15 * stallTime) //house:sleep nothing reports that a call did not come
	if blocked.Load() {
		t.Error("the writer stays blocked")
	}
}
