package oneshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

// replaying is what replay does.
type replaying struct {
	conn   client.Options
	out    output
	filter filter
	speed  float64
	step   bool
	to     string
	files  []string
}

func replay() *Command {
	o := &replaying{}
	s := flags.New(flags.Program{
		Name:  "spuser replay",
		Usage: []string{"[-speed FACTOR | -step] [-from SENDER] [-grep REGEXP] [-json] FILE", "[-speed FACTOR | -step] -to GROUP FILE"},
		About: "Shows a recording of spuser record again, or sends its messages to a group. Filters and output are those of spuser tail. " +
			"Messages that are sent keep their service, type and payload; their sender is this program.",
		Examples: []flags.Example{
			{Args: "web1.rec", Text: "show everything at once"},
			{Args: "-speed 1 web1.rec", Text: "show it as it happened; with -speed 10 ten times as fast"},
			{Args: "-step -grep ' 500 ' web1.rec", Text: "show the next event when you press Enter"},
			{Args: "-speed 1 -to test web1.rec", Text: "send the messages to the group test"},
		},
	})
	s.Args(&o.files, "FILE", 1)
	s.Group("Replay")
	s.Float(&o.speed, "speed", "FACTOR", "keep the times between events: 1 as recorded, 2 twice as fast (default: no pauses)")
	s.Bool(&o.step, "step", "wait for Enter before each event")
	s.String(&o.to, "to", "GROUP", "send the messages to this group; several are separated by commas")
	o.filter.flags(s)
	o.out.flags(s)
	o.conn.Flags(s)
	check := func() error {
		switch {
		case len(o.files) > 1:
			return errors.New("want one FILE")
		case o.speed < 0:
			return errors.New("-speed: want a number above 0")
		}
		return o.conn.Check()
	}
	return &Command{Flags: s, Check: check, Run: o.run}
}

// readRecording reads a file; "-" is standard input.
func readRecording(name string, stdin io.Reader) (*recording.Recording, error) {
	if name == "-" {
		return recording.Read("standard input", stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return recording.Read(name, f)
}

func (o *replaying) run(ctx context.Context, env Env) (err error) {
	rec, err := readRecording(o.files[0], env.Stdin)
	if err != nil {
		return err
	}
	emit := o.out.to(env.Stdout)
	if o.to != "" {
		var conn *spread.Conn
		if conn, err = o.conn.Dial(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		emit = func(e recording.Event) error { return resend(ctx, conn, &e, strings.Split(o.to, ",")) }
	}
	wait := o.waiter(env)
	var last time.Time
	for i := range rec.Events {
		e := &rec.Events[i]
		if !o.filter.takes(e) || o.to != "" && e.Event != recording.Message {
			continue
		}
		pause := time.Duration(0)
		if !last.IsZero() {
			pause = e.Time.Sub(last)
		}
		last = e.Time
		if !wait(ctx, pause) {
			return nil
		}
		if err := emit(*e); err != nil {
			return err
		}
	}
	return nil
}

// waiter returns what waits before an event, for the time that passed before it, and reports false
// when the replay is over.
func (o *replaying) waiter(env Env) func(ctx context.Context, pause time.Duration) bool {
	if o.step {
		next := make(chan struct{})
		go func() {
			defer close(next)
			for in := bufio.NewScanner(env.Stdin); in.Scan(); {
				next <- struct{}{}
			}
		}()
		return func(ctx context.Context, _ time.Duration) bool {
			select {
			case _, ok := <-next:
				return ok
			case <-ctx.Done():
				return false
			}
		}
	}
	return func(ctx context.Context, pause time.Duration) bool {
		if o.speed == 0 || pause <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(time.Duration(float64(pause) / o.speed)):
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// resend sends a recorded message to other groups.
func resend(ctx context.Context, conn *spread.Conn, e *recording.Event, groups []string) error {
	service, err := parseService(e.Service)
	if err != nil {
		return fmt.Errorf("line %d: service %q: %w", e.Line(), e.Service, err)
	}
	messType := int16(0)
	if e.Type != nil {
		messType = *e.Type
	}
	return conn.Multicast(ctx, service, messType, e.Data(), groups...)
}
