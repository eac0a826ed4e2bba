package logpub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input"
	"github.com/spreadd/spreadd/logs/internal/input/container"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/spread"
)

// maxParts bounds the parts of one line in the log of a container, with what the runtime adds to each.
const maxParts = 1 << 20

// File is a source of the lines of a file that is followed through its rotation. Its lines are never dropped because a queue is
// full: they wait in the file.
type File struct {
	cfg    tail.Config
	f      *tail.Follower
	log    *slog.Logger // may be nil
	needed bool         // it is a fault if the file does not exist
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
	if cfg.Format != container.Plain {
		cfg.MaxLine = max(cfg.MaxLine, maxParts)
	}
	f, err := tail.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("logpub: %w", err)
	}
	return &File{cfg: cfg, f: f, log: log, needed: true}, nil
}

// path returns the absolute path.
func (s *File) path() string {
	path, err := filepath.Abs(s.cfg.Path)
	if err != nil {
		return filepath.Clean(s.cfg.Path)
	}
	return path
}

// String names the source.
func (s *File) String() string { return "file " + s.cfg.Path }

// Run follows the file until in.Ending is closed.
func (s *File) Run(ctx context.Context, in *Intake) error {
	in.waits, in.kept = true, s.cfg.State != ""
	if s.needed && s.log != nil {
		if err := tail.Check(s.cfg.Path); errors.Is(err, tail.ErrLate) {
			s.log.Warn("file does not exist yet", slog.Any("error", err))
		}
	}
	t := &fileTaker{in: in, format: s.cfg.Format, path: s.cfg.Path, log: s.log, cut: input.Cutter{Max: in.MaxLine()}, ending: in.Ending()}
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

// leave implements positioned.
func (s *File) leave() { s.f.Leave() }

// fileTaker puts the lines of a file into the queue.
type fileTaker struct {
	in     *Intake
	format container.Format
	path   string
	log    *slog.Logger // may be nil
	cut    input.Cutter
	ending <-chan struct{}
	until  time.Time // when ending is over; zero before it
	decode container.Decoder
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
	if t.format == container.Plain {
		return t.put(lines), t.in.p.queue.Mark()
	}
	bad := t.decode.Bad
	t.decode.Decode(t.format, lines)
	if bad == 0 && t.decode.Bad > 0 && t.log != nil {
		t.log.Warn("file has lines in another format; they are sent as they are",
			slog.String("file", t.path), slog.String("format", t.format.String()))
	}
	return t.decode.Read(t.put(t.decode.Text)), t.in.p.queue.Mark()
}

// put puts whole lines into the queue, and cuts those that are too long. It returns how many bytes were taken.
func (t *fileTaker) put(lines []byte) (n int) {
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
	return n
}

// Safe implements tail.Taker. It syncs the spool, or a power cut could lose lines that the saved position is beyond.
func (t *fileTaker) Safe() uint64 {
	t.in.p.queue.Sync()
	return t.in.p.queue.Durable()
}
