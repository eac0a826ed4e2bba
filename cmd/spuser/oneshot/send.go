package oneshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

// sending is what send does.
type sending struct {
	conn     client.Options
	service  spread.Service
	messType int
	lines    bool
	json     bool
	args     []string
}

func send() *Command {
	o := sending{service: spread.Agreed}
	s := flags.New(flags.Program{
		Name:  "spuser send",
		Usage: []string{"[-service SERVICE] [-type TYPE] GROUP TEXT...", "[-service SERVICE] [-type TYPE] [-lines] GROUP <FILE"},
		About: "Sends a message to a group, or to a private group such as #NAME#DAEMON. Several groups are separated by commas. " +
			"Without TEXT the message is standard input. Success means that the daemon's host has taken it; only members see that it was delivered.",
		Examples: []flags.Example{
			{Args: "talk hello everybody", Text: "send one message"},
			{Args: "-lines -service safe weblogs <access.log", Text: "send each line of a file as a message"},
			{Args: "talk -- -x", Text: "send text that begins with a dash"},
		},
	})
	s.Args(&o.args, "GROUP", 1)
	s.Group("Message")
	flags.Var(s, &o.service, "service", "SERVICE", "unreliable, reliable, fifo, causal, agreed or safe", parseService)
	s.Int(&o.messType, "type", "TYPE", "number of the application", math.MinInt16, math.MaxInt16)
	s.Bool(&o.lines, "lines", "send each line of standard input as a message of its own")
	o.conn.Flags(s)
	s.Group("Output")
	s.Bool(&o.json, "json", "print each message that was sent as a JSON object on a line")
	check := func() error {
		if o.lines && len(o.args) > 1 {
			return errors.New("-lines reads standard input, so leave TEXT out")
		}
		return o.conn.Check()
	}
	return &Command{Flags: s, Check: check, Run: o.run}
}

func parseService(text string) (spread.Service, error) {
	service, err := spread.ParseService(strings.ToUpper(text))
	if err != nil {
		return 0, errors.New("want unreliable, reliable, fifo, causal, agreed or safe")
	}
	return service, nil
}

func (o *sending) run(ctx context.Context, env Env) (err error) {
	conn, err := o.conn.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	w := recording.NewEncoder(env.Stdout)
	groups := strings.Split(o.args[0], ",")
	one := func(payload []byte) error {
		messType := int16(o.messType) // the flag has the bounds
		if err := conn.Multicast(ctx, o.service, messType, payload, groups...); err != nil {
			return fmt.Errorf("cannot send to %q: %w", o.args[0], err)
		}
		if !o.json {
			return nil
		}
		n := len(payload)
		return w.Write(recording.Event{Event: "sent", Service: o.service.String(), Groups: groups, Type: &messType, Bytes: &n})
	}
	switch {
	case o.lines:
		lines := bufio.NewScanner(env.Stdin)
		lines.Buffer(nil, spread.MaxPayload(len(groups))+2) // with its newline
		for lines.Scan() {
			if err := one(lines.Bytes()); err != nil {
				return err
			}
		}
		err = lines.Err()
	case len(o.args) > 1:
		err = one([]byte(strings.Join(o.args[1:], " ")))
	default:
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(env.Stdin, int64(spread.MaxPayload(len(groups)))+1)); err == nil {
			err = one(text)
		}
	}
	if err != nil {
		return err
	}
	return conn.Flush(ctx)
}
