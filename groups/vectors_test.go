package groups

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// vector is a recorded conversation between clients and C daemons.
type vector struct {
	Connections map[string]string
	Messages    []struct{ Conn, Dir, Hex, Event, Note string }
}

func loadVector(t *testing.T, name string) *vector {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "wire", "testdata", "client", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	v := new(vector)
	if err := json.Unmarshal(src, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *vector) bytes(t *testing.T, i int) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Messages[i].Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// id returns the membership in the id of the next view with the given type and number of members,
// from message i on.
func (v *vector) id(t *testing.T, i int, typ wire.Type, members int32) wire.MembershipID {
	t.Helper()
	for ; i < len(v.Messages); i++ {
		var m wire.Message
		var p wire.Membership
		if v.Messages[i].Dir != "d2c" || !strings.HasPrefix(v.Messages[i].Note, "message") {
			continue
		}
		if _, err := m.Decode(v.bytes(t, i)); err != nil {
			t.Fatal(err)
		}
		if m.Type == typ && m.NumGroups == members {
			if err := p.Decode(m.Type, m.ByteOrder, m.Payload); err != nil {
				t.Fatal(err)
			}
			return membershipOf(p.ID)
		}
	}
	t.Fatalf("no view of type %v of %d members", typ, members)
	return wire.MembershipID{}
}

// TestClientVectors replays the vectors with several daemons: our daemons send each client what its
// C daemon sent, in the same order. The daemons' own memberships are not in the vectors; they are
// inserted where their effects show.
func TestClientVectors(t *testing.T) {
	const alpha, beta, gamma = 0, 1, 2
	network := wire.RegularMembership | wire.CausedByNetwork
	// A change happens before the message with the given type and number of groups, to or from a
	// client.
	type change struct {
		dir    string
		typ    wire.Type
		groups int32
		make   func(c *cluster, v *vector, i int)
	}
	tests := []struct {
		name    string
		changes []change
	}{
		{"membership-network-crash", []change{
			{"d2c", wire.Transitional, 0, func(c *cluster, v *vector, i int) {
				c.crash(gamma)
				c.form(c.plan(v.id(t, i, network, 4), alpha, beta))
			}},
		}},
		{"membership-partition-merge", []change{
			{"d2c", wire.Transitional, 0, func(c *cluster, v *vector, i int) {
				c.form(c.plan(v.id(t, i, network, 2), alpha, beta))
			}},
			{"d2c", network, 4, func(c *cluster, v *vector, i int) {
				c.form(c.plan(v.id(t, i, network, 4), alpha, beta, gamma))
			}},
		}},
		{"membership-merge-order", []change{
			{"d2c", wire.Transitional, 0, func(c *cluster, v *vector, i int) {
				c.form(c.plan(v.id(t, i, network, 2), alpha, gamma))
			}},
			{"d2c", network, 3, func(c *cluster, v *vector, i int) {
				c.form(c.plan(v.id(t, i, network, 3), alpha, beta, gamma))
			}},
		}},
		{"daemon-merge-no-group-change", []change{
			{"d2c", wire.Safe, 1, func(c *cluster, v *vector, i int) {
				c.crash(gamma)
				c.form(c.plan(wire.MembershipID{Daemon: 7, Time: 50}, alpha, beta))
				c.run()
				c.startAs(vectorConfig(gamma), gamma)
				c.form(c.plan(wire.MembershipID{Daemon: 7, Time: 60}, alpha, beta, gamma))
			}},
		}},
		{"two-daemons", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := loadVector(t, tt.name)
			c := newCluster(t, "alpha", "beta", "gamma")
			for rank := range c.names {
				c.startAs(vectorConfig(rank), rank)
			}
			c.form(c.plan(v.id(t, 0, wire.RegularMembership|wire.CausedByJoin, 1), alpha, beta, gamma))
			c.run()
			clients := make(map[string]*client)
			want := make(map[string][]string)
			changes := tt.changes
			for i, m := range v.Messages {
				daemon := c.nodes[slices.IndexFunc(c.names, func(n string) bool {
					return strings.Contains(v.Connections[m.Conn]+" ", "of "+n+" ") || strings.Contains(v.Connections[m.Conn], "of "+n+",")
				})]
				if m.Note == "connect request" {
					clients[m.Conn] = daemon.connect(m.Conn, v.bytes(t, i)[3]&1 != 0)
				}
				if cl := clients[m.Conn]; m.Dir == "c2d" && m.Event != "" && !cl.killed {
					cl.killed = true // the daemon does it for a client that is gone
					daemon.request(wire.Kill|wire.Safe, cl.name)
					c.run()
				}
				if !strings.HasPrefix(m.Note, "message") {
					continue
				}
				b := v.bytes(t, i)
				var h wire.Header
				if err := h.Decode(b); err != nil {
					t.Fatal(err)
				}
				if len(changes) > 0 && changes[0].dir == m.Dir && changes[0].typ == h.Type && changes[0].groups == h.NumGroups {
					changes[0].make(c, v, i)
					changes = changes[1:]
					c.run()
				}
				if m.Dir == "c2d" {
					clients[m.Conn].killed = h.Type&wire.Kill != 0
					daemon.users = append(daemon.users, &entry{maker: daemon, data: b})
					c.run()
					continue
				}
				want[m.Conn] = append(want[m.Conn], wire.Dump(b))
			}
			if len(changes) > 0 {
				t.Fatalf("%d changes of the membership did not take place", len(changes))
			}
			for conn, cl := range clients {
				var got []string
				for _, e := range cl.events {
					got = append(got, wire.Dump(e.data))
				}
				if !slices.Equal(got, want[conn]) {
					t.Errorf("%s got\n%s\nwant\n%s", conn, strings.Join(got, "\n"), strings.Join(want[conn], "\n"))
				}
			}
		})
	}
}

func vectorConfig(rank int) Config {
	daemons := []Daemon{{2936723249, "alpha"}, {1210674471, "beta"}, {2743746477, "gamma"}}
	return Config{Self: daemons[rank].ID, Daemons: daemons}
}
