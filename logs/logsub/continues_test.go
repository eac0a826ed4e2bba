package logsub

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/spread"
)

// plainReceiver returns a receiver without a connection, of one log.
func plainReceiver(t *testing.T) *receiver {
	t.Helper()
	l := Log{Group: "a", File: filepath.Join(t.TempDir(), "log")}
	s, err := New(Config{Connections: []Connection{{Address: "4803", Logs: []Log{l}}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.closeAll(); err != nil {
			t.Error(err)
		}
	})
	w, to, err := s.route(&l)
	if err != nil {
		t.Fatal(err)
	}
	r := s.newReceiver(0, "4803")
	r.now = time.Unix(971210136, 0)
	r.add(&l, w, to)
	return r
}

// effects returns what a receiver has collected, and clears it.
func effects(r *receiver) (list []string) {
	for _, it := range r.batches[0].items {
		list = append(list, fmt.Sprintf("%q %d %q", it.stream.key, it.seq, it.payload))
	}
	r.batches[0].items = nil
	for _, a := range r.acks.batch {
		for n := a.sp.First; n <= a.sp.Last; n++ {
			list = append(list, fmt.Sprintf("%s acknowledges %v %d", a.from, *a.origin, n))
		}
	}
	r.acks.batch = nil
	r.countNew()
	return list
}

// TestContinues: lines that are noted together, because they continue their stream, have the same effects as one by one.
func TestContinues(t *testing.T) {
	together, single := plainReceiver(t), plainReceiver(t)
	rnd, next := rand.New(rand.NewPCG(1, 2)), [3]uint64{}
	for range 5000 {
		k, n := rnd.IntN(len(next)), 1+rnd.IntN(4)
		seq, sender, version := next[k], "#lp#a", 0
		switch rnd.IntN(20) {
		case 0:
			seq -= min(seq, rnd.Uint64N(10))
		case 1:
			seq += rnd.Uint64N(10)
		case 2:
			seq += maxJump
		case 3:
			sender = "#other#a"
		case 4:
			seq, version = seq-min(seq, 2), 1
		}
		if seq-next[k] < maxJump {
			next[k] = max(next[k], seq+uint64(n))
		}
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "%d %d\n", seq+uint64(i), version)
		}
		m := &spread.Message{Sender: sender, Groups: []string{"a"}, Payload: []byte(sealed(fmt.Sprint("web", k), 1, 0, seq, text.String()))}
		pause := time.Duration(rnd.IntN(400)) * time.Millisecond
		together.now, single.now = together.now.Add(pause), single.now.Add(pause)
		together.message(m)
		key, first, lines, err := envelope.Split(m.Payload)
		if err != nil {
			t.Fatal(err)
		}
		_, plain := single.targets(m.Groups)
		st := single.streams.find(key, single.now, &single.publishers)
		single.expect(st, m.Groups)
		for line := range bytes.Lines(lines) {
			single.line(st, first, m, line, plain)
			first++
		}
		got, want := effects(together), effects(single)
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Fatalf("lines from %d on of %s:\n%q\nwant\n%q", seq, sender, got, want)
		}
	}
	got, want := make(map[string]PublisherStats), make(map[string]PublisherStats)
	together.publishers.add(got)
	single.publishers.add(want)
	if !maps.Equal(got, want) || got["web0"].Lines == 0 || got["web0"].Conflicts == 0 || got["web0"].Repeats == 0 || got["web0"].Missing == 0 {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
