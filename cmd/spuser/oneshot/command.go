package oneshot

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/flags"
)

// Env is what a command uses of its process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Command is one of the commands.
type Command struct {
	Flags *flags.Set
	// Check returns what is wrong with the flags together.
	Check func() error
	// Run does it. It returns nil when ctx ends.
	Run func(ctx context.Context, env Env) error
}

// Commands returns all commands, in the order of the help.
func Commands() []*Command {
	return []*Command{tail(), send(), members(), ping(), record(), replay(), diff()}
}

// Status is an error that is only an exit status: all was said.
type Status int

// Error implements error.
func (s Status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// Main runs the command with its arguments and returns the exit status.
func (c *Command) Main(ctx context.Context, args []string, env Env) int {
	err := c.Flags.Parse(args)
	if err == nil && c.Check != nil {
		err = c.Check()
	}
	if err != nil {
		return c.Flags.Answer(err, env.Stdout, env.Stderr)
	}
	err = c.Run(ctx, env)
	var status Status
	switch {
	case err == nil:
		return flags.OK
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(env.Stderr, "%s: %v\n", c.Flags.Name, err)
	return flags.Failed
}

// output are the flags that say how events are printed.
type output struct {
	json    bool
	color   string
	payload show.Payload
	raw     bool
}

// flags adds the flags of the output.
func (o *output) flags(s *flags.Set) {
	o.payload = show.Text
	s.Group("Output")
	flags.Var(s, &o.payload, "payload", "text|hex|json", "how to show payloads; json indents what is JSON", show.ParsePayload)
	s.Bool(&o.raw, "raw", "leave lines of logpub in their envelopes")
	o.plainFlags(s)
}

// plainFlags adds the flags of commands that show no payloads.
func (o *output) plainFlags(s *flags.Set) {
	o.color = "auto"
	s.Bool(&o.json, "json", "print JSON, one object on a line")
	flags.Var(s, &o.color, "color", "auto|always|never", "color the output; auto: on a terminal, unless NO_COLOR is set", show.ParseWhen)
}

// to returns the function that prints events.
func (o *output) to(out io.Writer) func(e recording.Event) error {
	if o.json {
		w := recording.NewEncoder(out)
		return func(e recording.Event) error {
			if !o.raw {
				e.Open()
			}
			return w.Write(e)
		}
	}
	p := &show.Printer{Style: show.NewStyle(o.color, out), Payload: o.payload, Raw: o.raw}
	return func(e recording.Event) error {
		_, err := io.WriteString(out, p.Event(&e))
		return err
	}
}

// watch joins groups and calls take with each event until ctx ends or take returns an error or
// false. Events have their time, and messages their envelopes.
func watch(ctx context.Context, o *client.Options, groups []string, take func(e recording.Event) (more bool, err error)) error {
	conn, err := o.Lasting(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if more, err := take(now(recording.Event{
		Event: recording.Connected, Daemon: o.Address, PrivateGroup: conn.PrivateGroup(), Version: conn.DaemonVersion().String(),
	})); err != nil || !more {
		return err
	}
	for _, g := range groups {
		if err := conn.Join(ctx, g); err != nil {
			return fmt.Errorf("cannot join %q: %w", g, err)
		}
	}
	for {
		ev, err := conn.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil // the user ends it
			}
			return err
		}
		more, err := take(now(recording.Of(ev)))
		if err != nil || !more {
			return err
		}
	}
}
