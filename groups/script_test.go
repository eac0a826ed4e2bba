package groups

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit/script"
	"github.com/spreadd/spreadd/wire"
)

// The commands of the scripts:
//
//	daemons A B C                the configuration; A is this daemon, ids 1, 2, 3
//	transitional LEADER:TIME A B
//	regular LEADER:TIME A B
//	connect NAME [views]         a local session; NAME is short for #NAME#A
//	join|leave|kill NAME [GROUP] NAME may be NAME@DAEMON
//	send NAME FLAGS GROUP...     FLAGS: safe, agreed, agreed-self-discard
//	state
//
// A delivery prints its receivers and the message in wire.Dump's notation.
type interpreter struct {
	t        *testing.T
	m        *Machine
	names    []string // of daemons
	sessions map[SessionID]string
}

func TestScripts(t *testing.T) {
	script.RunFiles(t, "testdata/*.txt", func(t *testing.T) script.Interpreter {
		return &interpreter{t: t, sessions: make(map[SessionID]string)}
	})
}

func (in *interpreter) private(s string) wire.Name {
	name, daemon, ok := strings.Cut(s, "@")
	if !ok {
		daemon = in.names[0]
	}
	return wire.MakeName("#" + name + "#" + daemon)
}

func (in *interpreter) id(s string) (wire.MembershipID, error) {
	leader, at, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(at, 10, 32)
	return wire.MembershipID{Daemon: in.daemon(leader), Time: int32(n)}, err
}

func (in *interpreter) daemon(name string) wire.DaemonID {
	return wire.DaemonID(slices.Index(in.names, name) + 1)
}

func (in *interpreter) daemons(names []string) (ids []wire.DaemonID) {
	for _, n := range names {
		ids = append(ids, in.daemon(n))
	}
	return ids
}

func (in *interpreter) Run(line string) (string, error) {
	f := strings.Fields(line)
	var out Effects
	switch f[0] {
	case "daemons":
		in.names = f[1:]
		cfg := Config{Self: 1}
		for i, n := range in.names {
			cfg.Daemons = append(cfg.Daemons, Daemon{ID: wire.DaemonID(i + 1), Name: n})
		}
		m, err := New(cfg)
		in.m = m
		return "", err
	case "transitional", "regular":
		id, err := in.id(f[1])
		if err != nil {
			return "", err
		}
		if f[0] == "regular" {
			in.m.HandleRegular(id, in.daemons(f[2:]), &out)
		} else {
			in.m.HandleTransitional(id, in.daemons(f[2:]), &out)
		}
	case "connect":
		id := SessionID(len(in.sessions) + 1)
		in.sessions[id] = f[1]
		in.m.Connect(id, in.private(f[1]), len(f) > 2)
	case "join":
		in.deliver(wire.Join, f[1], f[2:], &out)
	case "leave":
		in.deliver(wire.Leave, f[1], f[2:], &out)
	case "kill":
		in.deliver(wire.Kill, f[1], f[2:], &out)
	case "send":
		t, ok := map[string]wire.Type{
			"safe": wire.Safe, "agreed": wire.Agreed, "agreed-self-discard": wire.Agreed | wire.SelfDiscard,
		}[f[2]]
		if !ok {
			return "", fmt.Errorf("flags %q", f[2])
		}
		in.deliver(t, f[1], f[3:], &out)
	case "state":
		return fmt.Sprintf("%v, %d groups\n", in.m.State(), in.m.NumGroups()), nil
	default:
		return "", fmt.Errorf("unknown command")
	}
	if err := in.m.check(); err != nil {
		return "", err
	}
	return in.show(&out), nil
}

func (in *interpreter) deliver(t wire.Type, from string, groups []string, out *Effects) {
	m := wire.Message{Header: wire.Header{Type: t, Sender: in.private(from), Hint: wire.MakeHint(0)}}
	for _, g := range groups {
		name := wire.MakeName(g)
		m.GroupFields = append(m.GroupFields, name[:]...)
	}
	b := m.Append(nil)
	in.m.Deliver(buf.Slice{Block: buf.Wrap(b), Hi: len(b)}, out)
}

func (in *interpreter) show(out *Effects) string {
	var s strings.Builder
	for _, d := range out.Deliveries {
		var to []string
		for _, id := range out.Receivers(d) {
			to = append(to, in.sessions[id])
		}
		fmt.Fprintf(&s, "%s <- %s\n", strings.Join(to, " "), strings.TrimPrefix(wire.Dump(d.Data.Bytes()), "le "))
	}
	for _, id := range out.Ended {
		fmt.Fprintf(&s, "%s ended\n", in.sessions[id])
	}
	for _, n := range out.Refused {
		fmt.Fprintf(&s, "ignored: %v (%s, %q)\n", n.Reason, n.Member, n.Group)
	}
	return s.String()
}

// check reports whether the tables agree with each other (groups-protocol §12, G12).
func (m *Machine) check() error {
	list := slices.Collect(m.byName.all())
	if m.byName.len() != len(list) || !slices.IsSortedFunc(list, compareGroups) {
		return fmt.Errorf("the list of groups is not sorted, or has another length")
	}
	for _, g := range list {
		if m.group(&g.name) != g || len(g.members) == 0 {
			return fmt.Errorf("group %s is not found, or empty", g.name)
		}
		if !slices.IsSortedFunc(g.members, compareMembers) {
			return fmt.Errorf("group %s: members are not in order", g.name)
		}
		for _, p := range g.members {
			if m.clients[p.name] != p {
				return fmt.Errorf("group %s: %s is in no group", g.name, p.name)
			}
			if p.in.get(&g.name) != g {
				return fmt.Errorf("group %s: %s does not know that it is a member", g.name, p.name)
			}
			if p.session != m.sessions[p.name] || (p.session != nil) != (p.rank == m.self) {
				return fmt.Errorf("group %s: the session of %s is gone", g.name, p.name)
			}
		}
		n := 0
		for d := range g.daemons() {
			n += len(d.members)
			if len(g.of(d.rank)) != len(d.members) {
				return fmt.Errorf("group %s: %d members at a daemon, %d found", g.name, len(d.members), len(g.of(d.rank)))
			}
			if d.partitioned && !g.changed {
				return fmt.Errorf("group %s: has lost a daemon and is not changed", g.name)
			}
		}
		if n != len(g.members) {
			return fmt.Errorf("group %s: %d members at daemons, %d in all", g.name, n, len(g.members))
		}
		for _, o := range g.apart() {
			if len(g.of(o.rank)) == 0 {
				return fmt.Errorf("group %s: a daemon without members came from %v", g.name, o.view)
			}
		}
	}
	for _, p := range m.clients { //house:ordered any of them will do
		if p.in.len() == 0 {
			return fmt.Errorf("%s is in no group, and kept", p.name)
		}
		for g := range p.in.all() {
			if m.group(&g.name) != g {
				return fmt.Errorf("a member is in group %s, which is gone", g.name)
			}
		}
	}
	return nil
}

func compareGroups(a, b *group) int { return compareNames(a.name, b.name) }
