package perlsink

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// kinds shows what a queue holds: capital what was sent.
func (q *queue) kinds() string {
	var s strings.Builder
	for i, f := range q.frames {
		text := fmt.Sprintf("%c%s ", f[4], f[len(f)-1:])
		if i < q.sent {
			text = strings.ToUpper(text)
		}
		s.WriteString(text)
	}
	return strings.TrimSpace(s.String())
}

func TestQueue(t *testing.T) {
	q := newQueue(1000)
	message := func(text string) []byte { return messageFrame(0, "", "", []byte(text)) }
	want := func(kinds string) {
		t.Helper()
		if got := q.kinds(); got != kinds {
			t.Errorf("holds %q, want %q", got, kinds)
		}
	}
	for _, text := range []string{"a", "b", "c"} {
		if !q.put(message(text)) {
			t.Fatal("no room")
		}
	}
	chunk := q.take(nil)
	if string(chunk) != string(message("a"))+string(message("b"))+string(message("c")) {
		t.Errorf("took %q", chunk)
	}
	q.put(message("d"))
	q.urge(appendFrame(nil, frameReopen, ""))
	want("MA MB MC hh Md")
	q.begin()
	if kind, ok := q.done(true); kind != frameMessage || !ok {
		t.Errorf("removed %c", kind)
	}
	q.take(nil)
	want("MB MC HH MD")
	// What was under way is not repeated, nor is the request of one that has ended.
	if !q.unsend() {
		t.Error("nothing was under way")
	}
	want("Mc Md")
	q.take(nil)
	if q.unsend() {
		t.Error("something was under way")
	}
	want("Mc Md")
	if n, bytes, since := q.waiting(); n != 2 || bytes != 2*(len(message("c"))+frameCost) || !since.IsZero() {
		t.Errorf("%d frames, %d bytes, since %v", n, bytes, since)
	}
	if n := q.drop(); n != 2 || q.bytes != 0 {
		t.Errorf("dropped %d, left %d bytes", n, q.bytes)
	}
	if _, ok := q.done(false); ok {
		t.Error("an answer without a frame")
	}
}

// TestQueueBound: the queue holds its limit and no more, but for one message of any length.
func TestQueueBound(t *testing.T) {
	cost := len(messageFrame(0, "s", "g", nil)) + frameCost
	q := newQueue(10 * cost)
	for i := range 20 {
		if ok := q.put(messageFrame(0, "s", "g", nil)); ok != (i < 10) {
			t.Errorf("message %d: %v", i, ok)
		}
	}
	q.drop()
	if !q.put(messageFrame(0, "s", "g", make([]byte, 100*cost))) || q.put(messageFrame(0, "s", "g", nil)) {
		t.Error("a long message fits, and then no other")
	}
}

// TestTake: no more is taken at a time than makes sense.
func TestTake(t *testing.T) {
	q := newQueue(1 << 30)
	for range 10 {
		q.put(messageFrame(0, "s", "g", make([]byte, chunkBytes/2)))
	}
	if b := q.take(nil); len(b) > 2*chunkBytes || q.sent != 2 {
		t.Errorf("took %d bytes, %d frames", len(b), q.sent)
	}
}

func TestOutput(t *testing.T) {
	var s said
	o := &output{tell: s.line, interval: time.Hour}
	write := func(text string) {
		t.Helper()
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Error(n, err)
		}
	}
	write("one\ntw")
	write("o\r\n\n\nthree")
	if got := o.finish(); got != "three" || o.finish() != "" {
		t.Errorf("the last line was %q", got)
	}
	write(strings.Repeat("x", outputLine+1) + "\n")
	for range 30 {
		write("more\n")
	}
	want := "one\ntwo\nthree\n" + strings.Repeat("x", outputLine) + strings.Repeat("\nmore", outputLines-4) + "\n"
	if got := s.String(); got != want {
		t.Errorf("told %q", got)
	}
	o.tick(time.Now().Add(2 * time.Hour))
	if got := s.String(); got != strings.TrimSuffix(want, "\n")+"\n(14 more lines)\n" {
		t.Errorf("told %q", got)
	}
}

// TestAnswers: a helper that answers what it was not asked is not believed.
func TestAnswers(t *testing.T) {
	for _, text := range []string{"d", "Rd", "R?", "?", "RBD"} {
		h := &Helper{queue: newQueue(1000)}
		p := &process{h: h, ready: make(chan struct{})}
		if _, err := p.Write([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
