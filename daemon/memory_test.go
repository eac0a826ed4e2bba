package daemon

import (
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"testing"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// TestSlowBytes: the output of a session is bounded in bytes, not in messages. The log names who
// was disconnected, and what waited.
func TestSlowBytes(t *testing.T) {
	for addr, peer := range []string{`127\.0\.0\.1:\d+`, "local"} {
		cfg := testConfig(t, "alpha", alphaID)
		cfg.Sessions.MaxSessionBytes = 1 << 20
		cfg.Grace = session.None
		log := new(testkit.Output)
		cfg.Log = slog.New(slog.NewTextHandler(log, nil))
		d := start(t, cfg)
		slow := connect(t, d, addr, "slow", wire.FlagMembership)
		slow.join("grp")
		fast := connect(t, d, addr, "fast", 0)
		var b []byte
		for range 100 {
			b = append(b, fast.request(wire.FIFO, make([]byte, 100), "grp")...)
		}
		for d.Stats().Sessions.Ended[session.SessionSlow] == 0 {
			fast.write(b)
		}
		testkit.Wait(t, "the warning", func() bool { return regexp.MustCompile("client does not read").MatchString(log.String()) })
		m := regexp.MustCompile(`level=WARN msg="client does not read, disconnecting it" session=#slow#alpha peer=` + peer +
			` cause="its own limit" waiting_messages=(\d+) waiting_bytes=(\d+)\n`).FindStringSubmatch(log.String())
		if m == nil {
			t.Fatalf("the log does not say who does not read and what waits:\n%s", log)
		}
		messages, _ := strconv.Atoi(m[1])
		bytes, _ := strconv.Atoi(m[2])
		if used := bytes + 128*messages; messages <= 1000 || used < 1<<20-1000 || used > 1<<20+1000 {
			t.Errorf("%d messages and %d bytes waited, want more than 1000 messages that fill 1 MiB", messages, bytes)
		}
		// The name is free again.
		connect(t, d, addr, "slow", 0)
	}
}

// TestMaxMemory: when all messages together take too much memory, the client that has most waiting
// is disconnected, and no other.
func TestMaxMemory(t *testing.T) {
	const bound = 16 << 20
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Sessions.MaxSessionBytes = session.None
	cfg.MaxMemory = bound
	cfg.Grace = session.None
	d := start(t, cfg)
	w := newWitness(t, d)
	pub := connect(t, d, 1, "pub", 0)
	const size = 60_000
	// Nobody of these reads. The first is sent more than the others.
	for i := range 10 {
		c := connect(t, d, 1, fmt.Sprintf("deaf%d", i), wire.FlagMembership)
		c.join(fmt.Sprintf("g%d", i))
	}
	var most int64
	send := func(group string) {
		pub.write(pub.request(wire.FIFO, make([]byte, size), group))
		most = max(most, d.Stats().Memory)
	}
	ended := func() int64 { return d.Stats().Sessions.Ended[session.SessionSlow] }
	for i := 0; ended() == 0; i++ {
		send("g0")
		if i%3 == 0 {
			send("g1")
		}
	}
	if n := ended(); n != 1 {
		t.Errorf("%d clients were disconnected, want 1", n)
	}
	connect(t, d, 0, "deaf0", 0) // The one with most waiting has left.
	// Under a flood for all of them the memory stays within its bound.
	for i := range 2000 {
		send(fmt.Sprintf("g%d", 1+i%9))
		if i%100 == 0 {
			w.check(t, fmt.Sprint(i))
		}
	}
	// What the readers and the inbox hold comes on top for a moment.
	if slack := int64(16 << 20); most > bound+slack {
		t.Errorf("%d bytes were in use, want at most %d and %d", most, bound, slack)
	}
	if ended() < 3 {
		t.Errorf("%d clients were disconnected", ended())
	}
}

// TestMaxMemoryOfSmall: messages without data count with all the memory that they need: the lists of
// queues and, beside large messages, the blocks that they share with these.
func TestMaxMemoryOfSmall(t *testing.T) {
	const (
		bound = 16 << 20
		deaf  = 50
	)
	for _, tt := range []struct {
		name    string
		times   int // in one write
		between int // size of the messages between, which have no receiver
	}{
		{"lists", 100, 0},
		{"blocks", 1, 100_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t, "alpha", alphaID)
			cfg.MaxMemory = bound
			cfg.Grace = session.None
			d := start(t, cfg)
			w := newWitness(t, d)
			for i := range deaf {
				connect(t, d, 1, fmt.Sprintf("deaf%d", i), wire.FlagMembership).join("deaf")
			}
			pub := connect(t, d, 1, "pub", 0)
			var b []byte
			for range tt.times {
				b = append(b, pub.request(wire.FIFO, make([]byte, tt.between), "nobody")...)
				b = append(b, pub.request(wire.FIFO, nil, "deaf")...)
			}
			for d.Stats().Sessions.Ended[session.SessionSlow] < 3 {
				pub.write(b)
				if st := d.Stats(); st.Memory > 2*bound || st.Sessions.Waiting.Messages > bound/40 {
					t.Fatalf("%d bytes in use for %d messages, want at most %d bytes with 40 for each", st.Memory, st.Sessions.Waiting.Messages, bound)
				}
			}
			w.check(t, "beside deaf clients")
		})
	}
}
