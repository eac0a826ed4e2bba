package groups

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/script"
	"github.com/spreadd/spreadd/wire"
)

// The commands of the scripts of several daemons:
//
//	daemons A B C           the configuration, ids 1, 2, 3
//	properties              from here on, check those of groups-protocol §12
//	big A                   A's messages are big-endian from here on
//	start A B               new daemons, without a ring
//	crash A
//	form TIME A B [A.lost=N,... A.before=N]
//	                        these form a ring. Of the messages in the order of the
//	                        ring in which A was, counted from 1, those lost are delivered to
//	                        nobody who comes out of it, and those up to before ahead of
//	                        the transitional membership
//	install TIME A          one that was to install with the last form and did not
//	connect NAME@A [views]
//	join|leave|kill NAME@A [GROUP]
//	send NAME@A GROUP...    AGREED
//	state A GROUP...        a GROUPS message with the present id, as if A had made it,
//	                        that has these groups without members
//	hold                    from here on, messages wait in the queues
//	put A                   one of A's goes into the order
//	stray A                 one of A's clients' messages does, gates or not
//	next A                  one more is delivered to A
//	run                     no longer hold
//	tables
//
// Daemons named again behind "but" wait for install.
type several struct {
	t      *testing.T
	c      *cluster
	p      *properties // nil unless they are checked
	hold   bool
	forms  map[string]*formation
	byName map[string]*client
	out    strings.Builder
}

func TestSeveralDaemons(t *testing.T) {
	script.RunFiles(t, "testdata/several/*.txt", func(t *testing.T) script.Interpreter {
		return &several{t: t, forms: make(map[string]*formation), byName: make(map[string]*client)}
	})
}

// step prints the effects of a machine other than deliveries.
func (s *several) step(n *node, what string, e *entry) {
	if s.p != nil {
		s.p.step(n, what, e)
	}
	for _, note := range n.out.Refused {
		fmt.Fprintf(&s.out, "%s ignored: %v (%s, %q)\n", n.name(), note.Reason, note.Member, note.Group)
	}
	for _, o := range n.out.RingCommands {
		if o.Kind == SendState {
			fmt.Fprintf(&s.out, "%s tells %s\n", n.name(), s.c.stateText(o.State))
			continue
		}
		fmt.Fprintf(&s.out, "%s %v\n", n.name(), o.Kind)
	}
	for _, id := range n.out.Ended {
		fmt.Fprintf(&s.out, "%s ended\n", n.clients[id].name)
	}
}

func (s *several) received(c *client, r *received) {
	if s.p != nil {
		s.p.received(c, r)
	}
	fmt.Fprintf(&s.out, "%s <- %s\n", c.name, strings.TrimPrefix(wire.Dump(r.data), "le "))
}

// stateText returns a GROUPS message in one line.
func (c *cluster) stateText(b []byte) string {
	var m wire.Message
	var st wire.GroupState
	if _, err := m.Decode(b); err != nil {
		return err.Error()
	}
	if err := st.Decode(&m); err != nil {
		return err.Error()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "for %d in %v:", st.NumSynced, st.Membership)
	for _, id := range st.Synced.All() {
		fmt.Fprintf(&out, " %s", c.names[id-1])
	}
	for g := range st.Groups() {
		fmt.Fprintf(&out, "; %s (%v)", g.Name, g.ID)
		if g.Changed {
			out.WriteString(" changed")
		}
		for d := range g.Daemons() {
			fmt.Fprintf(&out, " %s %v", c.names[d.Daemon-1], d.Membership)
			for _, n := range d.Members() {
				fmt.Fprintf(&out, " %s", n)
			}
		}
	}
	return out.String()
}

