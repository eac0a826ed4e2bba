package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

func mustOpen(t *testing.T, cfg Config) *Queue {
	t.Helper()
	q, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// puts adds numbered lines.
func puts(q *Queue, from, to int) (accepted int) {
	at := time.Unix(971210136, 5)
	for i := from; i < to; i++ {
		if q.Put(&Entry{Line: fmt.Appendf(nil, "line %d\n", i), Group: "g", Sender: "#pub#web1", VHost: []byte("www"), Time: at, Came: at.Add(time.Second)}) {
			accepted++
		}
	}
	return accepted
}

// takeAll acknowledges all there is after Finish, and returns the lines.
func takeAll(t *testing.T, q *Queue) []string {
	t.Helper()
	var lines []string
	err := q.Deliver(t.Context(), func(_ context.Context, b *Batch) error {
		for i, e := range b.Entries() {
			lines = append(lines, string(e.Line))
			b.Ack(i + 1)
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// wantLines wants the lines with the numbers from to to-1, in order.
func wantLines(t *testing.T, lines []string, from, to int) {
	t.Helper()
	if len(lines) != to-from {
		t.Errorf("%d lines, want %d", len(lines), to-from)
	}
	for i, l := range lines {
		if want := fmt.Sprintf("line %d\n", from+i); l != want {
			t.Fatalf("line %d is %q, want %q", i, l, want)
		}
	}
}

func TestInOrder(t *testing.T) {
	q := mustOpen(t, Config{BatchLines: 7})
	puts(q, 0, 100)
	b, err := q.Next(t.Context())
	if err != nil || b.Len() != 7 || b.First() != 1 || b.Epoch() == 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	for i, e := range b.Entries() {
		if i != 0 {
			t.Fatalf("the first is %d", i)
		}
		want := Entry{Line: []byte("line 0\n"), Group: "g", Sender: "#pub#web1", VHost: []byte("www"), Time: time.Unix(971210136, 5).UTC(), Came: time.Unix(971210137, 5).UTC()}
		if string(e.Line) != string(want.Line) || e.Group != want.Group || e.Sender != want.Sender || string(e.VHost) != string(want.VHost) || !e.Time.Equal(want.Time) || !e.Came.Equal(want.Came) {
			t.Errorf("got %+v, want %+v", e, want)
		}
		break
	}
	b.Ack(3)
	if again, _ := q.Next(t.Context()); again != b || b.Acked() != 3 {
		t.Error("a batch that is not done does not come again")
	}
	q.Finish()
	wantLines(t, takeAll(t, q), 3, 100)
	if _, err := q.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if st := q.Stats(); st.Put != 100 || st.Delivered != 100 || st.Lost() != 0 || st.WaitingBytes != 0 {
		t.Errorf("counters are %+v", st)
	}
}

// TestBatches: lines wait for others as long as they may, and no longer.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := mustOpen(t, Config{BatchDelay: 200 * time.Millisecond, BatchLines: 10})
		began := time.Now()
		puts(q, 0, 3)
		go func() {
			<-time.After(100 * time.Millisecond)
			puts(q, 3, 5)
		}()
		b, err := q.Next(t.Context())
		if err != nil || b.Len() != 5 || time.Since(began) != 200*time.Millisecond {
			t.Fatalf("%d lines after %v, %v", b.Len(), time.Since(began), err)
		}
		b.Ack(5)
		began = time.Now()
		puts(q, 5, 15)
		if b, err = q.Next(t.Context()); err != nil || b.Len() != 10 || time.Since(began) != 0 {
			t.Fatalf("a full batch: %d lines after %v, %v", b.Len(), time.Since(began), err)
		}
		b.Ack(10)
		puts(q, 15, 17)
		q.Finish()
		if b, err = q.Next(t.Context()); err != nil || b.Len() != 2 || time.Since(began) != 0 {
			t.Fatalf("at the end: %v", err)
		}
	})
}

func TestMemoryBound(t *testing.T) {
	const limit = 100 << 10
	q := mustOpen(t, Config{LimitBytes: limit})
	n := puts(q, 0, 10000)
	st := q.Stats()
	if n == 10000 || n < 1000 || st.Dropped["queue_full"] != int64(10000-n) || st.WaitingBytes > limit {
		t.Errorf("%d lines accepted, counters are %+v", n, st)
	}
	q.Finish()
	wantLines(t, takeAll(t, q), 0, n) // the newest were dropped
	if q.Put(&Entry{Line: make([]byte, 2*limit)}) != true {
		t.Error("a line above the limit does not even fit into an empty queue")
	}
	if q.Put(&Entry{Line: make([]byte, spool.MaxRecord)}) || q.Stats().Dropped["too_long"] != 1 {
		t.Error("a line that no spool could take is taken")
	}
	var lost *LostError
	if err := q.Close(); !errors.As(err, &lost) || lost.Lines != 1 || q.Stats().Dropped["at_end"] != 1 {
		t.Errorf("Close: %v", err)
	}
}

// TestSpool: what waits goes to the disk, at its time, and comes back in order; what comes meanwhile
// stands behind it.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := mustOpen(t, Config{Spool: dir, BatchLines: 10})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go q.Run(ctx)
		puts(q, 0, 25)
		b, err := q.Next(ctx) // the sink has it, and goes away
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(DefaultSpoolAfter / 2)
		if st := q.Stats(); st.Spooled != 0 {
			t.Errorf("too early: %+v", st)
		}
		<-time.After(DefaultSpoolAfter)
		synctest.Wait()
		if st := q.Stats(); st.Spooled != 25 || st.SpoolLines != 25 {
			t.Errorf("after a while: %+v", st)
		}
		puts(q, 25, 40)
		b.Ack(4)
		<-time.After(2 * DefaultSpoolAfter)
		puts(q, 40, 50)
		q.Finish()
		wantLines(t, takeAll(t, q), 4, 50)
		cancel()
		synctest.Wait()
		if st := q.Stats(); st.SpoolLines != 0 || st.Delivered != 50 || st.WaitingBytes != 0 {
			t.Errorf("at the end: %+v", st)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRestart: what is left at the end, or was there when the process was killed, comes first in the
// next one, with the places it had; what was acknowledged does not come again.
func TestRestart(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for _, onDisk := range []bool{false, true} {
			if killed && !onDisk {
				continue // that is lost
			}
			t.Run(fmt.Sprintf("killed %v, on disk %v", killed, onDisk), func(t *testing.T) {
				dir := t.TempDir()
				q := mustOpen(t, Config{Spool: dir, BatchLines: 10, SpoolAfter: time.Nanosecond})
				puts(q, 0, 25)
				b, err := q.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b.Ack(2)
				if onDisk {
					if _, err := q.saveDue(0); err != nil {
						t.Fatal(err)
					}
				}
				b.Ack(3)
				epoch := b.Epoch()
				if killed {
					// What the kernel had stays, but for the lock.
					old := dir
					dir = t.TempDir()
					if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
						t.Fatal(err)
					}
				} else if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				for start := range 2 { // it is the same at the second start
					q = mustOpen(t, Config{Spool: dir, BatchLines: 10})
					if n := q.Stats().Recovered; n < 25+5*int64(start)-3 || n > 25+5*int64(start) {
						t.Errorf("%d lines found", n)
					}
					if b, err = q.Next(t.Context()); err != nil || b.Epoch() != epoch || b.First() != 1 || b.Acked() != 3 {
						t.Fatalf("%+v, %v", b, err)
					}
					puts(q, 25, 30)
					q.Finish()
					if err := q.Close(); err != nil {
						t.Error(err)
					}
				}
				q = mustOpen(t, Config{Spool: dir})
				q.Finish()
				lines := takeAll(t, q)
				wantLines(t, lines[:27], 3, 30)
				wantLines(t, lines[27:], 25, 30)
				if err := q.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestDeliverPauses: a sink that fails is asked again, ever more seldom, and goes on where it was.
func TestDeliverPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := mustOpen(t, Config{})
		puts(q, 0, 10)
		q.Finish()
		var lines []string
		var at []time.Duration
		began := time.Now()
		idles := 0
		err := q.Deliver(t.Context(), func(_ context.Context, b *Batch) error {
			at = append(at, time.Since(began).Round(time.Millisecond))
			for i, e := range b.Entries() {
				if len(at) < 5 && i == 3 {
					if len(at) == 4 {
						q.Interrupt()
					}
					return errors.New("away")
				}
				lines = append(lines, string(e.Line))
				b.Ack(i + 1)
			}
			return nil
		}, func(context.Context) { idles++ })
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, lines, 0, 10)
		if got := fmt.Sprint(at); got != "[0s 100ms 300ms 700ms 700ms]" || idles != 1 {
			t.Errorf("it was asked at %s, and %d times interrupted", got, idles)
		}
	})
}

// TestConcurrent: one puts, one saves, one takes; nothing is lost or comes twice.
func TestConcurrent(t *testing.T) {
	q := mustOpen(t, Config{Spool: t.TempDir(), BatchLines: 5, SpoolAfter: time.Nanosecond, LimitBytes: 20 << 10})
	ctx, cancel := context.WithCancel(t.Context())
	var wg, saver sync.WaitGroup
	saver.Go(func() { q.Run(ctx) })
	const lines = 20000
	wg.Go(func() {
		for i := range lines {
			for puts(q, i, i+1) == 0 {
				time.Sleep(time.Millisecond) //house:sleep until there is room
			}
		}
		q.Finish()
	})
	got := takeAll(t, q)
	wg.Wait()
	cancel()
	saver.Wait()
	wantLines(t, got, 0, lines)
	if st := q.Stats(); st.Spooled == 0 || st.Delivered != lines {
		t.Errorf("counters are %+v", st)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}

// TestPutAllocations: a line costs none.
func TestPutAllocations(t *testing.T) {
	q := mustOpen(t, Config{})
	e := &Entry{Line: []byte("h - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1\n"), Group: "g", Sender: "#pub#web1", Time: time.Unix(1, 0), Came: time.Unix(2, 0)}
	const lines = 1000
	if n := testing.AllocsPerRun(50, func() {
		for range lines {
			q.Put(e)
		}
		b, err := q.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for b != nil {
			for range b.Entries() {
			}
			b.Ack(b.Len())
			b, _ = q.nextBatch()
		}
	}); n > lines/20 {
		t.Errorf("%v allocations for %d lines", n, lines)
	}
}

// TestVersion1: blocks in spools of the first version, whose entries have no function, are still read.
func TestVersion1(t *testing.T) {
	block := appendHeader(nil, 7, 1)
	block[0] = blockVersion1
	for _, text := range []string{"line\n", "g", "#pub#web1", "www"} {
		block = append(binary.AppendUvarint(block, uint64(len(text))), text...)
	}
	block = appendTime(appendTime(block, time.Unix(1, 2)), time.Unix(-1, 0))
	var decoded Block
	if err := (entryFormat{}).decode(&decoded, spool.Record{ID: 1, Lines: 1, Data: block}, 0); err != nil {
		t.Fatal(err)
	}
	for _, e := range newBatch(nil, &decoded).Entries() {
		if string(e.Line) != "line\n" || e.Group != "g" || e.Sender != "#pub#web1" || string(e.VHost) != "www" || e.Function != "" || !e.Time.Equal(time.Unix(1, 2)) || !e.Came.Equal(time.Unix(-1, 0)) {
			t.Errorf("read as %+v", e)
		}
	}
}

// FuzzEntries: what is taken for a block of entries has as many as it should.
func FuzzEntries(f *testing.F) {
	block := appendHeader(nil, 7, 1)
	block = appendEntry(block, &Entry{Line: []byte("line\n"), Group: "g", Sender: "#pub#web1", VHost: []byte("www"), Time: time.Unix(1, 2), Came: time.Unix(-1, 0)})
	f.Add(block, 1)        // as it should be
	f.Add(block[:20], 1)   // torn
	f.Add([]byte{3, 0}, 0) // of another version
	f.Add(block, 2)        // a line too few
	blind.Fuzz(f, func(t *testing.T, data []byte, lines int) {
		var block Block
		if (entryFormat{}).decode(&block, spool.Record{ID: 1 << 40, Lines: lines, Data: data}, 0) != nil {
			return
		}
		b := newBatch(nil, &block)
		again := appendHeader(nil, b.Epoch(), b.First())
		n := 0
		for _, e := range b.Entries() {
			again = appendEntry(again, e)
			n++
		}
		if n != lines || checkEntries(again, lines) != nil {
			t.Errorf("%d lines of %d", n, lines)
		}
	})
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) count(text string) int { return strings.Count(l.String(), text) }
