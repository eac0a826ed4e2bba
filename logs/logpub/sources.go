package logpub

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/spread"
)

// lingerTime bounds how long a source may take, once it was asked to end, for what is on its way.
const lingerTime = time.Second

// Stream is a source of lines that ends with its reader, such as standard input.
type Stream struct {
	r io.Reader
}

// NewStream returns the source of the lines of r. A call of r.Read that does not return when the publisher has ended is
// left behind.
func NewStream(r io.Reader) *Stream { return &Stream{r: r} }

// String names the source.
func (s *Stream) String() string { return "stream" }

// Run reads lines until the reader ends, or in.Ending is closed and then nothing comes for a while, or ctx ends.
func (s *Stream) Run(_ context.Context, in *Intake) error {
	stream := input.Stream{Reader: s.r, MaxLine: in.maxLine, Put: in.Put, Ending: in.ending, Stop: in.stop}
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

// File is a source of the lines of a file that is followed through its rotation. Its lines are never dropped because a queue is
// full: they wait in the file.
type File struct {
	cfg tail.Config
	f   *tail.Follower
}

// NewFile returns the source of a file.
func NewFile(cfg tail.Config, log *slog.Logger) (*File, error) {
	if log != nil {
		cfg.OnEvent = func(what string, err error) {
			log := log.With(slog.String("file", cfg.Path))
			if err != nil {
				log.Warn(what, slog.Any("error", err)) //nolint:sloglint // each is a constant of package tail
				return
			}
			log.Info(what) //nolint:sloglint // as above
		}
	}
	if cfg.MaxLine == 0 {
		// The input cuts and counts long lines. One byte more than it may take lets it see them.
		cfg.MaxLine = spread.MaxPayload(1) + 1
	}
	f, err := tail.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("logpub: %w", err)
	}
	return &File{cfg: cfg, f: f}, nil
}

// String names the source.
func (s *File) String() string { return "file " + s.cfg.Path }

// Run follows the file until in.Ending is closed.
func (s *File) Run(ctx context.Context, in *Intake) error {
	in.waits, in.kept = true, s.cfg.State != ""
	t := &fileTaker{in: in, cut: input.Cutter{Max: in.MaxLine()}, ending: in.Ending()}
	if in.kept {
		s.f.Name(tail.Naming{Epoch: in.p.epochs.next, Rules: in.rules(), Over: in.p.named})
	}
	err := s.f.Run(untilEnding{ctx, in.Ending()}, t)
	if in.left.Load() {
		s.f.Close() // nobody else does
	}
	if err != nil {
		return fmt.Errorf("logpub: %w", err)
	}
	return nil
}

// untilEnding is a context that is done when a source is asked to end, which is before the one that it
// wraps. Unlike a canceled one, it takes no goroutine for each of many files.
type untilEnding struct {
	context.Context
	ending <-chan struct{}
}

// Done implements [context.Context].
func (c untilEnding) Done() <-chan struct{} { return c.ending }

// Err implements [context.Context].
func (c untilEnding) Err() error {
	if closed(c.ending) {
		return context.Canceled
	}
	return nil
}

// finish saves the position, once no further lines become safe. It reports whether there is one on disk,
// if there is to be one.
func (s *File) finish() (saved bool) {
	s.f.Close()
	return s.cfg.State == "" || s.f.Saved()
}

// fileTaker puts the lines of a file into the queue.
type fileTaker struct {
	in     *Intake
	cut    input.Cutter
	ending <-chan struct{}
	until  time.Time // when ending is over; zero before it
}

// Take implements tail.Taker.
func (t *fileTaker) Take(names *tail.LineNames, lines []byte) (n int, mark uint64) {
	t.in.use(names)
	if closed(t.ending) {
		if t.until.IsZero() {
			t.until = time.Now().Add(lingerTime)
		}
		if time.Now().After(t.until) {
			return 0, t.in.p.queue.Mark()
		}
	}
	if bytes.Count(lines, []byte{'\n'}) == 0 {
		return 0, t.in.p.queue.Mark()
	}
	for len(lines) > 0 {
		i := bytes.IndexByte(lines, '\n') + 1
		if i <= t.in.maxLine {
			// All lines up to the next one that is too long go at once.
			for i < len(lines) {
				next := bytes.IndexByte(lines[i:], '\n') + 1
				if next > t.in.maxLine {
					break
				}
				i += next
			}
			took := t.in.PutSome(lines[:i], 0)
			n += took
			if took < i {
				break
			}
		} else {
			t.cut.Add(lines[:i])
			took := t.in.PutSome(t.cut.Whole(), 1)
			t.cut.Forget()
			if took == 0 {
				break
			}
			n += i
		}
		lines = lines[i:]
	}
	return n, t.in.p.queue.Mark()
}

// Safe implements tail.Taker. It syncs the spool, or a power cut could lose lines that the saved position is beyond.
func (t *fileTaker) Safe() uint64 {
	t.in.p.queue.Sync()
	return t.in.p.queue.Durable()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
