package oneshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/flags"
)

// memberList is one line of the output of members -json.
type memberList struct {
	Group   string     `json:"group"`
	Daemon  string     `json:"daemon"`
	ID      *[3]uint32 `json:"id"`
	Members []string   `json:"members"`
}

func members() *Command {
	var (
		conn   client.Options
		out    output
		follow bool
		groups []string
	)
	s := flags.New(flags.Program{
		Name:  "spuser members",
		Usage: []string{"[-watch] [-json] GROUP..."},
		About: "Prints the members of groups, as the daemon has them. It joins each group to see them, so the others see it come and go; it leaves itself out.",
		Examples: []flags.Example{
			{Args: "weblogs", Text: "print the members of a group"},
			{Args: "-watch weblogs", Text: "print each change with its cause, until you press Ctrl-C"},
			{Args: "-json -s 4803@web2 weblogs", Text: "print what the daemon on web2 has, as JSON"},
		},
	})
	s.Args(&groups, "GROUP", 1)
	s.Group("Output")
	s.Bool(&follow, "watch", "go on, and print each change with its cause")
	out.plainFlags(s)
	conn.Flags(s)
	return &Command{Flags: s, Check: conn.Check, Run: func(ctx context.Context, env Env) error {
		if follow {
			emit := out.to(env.Stdout)
			f := filter{only: "views"}
			return watch(ctx, &conn, groups, func(e recording.Event) (bool, error) {
				if !f.takes(&e) {
					return true, nil
				}
				return true, emit(e)
			})
		}
		return list(ctx, &conn, groups, &out, env)
	}}
}

// list prints the members of each group once, as their views arrive.
func list(ctx context.Context, conn *client.Options, groups []string, out *output, env Env) error {
	ctx, cancel := context.WithTimeout(ctx, client.ConnectTimeout)
	defer cancel()
	style := show.NewStyle(out.color, env.Stdout)
	w := newJSON(env.Stdout)
	missing, self := slices.Clone(groups), ""
	err := watch(ctx, conn, groups, func(e recording.Event) (bool, error) {
		if e.Event == recording.Connected {
			self = e.PrivateGroup
		}
		i := slices.Index(missing, e.Group)
		if !e.View() || i < 0 {
			return true, nil
		}
		missing = slices.Delete(missing, i, i+1)
		others := slices.DeleteFunc(slices.Clone(e.Members), func(name string) bool { return name == self })
		daemon := recording.DaemonOf(self)
		if out.json {
			return len(missing) > 0, w.Encode(memberList{e.Group, daemon, e.ID, others})
		}
		fmt.Fprintf(env.Stdout, "%s: %s at %s\n", style.Strong(show.Name(e.Group)), count(len(others), "member"), show.Name(daemon))
		for _, name := range others {
			fmt.Fprintf(env.Stdout, "  %s\n", show.Name(name))
		}
		return len(missing) > 0, nil
	})
	if err == nil && len(missing) > 0 {
		return fmt.Errorf("no view of %s within %v; does the ring work (spuser ping)?", strings.Join(missing, " "), client.ConnectTimeout)
	}
	return err
}

// count returns a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
