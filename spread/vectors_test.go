package spread

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/wire"
)

// vector is a recorded exchange between clients and the C daemon.
type vector struct {
	Name     string
	Source   string
	Messages []struct{ Conn, Dir, Hex, Note, Event string }
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	vectors := make([]vector, len(files))
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &vectors[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return vectors
}

// conns returns the labels of the connections, sorted.
func (v *vector) conns() []string {
	var labels []string
	for _, m := range v.Messages {
		if !slices.Contains(labels, m.Conn) {
			labels = append(labels, m.Conn)
		}
	}
	slices.Sort(labels)
	return labels
}

// units returns the protocol units of one connection and direction.
func (v *vector) units(t testing.TB, conn, dir string) [][]byte {
	t.Helper()
	var units [][]byte
	for _, m := range v.Messages {
		if m.Conn == conn && m.Dir == dir && m.Hex != "" {
			b, err := hex.DecodeString(m.Hex)
			if err != nil {
				t.Fatal(err)
			}
			units = append(units, b)
		}
	}
	return units
}

// play is a daemon that says b whatever it hears, and then closes.
func play(t testing.TB, b []byte) dialFunc {
	return dialPipe(t, func(nc net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, nc) }()
		_, _ = nc.Write(b)
	})
}

// vectorOptions are those with which the client of a vector got through the
// handshake, where the defaults do not.
func vectorOptions(name string) []Option {
	switch {
	case strings.HasPrefix(name, "auth-pword"):
		return []Option{WithAuth(PasswordAuth("alice", "secret"))}
	case name == "auth-two-methods":
		return []Option{WithAuth(NullAuth(), IPAuth())}
	case strings.HasPrefix(name, "auth-ip"):
		return []Option{WithAuth(IPAuth())}
	default:
		return nil
	}
}

// TestVectorsReceive plays what the C daemon said to each client of each
// vector, and compares what the library makes of it with a golden file.
func TestVectorsReceive(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			var got strings.Builder
			for _, conn := range v.conns() {
				stream := slices.Concat(v.units(t, conn, "d2c")...)
				fmt.Fprintf(&got, "== %s\n%s", conn, receiveAll(t, play(t, stream), vectorOptions(v.Name)...))
			}
			golden.File(t, filepath.Join("testdata/vectors", v.Name+".golden"), got.String())
		})
	}
}

// receiveAll dials and receives to the end, and says all in words.
func receiveAll(t testing.TB, dial dialFunc, opts ...Option) string {
	t.Helper()
	var s strings.Builder
	c, err := Dial(t.Context(), "", append(opts, WithDialer(dial))...)
	if err != nil {
		return err.Error() + "\n"
	}
	defer c.Kill()
	fmt.Fprintf(&s, "connected as %s to version %v\n", c.PrivateGroup(), c.DaemonVersion())
	for e, err := range c.Events(t.Context()) {
		if err != nil {
			fmt.Fprintf(&s, "%v\n", err)
			continue
		}
		s.WriteString(describe(e))
	}
	return s.String()
}

// describe says an event in words, every field of it.
func describe(e Event) string {
	var s strings.Builder
	switch e := e.(type) {
	case *Message:
		fmt.Fprintf(&s, "message %v from %s to %q type %d", e.Service, e.Sender, e.Groups, e.Type)
		if e.SelfDiscard {
			s.WriteString(" self-discard")
		}
		if e.EndianMismatch {
			s.WriteString(" endian-mismatch")
		}
		if len(e.Payload) > 80 {
			fmt.Fprintf(&s, " payload of %d bytes", len(e.Payload))
		} else {
			fmt.Fprintf(&s, " %q", e.Payload)
		}
	case *Membership:
		fmt.Fprintf(&s, "membership of %s: %v, id %v, members %q, own index %d", e.Group, e.Cause, e.ID, e.Members, e.Index)
		if e.Changed != "" {
			fmt.Fprintf(&s, ", changed %s", e.Changed)
		}
		for _, set := range e.Sets {
			fmt.Fprintf(&s, "\n  set %q own %t", set.Members, set.Own)
		}
	case *Rejected:
		fmt.Fprintf(&s, "rejected %v, old type %#x: %s", e.Request, e.OldType, describe(&e.Message))
		return s.String()
	case *Notice:
		fmt.Fprintf(&s, "notice %v: %q, took %v, lost %d, %d of %d bytes wait", e.Kind, e.Text, e.Took, e.Lost, e.Waiting, e.Limit)
	case *Unknown:
		fmt.Fprintf(&s, "unknown %#x from %s to %q type %d %q", e.Kind, e.Sender, e.Groups, e.Type, e.Payload)
	}
	return s.String() + "\n"
}