func (s *several) rank(name string) (int, error) {
	if i := slices.Index(s.c.names, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("no daemon %q", name)
}

func (s *several) ranks(names []string) (ranks []int, err error) {
	for _, n := range names {
		r, err := s.rank(n)
		if err != nil {
			return nil, err
		}
		ranks = append(ranks, r)
	}
	return ranks, nil
}

func (s *several) Run(line string) (string, error) {
	s.out.Reset()
	f := strings.Fields(line)
	if err := s.command(f[0], f[1:]); err != nil {
		return "", err
	}
	if !s.hold && s.c != nil {
		s.c.run()
	}
	if s.p != nil {
		s.p.finish()
	}
	return s.out.String(), nil
}

func (s *several) command(cmd string, args []string) error {
	switch cmd {
	case "daemons":
		s.c = newCluster(s.t, args...)
		s.c.watch = s
		return nil
	case "properties":
		s.p = newProperties(s.c, make(map[string]int))
		return nil
	case "hold", "run":
		s.hold = cmd == "hold"
		return nil
	case "form":
		return s.form(args)
	case "connect", "join", "leave", "kill", "send":
		return s.client(cmd, args)
	case "tables":
		s.tables()
		return nil
	}
	if cmd == "install" {
		f, ok := s.forms[args[0]]
		if !ok {
			return fmt.Errorf("nothing was formed at %s", args[0])
		}
		rank, err := s.rank(args[1])
		if err == nil {
			s.c.nodes[rank].install(f)
		}
		return err
	}
	if cmd == "state" {
		rank, err := s.rank(args[0])
		if err == nil {
			s.forge(s.c.nodes[rank], args[1:])
		}
		return err
	}
	ranks, err := s.ranks(args)
	if err != nil {
		return err
	}
	for _, rank := range ranks {
		n := s.c.nodes[rank]
		ok := true
		switch cmd {
		case "big":
			n.order = wire.BigEndian
		case "start":
			s.c.start(rank)
		case "crash":
			s.c.crash(rank)
		case "put":
			ok = n.put()
		case "stray":
			waiting := n.exchange
			n.exchange = false
			ok = n.put()
			n.exchange = waiting
		case "next":
			ok = n.next()
		default:
			return fmt.Errorf("unknown command")
		}
		if !ok {
			return fmt.Errorf("%s has nothing to %s", n.name(), cmd)
		}
	}
	return nil
}

// form parses TIME A B but C, with options.
func (s *several) form(args []string) error {
	at, err := strconv.ParseInt(args[0], 10, 32)
	if err != nil {
		return err
	}
	var ranks, late []int
	var options []string
	but := false
	for _, a := range args[1:] {
		switch {
		case a == "but":
			but = true
		case strings.Contains(a, "."):
			options = append(options, a)
		default:
			r, err := s.rank(a)
			if err != nil {
				return err
			}
			if but {
				late = append(late, r)
			} else {
				ranks = append(ranks, r)
			}
		}
	}
	slices.Sort(ranks)
	f := s.c.plan(wire.MembershipID{Daemon: wire.DaemonID(ranks[0] + 1), Time: int32(at)}, ranks...)
	for _, o := range options {
		if err := s.option(f, o); err != nil {
			return err
		}
	}
	s.forms[args[0]] = f
	for _, r := range ranks {
		if !slices.Contains(late, r) {
			s.c.nodes[r].install(f)
		}
	}
	return nil
}

func (s *several) option(f *formation, o string) error {
	name, rest, _ := strings.Cut(o, ".")
	rank, err := s.rank(name)
	if err != nil {
		return err
	}
	p := f.part(rank)
	what, list, _ := strings.Cut(rest, "=")
	for v := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(v)
		if err != nil {
			return err
		}
		switch what {
		case "before":
			p.before = n
			p.between = p.from.log[n:]
		case "lost":
			p.between = slices.DeleteFunc(slices.Clone(p.between), func(e *entry) bool { return e.index == n-1 })
		default:
			return fmt.Errorf("unknown option %q", what)
		}
	}
	return nil
}

func (s *several) client(cmd string, args []string) error {
	name, daemon, _ := strings.Cut(args[0], "@")
	rank, err := s.rank(daemon)
	if err != nil {
		return err
	}
	n := s.c.nodes[rank]
	private := wire.MakeName("#" + name + "#" + daemon)
	switch cmd {
	case "connect":
		n.connect(name, len(args) > 1)
	case "join":
		n.request(wire.Join, private, args[1:]...)
	case "leave":
		n.request(wire.Leave, private, args[1:]...)
	case "kill":
		n.request(wire.Kill|wire.Safe, private)
	case "send":
		n.request(wire.Agreed, private, args[1:]...)
	}
	return nil
}

// forge puts a misplaced state message into the order, with groups that have no members.
func (s *several) forge(n *node, groups []string) {
	body := wire.AppendStateHeader(nil, n.order, n.stream.id, []wire.DaemonID{n.m.cfg.Self})
	for _, g := range groups {
		name := wire.MakeName(g)
		body = wire.AppendGroupEntry(body, n.order, &name, groupID(n.stream.id, 1), false, 0)
	}
	m := wire.Message{
		Header:  wire.Header{ByteOrder: n.order, Type: wire.Groups | wire.Agreed, Sender: wire.StateSender(n.order, n.name(), 1)},
		Payload: body,
	}
	n.stream.log = append(n.stream.log, &entry{stream: n.stream, index: len(n.stream.log), maker: n, data: m.Append(nil)})
}

func (s *several) tables() {
	for _, n := range s.c.nodes {
		if n.dead {
			continue
		}
		var synced []string
		for _, r := range n.m.synced {
			synced = append(synced, s.c.names[r])
		}
		fmt.Fprintf(&s.out, "%s %v, synced %s\n", n.name(), n.m.State(), strings.Join(synced, " "))
		fmt.Fprint(&s.out, n.m.tablesText("  ", false))
	}
}

// tablesText returns all tables as text. It can leave out the ids of changed groups, on which
// daemons of one synced set need not agree.
func (m *Machine) tablesText(indent string, hideChanged bool) string {
	var out strings.Builder
	for g := range m.byName.all() {
		id := fmt.Sprintf("(%v)", g.id)
		if g.changed {
			id += " changed"
			if hideChanged {
				id = "changed"
			}
		}
		fmt.Fprintf(&out, "%s%s %s", indent, g.name, id)
		for d := range g.daemons() {
			fmt.Fprintf(&out, " %s", m.cfg.Daemons[d.rank].Name)
			if d.partitioned {
				out.WriteString(" partitioned")
			} else {
				fmt.Fprintf(&out, " %v", d.view)
			}
			for _, p := range d.members {
				fmt.Fprintf(&out, " %s", p.name)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}
