package logsub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// slowSink is what may be slow, or away: anything but files.
type slowSink interface {
	// Write hands on the lines of a batch, and acknowledges those that are taken. It returns an error, or leaves lines, if the
	// rest is to come again after a pause. It returns soon after ctx has ended.
	Write(ctx context.Context, b *queue.Batch) error
	// Idle is called now and then while there are no lines.
	Idle(ctx context.Context) error
	// Reopen is what SIGHUP asks for.
	Reopen() error
	// Close ends the sink.
	Close() error
	Stats() sink.Stats
}

// lane is the way to a slow sink. The writer that has it puts lines in its queue, which never waits; a goroutine of
// its own takes them from there to the sink.
type lane struct {
	name   string
	sink   slowSink
	queue  *queue.Queue
	log    *slog.Logger
	wait   time.Duration // at the end
	ending chan struct{} // closed when nothing comes any more
	reopen atomic.Bool   // has been asked for

	away    atomic.Bool // the same as failing, for counters
	failing bool
	since   time.Time // of the trouble
	said    time.Time // the last line about it
}

// newLane makes the lane of a sink. With a spool it finds what the process before has left there.
func newLane(cfg *Config, name string, s slowSink, batch queue.Config) (*lane, error) {
	l := &lane{
		name: name, sink: s, wait: cfg.commandWait(), ending: make(chan struct{}),
		log: cfg.Log.With(slog.String("sink", name)),
	}
	batch.LimitBytes = cfg.QueueBytes
	batch.Log = l.log
	if cfg.Spool != "" {
		batch.Spool, batch.SpoolBytes = filepath.Join(cfg.Spool, spoolName(name)), cfg.SpoolBytes
	}
	var err error
	if l.queue, err = queue.Open(batch); err != nil {
		return nil, fmt.Errorf("opening what waits for %s: %w", name, err)
	}
	return l, nil
}

// spoolName is the directory of a sink: its name as far as that goes, and a hash, so that different
// names have different ones.
func spoolName(name string) string {
	const most = 40
	sum := sha256.Sum256([]byte(name))
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		default:
			return '_'
		}
	}, name)
	return plain[:min(len(plain), most)] + "-" + hex.EncodeToString(sum[:8])
}

// put adds a line. One for which there is no room is counted.
func (l *lane) put(group, sender string, vhost []byte, at, now time.Time, line []byte) {
	if len(line) > 0 {
		l.queue.Put(&queue.Entry{Line: line, Group: group, Sender: sender, Vhost: vhost, Time: at, Came: now})
	}
}

// impatient is a slowSink that can be opened anew within a Write.
type impatient interface{ reopenNow() }

// askReopen asks for the sink to be opened anew, at once.
func (l *lane) askReopen() {
	if s, ok := l.sink.(impatient); ok {
		s.reopenNow()
		return
	}
	l.reopen.Store(true)
	l.queue.Interrupt()
}

// finish says that nothing is put any more.
func (l *lane) finish() {
	l.queue.Finish()
	close(l.ending)
}

// run takes lines to the sink until nothing is left after finish, or for a while longer, and
// keeps the rest in the spool.
func (l *lane) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	delivered := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { l.queue.Run(ctx) })
	others.Go(func() {
		select {
		case <-l.ending:
		case <-delivered:
			return
		}
		select {
		case <-time.After(l.wait):
			cancel()
		case <-delivered:
		}
	})
	err := l.queue.Deliver(ctx, l.write, l.idle)
	close(delivered)
	cancel()
	others.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // what is lost by that is told by Close
	}
	return errors.Join(err, l.close())
}

func (l *lane) close() error {
	err := errors.Join(l.sink.Close(), l.queue.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	return nil
}

func (l *lane) write(ctx context.Context, b *queue.Batch) error {
	l.reopenIfAsked()
	err := l.sink.Write(ctx, b)
	if ctx.Err() == nil {
		l.report(err)
	}
	return err
}

func (l *lane) idle(ctx context.Context) {
	if l.reopenIfAsked() {
		return
	}
	if err := l.sink.Idle(ctx); ctx.Err() == nil {
		l.report(err)
	}
}

func (l *lane) reopenIfAsked() bool {
	if !l.reopen.Swap(false) {
		return false
	}
	l.report(l.sink.Reopen())
	return true
}

// report says that the sink does not take lines, now and then, and when it does again.
func (l *lane) report(err error) {
	now := time.Now()
	switch {
	case err != nil && (!l.failing || now.Sub(l.said) >= complainInterval):
		if !l.failing {
			l.failing, l.since = true, now
			l.away.Store(true)
		}
		l.said = now
		st := l.queue.Stats()
		l.log.Error("a sink does not take lines; they wait", slog.Any("error", err),
			slog.Int64("waiting_bytes", st.WaitingBytes), slog.Int64("spooled_lines", st.SpoolLines), slog.Int64("lost_lines", st.Lost()))
	case err == nil && l.failing:
		l.failing = false
		l.away.Store(false)
		l.log.Warn("the sink takes lines again", slog.String("after", now.Sub(l.since).Round(time.Millisecond).String()),
			slog.Int64("lost_lines", l.queue.Stats().Lost()))
	}
}
