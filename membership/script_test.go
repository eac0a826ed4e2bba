package membership

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/script"
)

// The commands of the scripts:
//
//	daemons AB CDE            the configuration, a word a segment
//	show WHAT...              transitions, forms, gather, ring, drops, changes: from now on; or nothing
//	early                     daemons that start from now on do not wait for timers if all answer
//	classic A                 daemons that wait for timers all the same, as C daemons do
//	refuse                    hosts refuse datagrams for daemons that are down, from now on
//	accuse A B                A receives two reports that B's host refuses datagrams for it
//	start A B                 also anew
//	stop A                    in an orderly way
//	crash A
//	run 1.5s                  lets time go by
//	run until A OP            until a daemon is in a state
//	run until A commits       until it is bound to a recovery
//	partition AB CDE          who hears whom; others are as they were
//	heal
//	drop FORM1 A B 2          loses the next 2 datagrams of a kind (or any, TOKEN) from A (or *) to B (or *)
//	ring A aru 3 high 7 missing 5 6
//	data A                    a message in its ring
//	lose A                    a layer above wants A's ring to be formed anew
//	state                     of all
//	refusals A                what was refused, and why
type interpreter struct {
	t    *testing.T
	net  *network
	show logKind
	out  strings.Builder
}

func TestScripts(t *testing.T) {
	script.RunFiles(t, "testdata/*.txt", func(t *testing.T) script.Interpreter {
		return &interpreter{t: t, show: logTransition | logForm}
	})
}

var shows = map[string]logKind{
	"transitions": logTransition, "forms": logForm, "gather": logGather, "ring": logRing, "drops": logDrop, "changes": logChange, "nothing": 0,
}

func (in *interpreter) log(kind logKind, format string, args ...any) {
	if in.show&kind != 0 {
		fmt.Fprintf(&in.out, "%6.3f "+format+"\n", append([]any{in.net.now.Sub(origin).Seconds()}, args...)...)
	}
}

func (in *interpreter) Run(line string) (string, error) {
	in.out.Reset()
	f := strings.Fields(line)
	if f[0] == "daemons" {
		in.net = newNetwork(in.t, f[1:]...)
		in.net.log = in.log
		return "", nil
	}
	if in.net == nil {
		return "", fmt.Errorf("no daemons yet")
	}
	err := in.command(f[0], f[1:])
	return in.out.String(), err
}

func (in *interpreter) command(name string, args []string) error {
	n := in.net
	switch name {
	case "show":
		in.show = 0
		for _, a := range args {
			k, ok := shows[a]
			if !ok {
				return fmt.Errorf("show %q", a)
			}
			in.show |= k
		}
	case "start":
		for _, a := range args {
			n.node(a).start()
		}
	case "early":
		n.early = true
	case "refuse":
		n.refuse = true
	case "accuse":
		for range 2 {
			n.node(args[0]).refused(n.node(args[1]))
		}
	case "classic":
		n.classic = append(n.classic, args...)
	case "stop":
		o := n.node(args[0])
		o.m.Stop(&o.out)
		o.effects()
		o.up = false
	case "crash":
		for _, a := range args {
			n.node(a).up = false
		}
	case "run":
		return in.run(args)
	case "partition":
		for i, part := range args {
			for _, c := range part {
				n.side[n.node(string(c)).rank] = i + 1
			}
		}
	case "heal":
		clear(n.side)
	case "drop":
		count, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		n.rules = append(n.rules, &dropRule{kind: args[0], from: args[1], to: args[2], left: count})
	case "ring":
		return in.ring(n.node(args[0]), args[1:])
	case "data":
		n.node(args[0]).data()
	case "lose":
		o := n.node(args[0])
		o.m.HandleTokenLost(n.now, n.wall(), CauseForced, &o.out)
		o.effects()
	case "state":
		for _, o := range n.nodes {
			if o.up {
				fmt.Fprintf(&in.out, "%s %v %s %s\n", o.name, o.m.State(), n.d().id(o.m.installedID), n.d().names(o.m.installed.Members()))
			}
		}
	case "refusals":
		for v, count := range n.node(args[0]).m.Stats().Reasons {
			if v > 0 && count > 0 {
				fmt.Fprintf(&in.out, "%v %d\n", Reason(v), count)
			}
		}
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

// patienceOfScripts bounds "run until".
const patienceOfScripts = 5 * time.Minute

func (in *interpreter) run(args []string) error {
	n := in.net
	if args[0] != "until" {
		d, err := time.ParseDuration(args[0])
		n.run(n.now.Add(d), func() bool { return false })
		return err
	}
	o := n.node(args[1])
	done := func() bool { return o.m.State().String() == args[2] }
	if args[2] == "commits" {
		done = func() bool { return o.committed }
	}
	if !n.run(n.now.Add(patienceOfScripts), done) {
		return fmt.Errorf("it never is")
	}
	return nil
}

func (in *interpreter) ring(o *node, args []string) error {
	o.ring = oldRing{}
	word := ""
	for _, a := range args {
		v, err := strconv.ParseInt(a, 10, 32)
		if err != nil {
			word = a
			continue
		}
		switch word {
		case "aru":
			o.ring.aru = int32(v)
		case "high":
			o.ring.highest = int32(v)
		case "missing":
			o.ring.missing = append(o.ring.missing, int32(v))
		default:
			return fmt.Errorf("%q of a ring", word)
		}
	}
	if !slices.IsSorted(o.ring.missing) {
		return fmt.Errorf("missing numbers have to ascend")
	}
	return nil
}
