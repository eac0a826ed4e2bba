package logpub

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
)

// lingerTime bounds how long a source may take, once it was asked to end, for what is on its way.
const lingerTime = time.Second

// Stream is a source of lines that ends with its reader, such as standard input.
type Stream struct {
	r io.Reader
}

// NewStream returns the source of the lines of r. A call of r.Read that does not return when the publisher has ended is
// left behind, unless r has read deadlines or, on UNIX, is a file.
func NewStream(r io.Reader) *Stream { return &Stream{r: r} }

// String names the source.
func (s *Stream) String() string { return "stream" }

// Run reads lines until the reader ends, or in.Ending is closed and then nothing comes for a while, or ctx ends.
func (s *Stream) Run(_ context.Context, in *Intake) error {
	stream := input.Stream{Reader: s.r, MaxLine: in.maxLine, Put: in.putUnkept, Ending: in.ending, Stop: in.stop}
	if err := stream.Run(); err != nil {
		return fmt.Errorf("logpub: %w", err)
	}
	return nil
}

// Syslog is a source of messages that a socket receives.
type Syslog struct {
	cfg    syslog.Config
	server *syslog.Server
}

// NewSyslog opens a socket. If it is not run it has to be closed by ending a Run. log, if it is not nil, gets what is wrong
// with the framing of streams.
func NewSyslog(ctx context.Context, cfg syslog.Config, log *slog.Logger) (*Syslog, error) {
	if log != nil {
		cfg.Report = func(peer string, what *syslog.Faults) {
			log.Warn("syslog sender frames its messages wrongly; looking for the next one each time",
				slog.String("socket", cfg.Network+" "+cfg.Address), slog.String("peer", peer), slog.String("reason", what.String()))
		}
	}
	s, err := syslog.Listen(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("logpub: %w", err)
	}
	return &Syslog{cfg: cfg, server: s}, nil
}

// String names the source.
func (s *Syslog) String() string { return s.cfg.Network + " " + s.cfg.Address }

// Addr is where the socket is.
func (s *Syslog) Addr() string { return s.server.Addr().String() }

// Run takes messages until in.Ending is closed and what was on its way has come.
func (s *Syslog) Run(ctx context.Context, in *Intake) error {
	receiving, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-in.Ending():
		case <-receiving.Done():
		}
		end()
	}()
	cut := input.Cutter{Max: in.MaxLine()}
	err := s.server.Serve(receiving, func(lines []byte, _, truncated int) {
		cut.Add(lines)
		in.Put(cut.Whole(), cut.Lines, max(truncated, cut.Truncated))
		cut.Forget()
	})
	if err != nil {
		return fmt.Errorf("logpub: %w", err)
	}
	return nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
