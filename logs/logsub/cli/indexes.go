package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/logsub"
)

// indexWork is a job for logs with indexes that logsub does instead of subscribing.
type indexWork struct {
	fill, from string // directories
	verify     string
}

// wanted reports whether the command line asks for one.
func (w *indexWork) wanted() bool { return w.fill != "" || w.from != "" || w.verify != "" }

// network reports whether the job is to compare with another log host.
func (w *indexWork) network(conf string) bool { return w.verify != "" && w.fill == "" && conf != "" }

// check rejects flags that exclude each other.
func (w *indexWork) check(others bool) error {
	switch {
	case !w.wanted():
		return nil
	case others:
		return errors.New("-fill and -verify DIR stand alone")
	case (w.fill == "") != (w.from == ""):
		return errors.New("-fill and -from need each other: -fill DIR -from DIR")
	case w.fill != "" && w.verify != "":
		return errors.New("-fill and -verify exclude each other")
	}
	return nil
}

// run does the job and returns the exit status.
func (w *indexWork) run(stdout, stderr io.Writer) int {
	if w.verify != "" {
		return w.runVerify(stdout, stderr)
	}
	sum, err := lineindex.Fill(lineindex.OSDir(w.fill), lineindex.OSDir(w.from), func(f *lineindex.Finding) { fmt.Fprintln(stderr, "logsub:", f) })
	fmt.Fprintf(stdout, "%d lines (%d bytes) copied to %d files; %d still missing\n", sum.Lines, sum.Bytes, sum.Files, sum.Left)
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
	}
	if err != nil || sum.Left > 0 {
		return flags.Failed
	}
	return flags.OK
}

func (w *indexWork) runVerify(stdout, stderr io.Writer) int {
	wrong := 0
	sum, err := lineindex.Verify(fsutil.OS{}, w.verify, func(f *lineindex.Finding) {
		wrong++
		fmt.Fprintln(stdout, f)
	})
	missing := uint64(0)
	for _, m := range sum.Missing {
		fmt.Fprintln(stdout, m)
		missing += m.Last - m.First + 1
	}
	for _, log := range sum.NoLedger {
		fmt.Fprintf(stdout, "%s: no ledger below %s: lines that are missing before its first and behind its last one are not known\n", log, w.verify)
	}
	fmt.Fprintf(stdout, "%d files, %d bytes, %d lines with an envelope; duplicate lines %d, damaged bytes %d, bytes without an envelope %d, lines left out or removed %d, missing lines %d\n",
		sum.Files, sum.Bytes, sum.Lines, sum.Repeats, sum.Damaged, sum.Unnamed, sum.Gone, missing)
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
	}
	if err != nil || wrong > 0 {
		return flags.Failed
	}
	return flags.OK
}

// compare compares the log files of a configuration with those of another log host.
func compare(ctx context.Context, cfg logsub.Config, address string, stdout io.Writer) error {
	sum, err := logsub.Compare(ctx, cfg, address, func(line string) { fmt.Fprintln(stdout, line) })
	if err != nil {
		return fmt.Errorf("cannot compare with %s: %w", address, err)
	}
	if sum.Different > 0 {
		return fmt.Errorf("%d of %s files differ from those of %s", sum.Different, grouped(int64(sum.Files)), address)
	}
	fmt.Fprintf(stdout, "identical: %s files, %s lines\n", grouped(int64(sum.Files)), grouped(sum.Lines))
	return nil
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
