package logsub

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// TestForgedLines: a member of the group sends lines with the name and the next numbers of a publisher.
// Those of the publisher are all written nevertheless, once if they come again, and the index is right.
func TestForgedLines(t *testing.T) {
	const lines, sent, forged = 4361, 361, 3860
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	bubble(t, Config{StatsInterval: -1}, []Log{{Group: "a", File: path, Envelope: EnvelopeIndex}}, func(f *farm) {
		mallory := newPublisherOf(f.T, dialer(f.daemon), "4803", "mallory")
		defer func() { _ = mallory.conn.Close() }()
		forge := func(seq uint64, lines int) {
			if err := mallory.conn.Multicast(f.Context(), spread.Agreed, 0, []byte(sealed("web", 1, 0, seq, strings.Repeat("forged\n", lines))), "a"); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		send := func(from, to int) {
			var b strings.Builder
			for n := from; n < to; n++ {
				fmt.Fprintf(&b, "GET /%d\n", n)
			}
			f.send(sealed("web", 1, 0, uint64(from), b.String()), "a")
		}
		send(0, sent)
		forge(sent, forged)
		for far := range uint64(20) { // so that what was forged would be forgotten
			forge(8000+far*maxForeignJump, 1)
		}
		send(sent, lines)
		send(lines-500, lines)
		forge(1, 1) // the number of an earlier line
		st := f.sub.Stats().Publishers["web"]
		if taken := int64(sent + forged - (lines - 500)); st.Conflicts != forged+taken+19+1 || st.Repeats != 500 {
			f.Errorf("%+v", st)
		}
		f.wantLog("may forge lines\" publisher=web sender=#mallory#alpha")
	})
	text := read(t, path)
	if n := strings.Count(text, "forged\n"); n != forged+20+1 {
		t.Errorf("%d forged lines", n)
	}
	for n := range lines {
		if line := fmt.Sprintf("GET /%d\n", n); strings.Count(text, line) != 1 {
			t.Fatalf("%q is there %d times", line, strings.Count(text, line))
		}
	}
	if sum := verify(t, dir); sum.Repeats != 0 || sum.Damaged != 0 || sum.Unnamed != 0 {
		t.Errorf("%+v", sum)
	}
}

// TestConflictNoRoom: a line with the number of another line that finds the queue full is not acknowledged,
// and is written and acknowledged when it comes again, whether or not it gets a name.
func TestConflictNoRoom(t *testing.T) {
	for name, known := range map[string]int{"named": 0, "unnamed": maxConflicts} {
		t.Run(name, func(t *testing.T) {
			l := Log{Group: "a", File: filepath.Join(t.TempDir(), "a.log"), Envelope: EnvelopeIndex}
			s, err := New(Config{Connections: []Connection{{Address: "4803", Logs: []Log{l}}}, QueueBytes: 100})
			if err != nil {
				t.Fatal(err)
			}
			r := s.newReceiver(0, "4803")
			w, route, err := s.route(&l)
			if err != nil {
				t.Fatal(err)
			}
			r.add(&l, w, route)
			r.conflicts = known
			receive := func(payload string) {
				r.message(&spread.Message{Sender: "#pub#alpha", Groups: []string{"a"}, Payload: []byte(payload)})
				r.handOn()
			}
			write := func() (acked int) {
				w.writeAll()
				w.flush(nil)
				r.acks.progress()
				for ack, _ := r.acks.reg.Next(); ack != nil; ack, _ = r.acks.reg.Next() {
					acked += len(ack.Receipts)
				}
				return acked
			}
			receive(sealed("web", 1, 0, 0, "one\n"))
			if n := write(); n != 1 {
				t.Fatalf("%d lines are acknowledged", n)
			}
			receive(strings.Repeat("x", 99) + "\n")
			receive(sealed("web", 1, 0, 0, "two\n"))
			if n := write(); n != 0 {
				t.Error("the line is acknowledged, and not written")
			}
			receive(sealed("web", 1, 0, 0, "one\n"))
			for range 2 {
				if known == 0 || write() == 1 {
					receive(sealed("web", 1, 0, 0, "two\n"))
				}
			}
			if write() == 0 {
				t.Error("the line is not acknowledged when it comes again")
			}
			if err := s.closeAll(); err != nil {
				t.Error(err)
			}
			text := read(t, l.File)
			if n := strings.Count(text, "two\n"); n != 1 && known == 0 || n == 0 || strings.Count(text, "one\n") != 1 {
				t.Errorf("the file has %q", text)
			}
		})
	}
}

// TestJump: numbers far ahead count once their sender has gone on there for a second.
func TestJump(t *testing.T) {
	bubble(t, Config{StatsInterval: -1}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		f.send(sealed("web", 1, 0, 0, "a\n"), "a")
		f.send(sealed("web", 1, 0, 1<<40, "b\n"), "a")
		f.send(sealed("web", 1, 0, 1, "c\n"), "a")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 0 || st.Conflicts != 1 {
			f.Errorf("%+v", st)
		}
		<-time.After(2 * time.Second)
		f.send(sealed("web", 1, 0, 1<<40+1, "d\n"), "a")
		f.want("a.log", "a\nb\nc\nd\n")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 1<<40-1 || st.Conflicts != 1 {
			f.Errorf("%+v", st)
		}
	})
}

// TestLineHashes: the contents of the last lines are known, and their number is bounded.
func TestLineHashes(t *testing.T) {
	left := contentsLimit
	var c lineHashes
	hash := func(seq uint64) uint32 { return uint32(seq*7) | 1 }
	seq := uint64(1 << 33)
	for i := range uint64(3 * maxContents) {
		c.set(seq+i, hash(seq+i), &left)
		if known := c.find(seq + i); known != hash(seq+i) {
			t.Fatalf("line %d: %d", i, known)
		}
		if before := min(i, minContents/2); c.find(seq+i-before) != hash(seq+i-before) {
			t.Fatalf("%d before line %d is forgotten", before, i)
		}
	}
	last := seq + 3*maxContents - 1
	if len(c.hashes) != maxContents || left != contentsLimit-maxContents {
		t.Errorf("%d lines, %d left", len(c.hashes), left)
	}
	c.set(last+maxForeignJump, 5, &left)
	if c.find(last-maxForeignJump+1) != hash(last-maxForeignJump+1) || c.find(last+1) != 0 || c.find(last+maxForeignJump) != 5 {
		t.Error("after a jump")
	}
	c.set(last+1, 9, &left)
	if c.find(last+1) != 9 || c.find(seq) != 0 || c.find(last+maxForeignJump+1) != 0 {
		t.Error("a late line")
	}
	left = 0
	var none lineHashes
	if none.set(3, 1, &left); none.find(3) != 0 {
		t.Error("there was no room")
	}
}
