package ring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/script"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// The commands of the scripts. Daemons have capital letters.
//
//	segments A,B C [accelerated] [wide] [window=N] [personal=N] [accelerated-window=N]
//	ring A B C              form a ring of them, open it, and run it until it is idle; silent
//	recover A B             stop their rings and begin to form a new one
//	recover-as A 4 6 5      let A alone recover to a ring of all: aru, highest, holes
//	submit A agreed one x*3000   messages of a client: a text, or a letter that many times
//	groups A one            a message of the groups queue
//	exchange A on|off       which queue is served
//	clear A                 empty the groups queue
//	level A blocked|ordered|everything
//	lose A->C 2 token hurry the next such datagrams from A do not reach C
//	again A                 all packets in A's table are sent to all once more
//	data                    all packets on their way arrive
//	token [N]               so, and then the next token, N times
//	quiet N                 the same, silently
//	rest                    the same until there is none
//	wait 500ms              time passes
//	stop A, kill A          Stop; A takes no more part
//	state A, counts A       where it stands; what was refused
//
// What daemons send is printed with its receiver; what they do not take, and what they tell the
// layers above, by its name.
type interpreter struct {
	t    *testing.T
	n    *network
	out  strings.Builder
	lose []loseRule
}

// loseRule names a datagram that does not arrive.
type loseRule struct {
	from, to *node
	what     string
}

func TestScripts(t *testing.T) {
	script.RunFiles(t, "testdata/*.txt", func(t *testing.T) script.Interpreter {
		return &interpreter{t: t}
	})
}

func (in *interpreter) printf(format string, args ...any) { fmt.Fprintf(&in.out, format+"\n", args...) }

func (in *interpreter) Run(line string) (string, error) {
	in.out.Reset()
	f := strings.Fields(line)
	if f[0] == "segments" {
		in.segments(f[1:])
		return "", nil
	}
	err := in.command(f[0], f[1:])
	return in.out.String(), err
}

func (in *interpreter) segments(words []string) {
	var cfg Config
	var segments [][]string
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "accelerated":
			cfg.Accelerated = true
		case "wide":
			cfg.Wide = true
		case "window":
			cfg.Window = n
		case "personal":
			cfg.PersonalWindow = n
		case "accelerated-window":
			cfg.AcceleratedWindow = n
		default:
			segments = append(segments, strings.Split(w, ","))
		}
	}
	in.n = newNetwork(in.t, cfg, segments...)
	in.n.trace = in.printf
	in.n.deliver = in.deliver
}

// deliver loses the datagrams that the script names.
func (in *interpreter) deliver(from, to *node, token bool, b []byte) {
	what := "token"
	if !token {
		var p wire.Packet
		if err := p.Decode(b); err != nil {
			in.t.Fatal(err)
		}
		what = strconv.Itoa(int(p.Seq))
		if p.Type.Kind() == wire.KindHurry {
			what = "hurry"
		}
	}
	i := slices.Index(in.lose, loseRule{from, to, what})
	if i < 0 {
		to.put(token, b)
		return
	}
	in.lose = slices.Delete(in.lose, i, i+1)
	in.printf("  (%s does not get it)", to.name)
}

func (in *interpreter) command(name string, args []string) error {
	switch name {
	case "data":
		in.n.drain()
		return nil
	case "token":
		return in.tokens(args)
	case "quiet":
		in.n.trace = nil
		err := in.tokens(args)
		in.n.trace = in.printf
		return err
	case "rest":
		in.n.runIdle(1000)
		return nil
	case "wait":
		return in.wait(args[0])
	case "lose":
		return in.addLoss(args)
	case "ring", "recover":
		return in.form(name, args)
	}
	d := in.n.node(args[0])
	if d == nil {
		return fmt.Errorf("no daemon %s", args[0])
	}
	return in.ofDaemon(d, name, args[1:])
}

