package oneshot

import (
	"context"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/flags"
)

func tail() *Command {
	var (
		conn   client.Options
		out    output
		filter filter
		limit  limit
		groups []string
	)
	s := flags.New(flags.Program{
		Name:  "spuser tail",
		Usage: []string{"[-from SENDER] [-type TYPE] [-grep REGEXP] [-payload text|hex|json] [-json] GROUP..."},
		About: "Shows the messages and views of groups as they come. It joins the groups, so their members see it; " +
			"when it loses the daemon it connects again.",
		Examples: []flags.Example{
			{Args: "weblogs", Text: "watch a group"},
			{Args: "-from 'lp*' -grep ' 500 ' weblogs", Text: "only messages of senders whose name begins with lp, with a certain text"},
			{Args: "-only views -s 4803@web1 weblogs", Text: "only who comes and goes, as the daemon on web1 has it"},
			{Args: "-json -count 10 weblogs", Text: "ten messages as JSON, for a script"},
		},
	})
	s.Args(&groups, "GROUP", 1)
	conn.Flags(s)
	filter.flags(s)
	out.flags(s)
	limit.flags(s)
	return &Command{Flags: s, Check: conn.Check, Run: func(ctx context.Context, env Env) error {
		ctx, cancel := limit.context(ctx)
		defer cancel()
		emit := out.to(env.Stdout)
		return watch(ctx, &conn, groups, func(e recording.Event) (bool, error) {
			if !filter.takes(&e) {
				return true, nil
			}
			return limit.more(&e), emit(e)
		})
	}}
}
