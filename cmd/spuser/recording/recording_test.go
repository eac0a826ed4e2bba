package recording

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/spread"
)

// host makes the recording of one member.
type host struct{ Recording }

func (h *host) add(e spread.Event) *host {
	h.Events = append(h.Events, Of(e))
	return h
}

func (h *host) view(group string, n uint32, cause spread.Cause, members ...string) *host {
	return h.add(&spread.Membership{Group: group, Cause: cause, ID: spread.GroupID{Daemon: 1, Time: 2, Index: n}, Members: members})
}

func (h *host) say(service spread.Service, texts ...string) *host {
	for _, text := range texts {
		h.add(&spread.Message{Service: service, Sender: "#s#d", Groups: []string{"g"}, Payload: []byte(text)})
	}
	return h
}

func record(name string) *host {
	h := &host{Recording{Name: name}}
	return h.add(&spread.Connected{PrivateGroup: "#r#" + name})
}

// begun are two recorders that see each other join.
func begun() (a, b *host) {
	a = record("a").view("g", 1, spread.CauseJoin, "a").say(spread.Agreed, "early").view("g", 2, spread.CauseJoin, "a", "b").say(spread.Agreed, "one")
	b = record("b").view("g", 2, spread.CauseJoin, "a", "b").say(spread.Agreed, "one")
	return a, b
}

func TestCompare(t *testing.T) {
	const again = " again"
	for _, test := range []struct {
		name string
		more func(a, b *host)
		want string // messages and views that agree, and the partings
	}{
		{"agree", func(a, b *host) {}, "1 1 []"},
		{"one ends earlier", func(a, b *host) { a.say(spread.Agreed, "two", "three") }, "1 1 []"},
		{"a signal has no place in the order", func(a, b *host) {
			a.add(&spread.Membership{Group: "g", Cause: spread.Transitional}).say(spread.Safe, "two")
			b.say(spread.Safe, "two").add(&spread.Membership{Group: "g", Cause: spread.Transitional})
		}, "2 1 []"},
		{"a message of its own private group", func(a, b *host) {
			a.add(&spread.Message{Groups: []string{"#r#a"}})
			a.say(spread.Agreed, "two")
			b.say(spread.Agreed, "two")
		}, "2 1 []"},
		{"order", func(a, b *host) {
			a.say(spread.Agreed, "two", "three")
			b.say(spread.Agreed, "three", "two")
		}, "1 1 [order]"},
		{"missing", func(a, b *host) {
			a.say(spread.Agreed, "two", "three")
			b.say(spread.Agreed, "three")
		}, "1 1 [missing]"},
		{"another payload", func(a, b *host) {
			a.say(spread.Agreed, "two")
			b.say(spread.Agreed, "twO")
		}, "1 1 [missing]"},
		{"split and merge", func(a, b *host) {
			a.view("g", 3, spread.CauseNetwork, "a").say(spread.Agreed, "x", "y").view("g", 9, spread.CauseNetwork, "a", "b").say(spread.Agreed, "last")
			b.view("g", 4, spread.CauseNetwork, "b").say(spread.Agreed, "z").view("g", 9, spread.CauseNetwork, "a", "b").say(spread.Agreed, "last")
		}, "2 2 [split 2:1" + again + "]"},
		{"split for good", func(a, b *host) {
			a.view("g", 3, spread.CauseNetwork, "a").say(spread.Agreed, "x")
			b.view("g", 4, spread.CauseNetwork, "b")
		}, "1 1 [split 1:0]"},
		{"gap", func(a, b *host) {
			a.add(&spread.Disconnected{Err: errors.New("gone")}).view("g", 4, spread.CauseJoin, "a", "b").say(spread.Agreed, "last")
			b.view("g", 3, spread.CauseDisconnect, "b").say(spread.Agreed, "z").view("g", 4, spread.CauseJoin, "a", "b").say(spread.Agreed, "last")
		}, "2 2 [gap 0:1" + again + "]"},
	} {
		a, b := begun()
		test.more(a, b)
		r, err := Compare(&a.Recording, &b.Recording)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var partings []string
		for _, p := range r.Partings {
			text := string(p.Kind)
			if p.Kind == Split || p.Kind == Gap {
				text += fmt.Sprintf(" %d:%d", p.OnlyA, p.OnlyB)
			}
			if p.Again != nil {
				text += again
			}
			partings = append(partings, text)
		}
		if got := fmt.Sprint(r.Messages, " ", r.Views, " ", partings); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	a, _ := begun()
	for _, other := range []*host{record("c"), record("c").view("h", 1, spread.CauseJoin, "c"), record("c").view("g", 77, spread.CauseJoin, "c")} {
		if r, err := Compare(&a.Recording, &other.Recording); err == nil {
			t.Errorf("nothing in common, and %+v", r)
		}
	}
}

// TestSeveralGroups: a group counts from the view on that both have.
func TestSeveralGroups(t *testing.T) {
	both := func(h *host, groups ...string) {
		h.add(&spread.Message{Service: spread.Agreed, Sender: "#s#d", Groups: groups, Payload: []byte("x")})
	}
	a, b := begun()
	a.view("h", 1, spread.CauseJoin, "a")
	both(a, "h") // b has not joined h
	both(a, "g", "h")
	both(b, "g", "h")
	a.view("h", 2, spread.CauseJoin, "a", "b")
	b.view("h", 2, spread.CauseJoin, "a", "b")
	both(a, "h")
	both(b, "h")
	r, err := Compare(&a.Recording, &b.Recording)
	if err != nil || !r.Agree() || r.Messages != 3 || r.Views != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRead(t *testing.T) {
	var file bytes.Buffer
	w := NewEncoder(&file)
	a, _ := begun()
	a.Events = append([]Event{Header([]string{"g"})}, a.Events...)
	for _, e := range a.Events {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	text := file.String()
	for _, cut := range []string{"", `{"event":"mess`} {
		rec, err := Read("file", strings.NewReader(text+cut))
		if err != nil || len(rec.Events) != len(a.Events) || rec.Daemon() != "a" || rec.Events[3].Line() != 4 {
			t.Errorf("%d events, %v", len(rec.Events), err)
		}
	}
	for bad, want := range map[string]string{
		"":                                 "no events",
		"hello\n":                          "line 1: not an event of a recording: ",
		`{"a":1}`:                          `no field "event"`,
		text + "x\n" + text:                "line 7: not an event",
		`{"event":"recording","format":2}`: "recorded by a newer spuser (format 2",
	} {
		if _, err := Read("file", strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", bad, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"event":"membership","group":"g","id":[1,2,3],"members":["a"]}`+"\n"), []byte(`{"event":"message","groups":["g"],"payload":"x"}`))
	blind.Fuzz(f, func(t *testing.T, a, b []byte) {
		x, errX := Read("a", bytes.NewReader(a))
		y, errY := Read("b", bytes.NewReader(b))
		if errX != nil || errY != nil {
			return
		}
		if r, err := Compare(x, y); err == nil && r.Agree() != (len(r.Partings) == 0) {
			t.Errorf("%+v", r)
		}
		if r, err := Compare(x, x); err == nil && !r.Agree() {
			for _, p := range r.Partings {
				if p.Kind != Gap {
					t.Errorf("a recording differs from itself: %s", p.Kind)
				}
			}
		}
	})
}
