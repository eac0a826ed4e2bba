package flags

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// BrokenPipe is the exit status of a program whose results nobody reads any more. It is the status
// that shells report for programs that SIGPIPE ends.
const BrokenPipe = 128 + 13

// noData is the error of Windows for a pipe whose reader is gone.
const noData = syscall.Errno(232)

// Streams returns standard output, for results, and standard error. From then on no closed pipe
// ends the process by a signal: a write to standard error fails, which a log survives, and a write
// to standard output exits with [BrokenPipe] without a message. A write that fails otherwise, as on
// a full disk, exits with [Failed] and a message from the program of that name, so that no result
// is lost in silence. What must not end the program, such as a log, goes to [Lasting] of it.
func Streams(name string) (stdout *Output, stderr *os.File) {
	// Not by signal.Ignore: children would ignore the signal too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return &Output{name: name, file: os.Stdout, complaint: os.Stderr, exit: os.Exit}, os.Stderr //nolint:forbidigo // SIGPIPE would end the process at the same place
}

// Lasting returns the file of an [Output]: writes to it fail when nobody reads. Other writers are
// returned as they are.
func Lasting(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.file
	}
	return w
}

// Output is standard output as the destination of results.
type Output struct {
	name      string // of the program
	file      *os.File
	complaint io.Writer
	exit      func(status int)
}

// Write implements [io.Writer].
func (o *Output) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EPIPE), runtime.GOOS == "windows" && errors.Is(err, noData):
		o.exit(BrokenPipe)
	default:
		fmt.Fprintf(o.complaint, "%s: cannot write to standard output: %v\n", o.name, err)
		o.exit(Failed)
	}
	return n, err
}

// BeforeExit sets what is still done before a failed write ends the program, as deferred calls are
// not. Writes must not have begun.
func (o *Output) BeforeExit(do func()) {
	exit := o.exit
	o.exit = func(status int) {
		do()
		exit(status)
	}
}

// Fd returns the descriptor, for questions about a terminal.
func (o *Output) Fd() uintptr { return o.file.Fd() }

// Stat describes the file.
func (o *Output) Stat() (os.FileInfo, error) { return o.file.Stat() }
