package oneshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/flags"
)

func record() *Command {
	var (
		conn   client.Options
		limit  limit
		file   string
		groups []string
	)
	s := flags.New(flags.Program{
		Name:  "spuser record",
		Usage: []string{"-o FILE [-count N] [-for TIME] GROUP..."},
		About: "Writes the messages and views of groups to a file, with times, in the order in which the daemon delivers them. " +
			"spuser replay shows it again, and spuser diff compares it with that of another host. The format is one JSON object on a line.",
		Examples: []flags.Example{
			{Args: "-o web1.rec weblogs", Text: "record until you press Ctrl-C"},
			{Args: "-o web2.rec -s 4803@web2 -for 1m weblogs", Text: "record at another daemon for a minute"},
		},
	})
	s.Args(&groups, "GROUP", 1)
	s.Group("Output")
	s.String(&file, "o", "FILE", "file to write, which must not exist; - for standard output")
	conn.Flags(s)
	limit.flags(s)
	check := func() error {
		if file == "" {
			return errors.New("-o FILE is missing")
		}
		return conn.Check()
	}
	return &Command{Flags: s, Check: check, Run: func(ctx context.Context, env Env) error {
		ctx, cancel := limit.context(ctx)
		defer cancel()
		if file == "-" {
			return writeEvents(ctx, &conn, &limit, groups, env.Stdout, env.Stderr)
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists; remove it or choose another name", file)
		}
		if err != nil {
			return err
		}
		err = writeEvents(ctx, &conn, &limit, groups, f, env.Stderr)
		return errors.Join(err, f.Close())
	}}
}

// writeEvents records until ctx ends, and says on stderr what it has recorded. Each event is written
// at once, so that a recorder that is killed leaves all of them.
func writeEvents(ctx context.Context, conn *client.Options, limit *limit, groups []string, out, stderr io.Writer) error {
	w := recording.NewEncoder(out)
	if err := w.Write(recording.Header(groups)); err != nil {
		return err
	}
	messages, views := 0, 0
	err := watch(ctx, conn, groups, func(e recording.Event) (bool, error) {
		switch e.Event {
		case recording.Message:
			messages++
		case recording.Membership:
			views++
		}
		return limit.more(&e), w.Write(e)
	})
	if err == nil {
		fmt.Fprintf(stderr, "spuser record: %s and %s of %s\n", count(messages, "message"), count(views, "membership event"), strings.Join(groups, " "))
	}
	return err
}
