package daemon

import (
	"testing"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/wire"
)

// deviation is a vector for which this daemon intentionally differs from the C daemon. Each is a
// row of docs/operate/compatibility.md.
type deviation struct {
	why  string
	at   int // entries before it are played as captured
	then func(r *replay, entries []vectorEntry)
}

// dropped: the illegal bytes at entry i end the session, and no other.
func dropped(i int) func(*replay, []vectorEntry) {
	return func(r *replay, entries []vectorEntry) {
		r.t.Helper()
		r.send(entries[i].Conn, entries[i].bytes(r.t))
		r.expectEnd(entries[i].Conn)
		if n := r.d.Stats().Sessions.Ended; n[session.SessionIllegal] != 1 {
			r.t.Errorf("%d sessions were dropped for an illegal header, want 1", n[session.SessionIllegal])
		}
	}
}

// ignored: the request at entry i has no effect, and the session continues.
func ignored(i int) func(*replay, []vectorEntry) {
	return func(r *replay, entries []vectorEntry) {
		r.t.Helper()
		r.send(entries[i].Conn, entries[i].bytes(r.t))
		r.expectSilence(entries[i].Conn, "#bad#alpha")
	}
}

// accepted: a handshake that the C daemon refuses succeeds when the rest of it is sent.
func accepted(from int, rest []byte) func(*replay, []vectorEntry) {
	return func(r *replay, entries []vectorEntry) {
		r.t.Helper()
		label := entries[0].Conn
		for _, e := range entries[from:] {
			if e.Dir == "c2d" {
				r.send(label, e.bytes(r.t))
			}
		}
		if rest != nil {
			r.send(label, rest)
		}
		r.expect(-1, label, []byte("\x05NULL "))
		if len(rest) == 0 && entries[0].Note != "connect request" {
			r.send(label, nullChoice())
		}
		r.expect(-1, label, []byte("\x01\x05\x00\x01\x0c#alice#alpha"))
		r.expectSilence(label, "#alice#alpha")
	}
}

func nullChoice() []byte {
	c, _ := wire.MakeMethodChoice(wire.MethodNull)
	return c.Append(nil)
}

var deviations = map[string]deviation{
	"connect-split-after-version": {"a handshake may arrive in any pieces", 0, accepted(0, nullChoice())},
	"reject-pipelined":            {"a handshake may arrive in any pieces", 0, pipelined},
	"reject-auth-split":           {"a handshake may arrive in any pieces", 2, splitChoice},
	"reject-name-short":           {"a name that does not come is waited for, up to the deadline", 0, shortName},
	"connect-flag-values":         {"membership is bit 0 of the flags", 5, flag81},
	"auth-ip-unix":                {"the unix rule of the IP method works", 3, unixRule},
	"crash-exact-100-fragments":   {"one byte more than a C daemon survives", 6, dropped(6)},
	"crash-groups-bit":            {"GROUPS is the daemons' own", 6, dropped(6)},
	"crash-oversize":              {"over the limit of 100 fragments", 6, dropped(6)},
	"reject-bit":                  {"REJECT is the daemon's own", 6, dropped(6)},
	"ok-type-memb-bits":           {"membership messages cannot be forged", 13, dropped(13)},
	"join-empty-name":             {"joins of illegal names are ignored", 13, ignored(13)},
	"join-name-hash":              {"joins of illegal names are ignored", 13, ignored(13)},
	"join-name-with-space":        {"joins of illegal names are ignored", 13, ignored(13)},
	"join-no-groups":              {"a join that names no group is ignored", 6, ignored(6)},
	"groups-44-not-delivered":     {"messages to 44 to 100 groups are delivered", 6, manyGroups},
}

func pipelined(r *replay, entries []vectorEntry) {
	r.t.Helper()
	// The first write contains the request and the choice.
	if _, err := r.conn("a").Write(entries[0].bytes(r.t)); err != nil {
		r.t.Fatal(err)
	}
	r.expect(-1, "a", []byte("\x05NULL "))
	r.expect(-1, "a", []byte("\x01\x05\x00\x01\x0c#alice#alpha"))
	r.expectSilence("a", "#alice#alpha")
}

func splitChoice(r *replay, entries []vectorEntry) {
	r.t.Helper()
	r.send("a", entries[2].bytes(r.t))
	r.send("a", entries[3].bytes(r.t))
	r.expect(-1, "a", []byte("\x01\x05\x00\x01\x0c#alice#alpha"))
	r.expectSilence("a", "#alice#alpha")
}

func shortName(r *replay, entries []vectorEntry) {
	r.t.Helper()
	r.send("a", entries[0].bytes(r.t))
	r.expectEnd("a")
	if n := r.d.Stats().Sessions.Ended[session.HandshakeTimeout]; n != 1 {
		r.t.Errorf("%d handshakes timed out, want 1", n)
	}
}

// flag81: the C daemon treats 0x81 as negative and therefore not as odd.
func flag81(r *replay, entries []vectorEntry) {
	r.t.Helper()
	join := []byte("flags-c81")
	view := wire.Message{
		Header: wire.Header{
			Type: wire.RegularMembership | wire.CausedByJoin, Sender: wire.MakeName(string(join)), Hint: wire.MakeHint(0),
		},
		GroupFields: padded("#c81#alpha"),
	}
	p := wire.Membership{
		ID: wire.GroupID{Daemon: alphaID, Index: 1}, NumSets: 1,
		Sets: wire.AppendSet(nil, wire.LittleEndian, wire.MakeName("#c81#alpha")),
	}
	view.Payload = p.Append(nil, view.Type)
	r.expect(-1, "c81", view.Append(nil))
	r.play(entries[5:])
}

func unixRule(r *replay, entries []vectorEntry) {
	r.t.Helper()
	r.expect(-1, "a", []byte("\x01\x05\x00\x01"))
}

func manyGroups(r *replay, entries []vectorEntry) {
	r.t.Helper()
	r.send("a", entries[6].bytes(r.t))
	r.expect(6, "a", entries[6].bytes(r.t))
	r.play(entries[7:])
}

// TestDeviationsAreReasoned: each deviation has a reason.
func TestDeviationsAreReasoned(t *testing.T) {
	for name, d := range deviations {
		if d.why == "" {
			t.Errorf("%s: no reason", name)
		}
	}
}
