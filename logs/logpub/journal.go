package logpub

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spreadd/spreadd/logs/internal/input"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

// SystemdJournal is a source of the messages in the journal of systemd. Like those of a [File], they are never dropped because a queue
// is full: they wait in the journal.
type SystemdJournal struct {
	cfg tail.JournalConfig
	j   *tail.JournalFollower
}

// NewSystemdJournal returns the source of the journal.
func NewSystemdJournal(cfg tail.JournalConfig, log *slog.Logger) (*SystemdJournal, error) {
	s := &SystemdJournal{cfg: cfg}
	if log != nil {
		s.cfg.OnEvent = func(what string, err error) {
			log.Warn(what, slog.String("input", s.String()), slog.Any("error", err)) //nolint:sloglint // each is a constant of package tail
		}
	}
	var err error
	if s.j, err = tail.NewJournalFollower(s.cfg); err != nil {
		return nil, fmt.Errorf("logpub: %w", err)
	}
	return s, nil
}

// String names the source.
func (s *SystemdJournal) String() string {
	return strings.Join(append([]string{"journal"}, s.cfg.Match...), " ")
}

// Run follows the journal until in.Ending is closed.
func (s *SystemdJournal) Run(ctx context.Context, in *Intake) error {
	in.waits, in.kept = true, s.cfg.State != ""
	t := &fileTaker{in: in, cut: input.Cutter{Max: in.MaxLine()}, ending: in.Ending()}
	if in.kept {
		s.j.Name(tail.Naming{Epoch: in.p.epochs.next, Rules: in.rules(), Over: in.p.named})
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-in.Ending():
		case <-running.Done():
		}
		stop()
	}()
	s.j.Run(running, t)
	if in.left.Load() {
		s.j.Close() // nobody else does
	}
	return nil
}

// finish implements positioned.
func (s *SystemdJournal) finish() (saved bool) {
	s.j.Close()
	return s.cfg.State == "" || s.j.Saved()
}

// leave implements positioned.
func (s *SystemdJournal) leave() { s.j.Leave() }
