package oneshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/flags"
)

// differing is what diff does.
type differing struct {
	out     output
	context int
	files   []string
}

// The exit statuses of diff, as those of diff(1).
const (
	differ  = Status(1)
	trouble = Status(2)
)

func diff() *Command {
	o := &differing{context: 3}
	s := flags.New(flags.Program{
		Name:  "spuser diff",
		Usage: []string{"[-context N] [-json] FILE FILE"},
		About: "Compares two recordings of the same groups from two hosts. It says whether they agree, and where they first part. " +
			"It compares from the first view that both have to the end of the shorter one, and follows splits of the network. " +
			"The exit status is 0 if they agree, 1 if they differ, 2 if there is nothing to compare.",
		Examples: []flags.Example{
			{Args: "web1.rec web2.rec", Text: "compare what two hosts received"},
			{Args: "-json web1.rec web2.rec", Text: "print the result as one JSON object"},
		},
	})
	s.Args(&o.files, "FILE", 2)
	s.Group("Output")
	s.Int(&o.context, "context", "N", "show this many events around the place where they part", 0, math.MaxInt16)
	o.out.flags(s)
	check := func() error {
		if len(o.files) != 2 {
			return errors.New("want two FILEs")
		}
		return nil
	}
	return &Command{Flags: s, Check: check, Run: o.run}
}

func (o *differing) run(_ context.Context, env Env) error {
	var both [2]*recording.Recording
	for i, name := range o.files {
		rec, err := readRecording(name, env.Stdin)
		if err != nil {
			fmt.Fprintf(env.Stderr, "spuser diff: %v\n", err)
			return trouble
		}
		both[i] = rec
	}
	r, err := recording.Compare(both[0], both[1])
	if err != nil {
		fmt.Fprintf(env.Stderr, "spuser diff: %v\n", err)
		return trouble
	}
	if o.out.json {
		err = newJSON(env.Stdout).Encode(struct {
			Agree bool `json:"agree"`
			*recording.Result
		}{r.Agree(), r})
	} else {
		_, err = io.WriteString(env.Stdout, o.text(r, both, show.NewStyle(o.out.color, env.Stdout)))
	}
	if err == nil && !r.Agree() {
		return differ
	}
	return err
}

// text describes the result.
func (o *differing) text(r *recording.Result, both [2]*recording.Recording, style show.Style) string {
	var b strings.Builder
	same := fmt.Sprintf("%s and %s of %s are the same, in the same order", count(r.Messages, "message"), count(r.Views, "view"), show.Name(strings.Join(r.Groups, " ")))
	if r.Agree() {
		fmt.Fprintf(&b, "%s: %s\n", style.Good("agree"), same)
	} else {
		fmt.Fprintf(&b, "%s: %s; then:\n", style.Bad("differ"), same)
	}
	for _, p := range r.Partings {
		fmt.Fprintf(&b, "\n%s: %s\n", style.Strong(string(p.Kind)), o.why(&p, both))
		for i, rec := range both {
			o.around(&b, &p, rec, i, style)
		}
		if p.Again != nil {
			fmt.Fprintf(&b, "Until the next view that both have, %s has %s of its own, and %s has %s.\n", title(both[0]), count(p.OnlyA, "message"), title(both[1]), count(p.OnlyB, "message"))
		}
	}
	for i, rec := range both {
		if r.Agree() && r.Before[i]+r.After[i] > 0 {
			fmt.Fprintf(&b, "%s also has %s before that and %s after it.\n", title(rec), count(r.Before[i], "event"), count(r.After[i], "event"))
		}
	}
	return b.String()
}

// title is how a recording is called: its file and its daemon.
func title(rec *recording.Recording) string {
	return show.Name(fmt.Sprintf("%s (%s)", rec.Name, rec.Daemon()))
}

// why explains a parting, and what to do about it.
func (o *differing) why(p *recording.Parting, both [2]*recording.Recording) string {
	switch p.Kind {
	case recording.Order:
		for _, e := range []*recording.Event{p.A, p.B} {
			if e.Service == "RELIABLE" || e.Service == "UNRELIABLE" {
				return fmt.Sprintf("both have these messages, in another order. %s sends with %s, which promises no order; send with agreed.", show.Name(e.Sender), e.Service)
			}
		}
		return "both have these messages, in another order. The daemons promise one order for them, so this is a fault of a daemon or of a recording: please report it."
	case recording.Split:
		return "the daemons were not in one ring, so each delivered on its own. Look for the cause in the network and in the daemons' logs."
	case recording.Gap:
		who := both[0]
		if p.B != nil && p.B.Event == recording.Disconnected {
			who = both[1]
		}
		return title(who) + " lost its connection to the daemon, and received nothing until it had joined again."
	case recording.Missing:
	}
	return "one has an event that the other one does not have. Both were members, so this is a fault of a daemon or of a recording: please report it."
}

// around shows the events around a parting in one recording.
func (o *differing) around(b *strings.Builder, p *recording.Parting, rec *recording.Recording, i int, style show.Style) {
	at := p.At(i)
	fmt.Fprintf(b, "  %s\n", style.Strong(title(rec)))
	lines := &show.Printer{Style: style, Payload: o.out.payload, Raw: o.out.raw}
	for n := range rec.Events[:min(len(rec.Events), at+o.context+1)] {
		e := &rec.Events[n]
		mark, line := "  ", lines.Event(e)
		if n == at {
			mark = style.Bad("> ")
		}
		if n >= at-o.context {
			fmt.Fprintf(b, "  %sline %-5d %s", mark, e.Line(), line)
		}
	}
	if at == len(rec.Events) {
		fmt.Fprintf(b, "  %sthe recording ends\n", style.Bad("> "))
	}
}
