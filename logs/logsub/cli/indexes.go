package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
)

// indexWork is what logsub does to logs with indexes, beside writing them.
type indexWork struct {
	fill, from string // directories
	verify     string
}

// wanted reports whether there is any.
func (w *indexWork) wanted() bool { return w.fill != "" || w.from != "" || w.verify != "" }

// check finds what does not go together.
func (w *indexWork) check(others bool) error {
	switch {
	case !w.wanted():
		return nil
	case others:
		return errors.New("-fill and -verify stand alone")
	case (w.fill == "") != (w.from == ""):
		return errors.New("lines are missing in one directory and come from another: -fill DIR -from DIR")
	case w.fill != "" && w.verify != "":
		return errors.New("-fill and -verify exclude each other")
	}
	return nil
}

// run does it, and returns the exit status.
func (w *indexWork) run(stdout, stderr io.Writer) int {
	if w.verify != "" {
		return w.runVerify(stdout, stderr)
	}
	sum, err := lineindex.Fill(w.fill, w.from, func(f *lineindex.Finding) { fmt.Fprintln(stderr, "logsub:", f) })
	fmt.Fprintf(stdout, "%d lines (%d bytes) brought over, to %d files; %d are missing still\n", sum.Lines, sum.Bytes, sum.Files, sum.Left)
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
	}
	if err != nil || sum.Left > 0 {
		return statusError
	}
	return statusOK
}

func (w *indexWork) runVerify(stdout, stderr io.Writer) int {
	wrong := 0
	sum, err := lineindex.Verify(w.verify, func(f *lineindex.Finding) {
		wrong++
		fmt.Fprintln(stdout, f)
	})
	missing := uint64(0)
	for _, m := range sum.Missing {
		fmt.Fprintln(stdout, m)
		missing += m.Last - m.First + 1
	}
	fmt.Fprintf(stdout, "%d files, %d bytes, %d lines with names; repeats %d, damaged bytes %d, bytes without names %d, missing lines %d\n",
		sum.Files, sum.Bytes, sum.Lines, sum.Repeats, sum.Damaged, sum.Unnamed, missing)
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
	}
	if err != nil || wrong > 0 {
		return statusError
	}
	return statusOK
}
