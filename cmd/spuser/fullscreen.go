package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/oneshot"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/screen"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/flags"
)

// live is a connection as the source of the screen.
type live struct {
	*client.Lasting
	first []recording.Event // before what it receives
}

// Next returns the next event.
func (l *live) Next(ctx context.Context) (recording.Event, error) {
	if len(l.first) > 0 {
		e := l.first[0]
		l.first = l.first[1:]
		return e, nil
	}
	ev, err := l.Receive(ctx)
	if err != nil {
		return recording.Event{}, err
	}
	e := recording.Of(ev)
	e.Time = time.Now()
	return e, nil
}

// fullScreen is the command spuser screen.
func fullScreen() *oneshot.Command {
	var (
		conn   client.Options
		groups []string
	)
	s := flags.New(flags.Program{
		Name:  "spuser screen",
		Usage: []string{"[GROUP...]"},
		About: "Shows groups on a full screen: members, views as a timeline with causes, and messages. Press j to join a group, ? for help, q to quit.",
		Examples: []flags.Example{
			{Args: "weblogs", Text: "watch a group at the daemon on this host"},
			{Args: "-s 4803@web1", Text: "start without a group at another daemon"},
		},
	})
	s.Args(&groups, "GROUP", 0)
	conn.Flags(s)
	return &oneshot.Command{Flags: s, Check: conn.Check, Run: func(ctx context.Context, env oneshot.Env) error {
		if !show.Terminal(env.Stdin) || !show.Terminal(env.Stdout) {
			return errors.New("standard input and output must be a terminal; use spuser tail otherwise")
		}
		c, err := conn.Lasting(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, g := range groups {
			if err := c.Join(ctx, g); err != nil {
				return fmt.Errorf("cannot join %q: %w", g, err)
			}
		}
		first := recording.Event{Event: recording.Connected, Time: time.Now(), Daemon: conn.Address, PrivateGroup: c.PrivateGroup()}
		return screen.Run(ctx, &live{c, []recording.Event{first}}, &show.Printer{Style: show.NewStyle("auto", env.Stdout), Payload: show.Text}, env.Stdin, env.Stdout)
	}}
}