func (in *interpreter) ofDaemon(d *node, name string, args []string) error {
	r, now := d.ring, in.n.now
	switch name {
	case "submit":
		service, ok := map[string]Service{"reliable": Reliable, "fifo": FIFO, "agreed": Agreed, "safe": Safe}[args[0]]
		if !ok {
			return fmt.Errorf("service %q", args[0])
		}
		for _, s := range args[1:] {
			if !in.n.submit(d, service, expand(s)) {
				in.printf("%s: refused", d.name)
			}
		}
	case "groups":
		for _, s := range args {
			m := text(d.name, Agreed, expand(s))
			r.SubmitGroups(now, m, &d.out)
			in.n.done(d)
			m.Data.Block.Release()
		}
	case "exchange":
		r.SetExchange(now, args[0] == "on", &d.out)
	case "clear":
		r.ClearGroups(&d.out)
	case "level":
		level, ok := map[string]Level{"blocked": Blocked, "ordered": Ordered, "everything": Everything}[args[0]]
		if !ok {
			return fmt.Errorf("level %q", args[0])
		}
		r.SetDelivery(now, level, &d.out)
	case "stop":
		r.Stop(now)
	case "again":
		for i := range r.table.slots {
			if s := &r.table.slots[i]; s.isPacket() {
				r.sendToAll(s, &d.out)
			}
		}
		in.n.done(d)
		in.n.drain()
	case "recover-as":
		rec := topology.Recovery{Future: wire.MembershipID{Daemon: 1, Time: 9999}, LastSeq: 3333}
		for _, o := range in.n.nodes {
			rec.Members = append(rec.Members, o.id)
		}
		var numbers []int32
		for _, s := range args {
			n, err := strconv.Atoi(s)
			if err != nil {
				return err
			}
			numbers = append(numbers, int32(n))
		}
		rec.Aru, rec.Highest, rec.Holes = numbers[0], numbers[1], numbers[2:]
		r.Recover(now, rec, &d.out)
	case "kill":
		d.dead = true
		d.data, d.tokens = nil, nil
	case "state":
		in.state(d)
	case "counts":
		var list []string
		for v, n := range r.Counts() {
			if n > 0 {
				list = append(list, fmt.Sprintf("%v %d", Reason(v), n))
			}
		}
		in.printf("%s: %s", d.name, strings.Join(list, ", "))
	default:
		return fmt.Errorf("unknown command")
	}
	in.n.done(d)
	return nil
}

func (in *interpreter) state(d *node) {
	s := d.ring.Status()
	first := ""
	if d.ring.TokenFirst() {
		first = ", token first"
	}
	in.printf("%s: %v, %v: highest %d, my aru %d, aru %d, discarded %d, round %d, queued %d+%d%s",
		d.name, s.State, s.Level, s.Highest, s.MyAru, s.Aru, s.LastDiscarded, s.TokenRounds, s.UsersQueued, s.GroupsQueued, first)
}

func (in *interpreter) tokens(args []string) error {
	n := 1
	if len(args) > 0 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil {
			return err
		}
	}
	for range n {
		if !in.n.hop() {
			in.printf("no token is on its way")
		}
	}
	return nil
}

func (in *interpreter) wait(s string) error {
	length, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	for limit := in.n.now.Add(length); in.n.now < limit; {
		in.n.advance(limit)
	}
	return nil
}

func (in *interpreter) addLoss(args []string) error {
	from, to, _ := strings.Cut(args[0], "->")
	rule := loseRule{in.n.node(from), in.n.node(to), ""}
	if rule.from == nil || rule.to == nil {
		return fmt.Errorf("no daemons %s", args[0])
	}
	for _, rule.what = range args[1:] {
		in.lose = append(in.lose, rule)
	}
	return nil
}

func (in *interpreter) form(name string, args []string) error {
	var members []*node
	for _, a := range args {
		d := in.n.node(a)
		if d == nil {
			return fmt.Errorf("no daemon %s", a)
		}
		members = append(members, d)
	}
	if name == "recover" {
		in.n.recover(members...)
		return nil
	}
	in.n.trace = nil
	in.n.form(members...)
	in.n.trace = in.printf
	return nil
}

// expand turns x*20 into twenty x.
func expand(s string) string {
	if letter, n, ok := strings.Cut(s, "*"); ok {
		if count, err := strconv.Atoi(n); err == nil {
			return strings.Repeat(letter, count)
		}
	}
	return s
}