// TestVectorsSend makes, for each client that used the C library, the calls
// that this one made, and compares the bytes.
func TestVectorsSend(t *testing.T) {
	const ours = "C client library 5.0.1"
	clients := 0
	for _, v := range loadVectors(t) {
		if !strings.HasPrefix(v.Source, ours) {
			continue
		}
		for _, conn := range v.conns() {
			clients++
			t.Run(v.Name+"/"+conn, func(t *testing.T) {
				said, heard := v.units(t, conn, "c2d"), v.units(t, conn, "d2c")
				got, want := callAgain(t, said, heard)
				if !bytes.Equal(got, want) {
					t.Errorf("sent\n%x\nwant\n%x", got, want)
				}
			})
		}
	}
	if clients < 40 {
		t.Errorf("only %d clients of the C library found", clients)
	}
}

// callAgain makes the calls that lead to the units said, and returns the
// bytes that left and those that should have.
func callAgain(t *testing.T, said, heard [][]byte) (got, want []byte) {
	var request wire.ConnectRequest
	if _, err := request.Decode(said[0]); err != nil {
		t.Fatal(err)
	}
	sent := make(chan []byte, 1)
	dial := dialPipe(t, func(nc net.Conn) {
		go func() {
			for _, unit := range heard[:min(2, len(heard))] {
				_, _ = nc.Write(unit)
			}
		}()
		sent <- readUntilKill(nc)
	})
	c, err := Dial(t.Context(), "", WithDialer(dial),
		WithName(string(request.Name)),
		WithMembership(request.Flags&wire.FlagMembership != 0),
		WithPriority(request.Flags&wire.FlagPriority != 0))
	if err != nil {
		if len(heard) > 1 || CodeOf(err) != Code(heard[0][0]) {
			t.Fatal(err)
		}
		return <-sent, said[0]
	}
	closed := false
	want = slices.Concat(said[:2]...)
	for _, unit := range said[2:] {
		var m wire.Message
		if _, err := m.Decode(unit); err != nil {
			t.Fatal(err)
		}
		if m.Type&wire.DropRecv != 0 {
			continue // a flag of the C library's receive call, which has no place in ours
		}
		var groups []string
		for _, g := range m.Groups() {
			*g = g.Clean() // the C library leaves stale bytes there, in disconnect requests
			groups = append(groups, g.String())
		}
		want = append(want, unit...)
		var err error
		switch {
		case m.Type == wire.Join:
			err = c.Join(t.Context(), groups[0])
		case m.Type == wire.Leave:
			err = c.Leave(t.Context(), groups[0])
		case m.Type == wire.Kill:
			closed, err = true, c.Close()
		default:
			err = c.Multicast(t.Context(), Service(m.Type), m.Hint.MessType(), m.Payload, groups...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !closed { // the client of the vector just went away
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Kill()
	}
	return <-sent, want
}

// readUntilKill reads what a client says, up to and with a disconnect request,
// which is the moment at which a daemon closes.
func readUntilKill(nc net.Conn) []byte {
	var said []byte
	b := make([]byte, 4096)
	for {
		n, err := nc.Read(b)
		said = append(said, b[:n]...)
		at := len(said) - wire.HeaderLen - wire.NameLen
		if err != nil || at >= 0 && wire.TypeOf(said[at:]) == wire.Kill {
			return said
		}
	}
}

// TestExplicitSend holds literal bytes of the C library against literal calls,
// so that the test above cannot be right by translating wrongly twice.
func TestExplicitSend(t *testing.T) {
	const (
		from = "23616c69636523616c7068610000000000000000000000000000000000000000"
		grp  = "6772700000000000000000000000000000000000000000000000000000000000"
		own  = from // as a target
	)
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		call func(c *Conn) error
		want string
	}{
		{"join", func(c *Conn) error { return c.Join(ctx, "grp") }, "80000180" + from + "010000008000008000000000" + grp},
		{"leave", func(c *Conn) error { return c.Leave(ctx, "grp") }, "80000280" + from + "010000008000008000000000" + grp},
		{"close", func(c *Conn) error { return c.Close() }, "80000480" + from + "010000008000008000000000" + own},
		{
			"self discard",
			func(c *Conn) error { return c.Multicast(ctx, Safe|SelfDiscard, 1, []byte("discard"), "grp") },
			"e0000080" + from + "010000008001008007000000" + grp + "64697363617264",
		},
		{
			"negative type",
			func(c *Conn) error { return c.Multicast(ctx, FIFO, -2, []byte("m"), "grp") },
			"84000080" + from + "0100000080feff8001000000" + grp + "6d",
		},
		{
			"no groups, no payload",
			func(c *Conn) error { return c.Multicast(ctx, Unreliable, 0x1234, nil) },
			"81000080" + from + "000000008034128000000000",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := make(chan []byte, 1)
			c := dialAccepted(t, func(nc net.Conn) {
				sent <- readUntilKill(nc)
			})
			if err := tt.call(c); err != nil {
				t.Fatal(err)
			}
			if err := c.Flush(ctx); err != nil && !errors.Is(err, ErrIllegalSession) {
				t.Fatal(err)
			}
			c.Kill()
			if got := hex.EncodeToString(<-sent); got != tt.want {
				t.Errorf("sent\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
