package logsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

const (
	logDir    = "/log"
	inputFile = logDir + "/access.log"
	spoolDir  = "/spool"
	stateDir  = "/state"
	// endTime bounds how long a program may take to end.
	endTime = 2 * time.Minute
)

// host is a web host or a log host.
type host struct {
	w       *world
	index   int
	name    string
	log     bool
	daemon  *spreadtest.Daemon
	address net.Addr
	busy    chan struct{} // has room while no fault concerns the host

	mu       sync.Mutex
	disk     *crashfs.Disk
	rotated  int
	life     atomic.Pointer[life]
	listener *listener // guarded by w.mu

	// of a web host
	pipe    *pipe // nil if lines come from a file
	pub     *logpub.Publisher
	written []string
	writing string          // the line that is being written
	mayLack map[string]bool // lines of the pipe that a killed logpub may have lost
	lost    map[string]bool // of these

	// of a log host
	sub *logsub.Subscriber
}

// newDisk makes the next disk of the host.
func (h *host) newDisk(d *crashfs.Disk) {
	d.OnCrash = func() {
		if l := h.life.Load(); l != nil && h.currentDisk() == d {
			l.dead.Store(true)
			l.once.Do(func() { close(l.killed) })
		}
	}
	h.mu.Lock()
	h.disk = d
	h.mu.Unlock()
}

func (h *host) currentDisk() *crashfs.Disk {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.disk
}

// start starts the program of the host. While that fails, it tries again, as a service manager does.
func (h *host) start() {
	run := h.startPublisher
	if h.log {
		run = h.startSubscriber
	}
	for range 600 {
		ctx, cancel := context.WithCancel(context.Background())
		l := &life{h: h, cancel: cancel, killed: make(chan struct{}), done: make(chan struct{}), conns: make(map[net.Conn]struct{})}
		h.life.Store(l)
		f, err := run(l, h.currentDisk())
		if err == nil {
			go func() {
				l.err = f(ctx)
				close(l.done)
			}()
			return
		}
		h.life.Store(nil)
		l.die()
		h.w.notef("%s does not start: %v", h.name, err)
		<-time.After(time.Second)
	}
	h.w.failf("%s never started", h.name)
}

func (h *host) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&logWriter{h}, &slog.HandlerOptions{Level: h.w.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// logWriter notes what a program logs.
type logWriter struct{ h *host }

// Write implements [io.Writer].
func (l *logWriter) Write(b []byte) (int, error) {
	l.h.w.notef("%s logs %s", l.h.name, bytes.TrimSpace(b))
	return len(b), nil
}

func (h *host) startPublisher(l *life, d *crashfs.Disk) (run func(context.Context) error, err error) {
	disk := h.w.plan.mutation.disk(h, d)
	h.pub, err = logpub.New(logpub.Config{
		Groups: []string{"site-other"}, Route: &logpub.Route{Field: 1, Prefix: "site-"}, Publisher: h.name, Acks: h.w.plan.acks,
		Spool: spoolDir, Disk: disk, Dial: l.dial, StatsInterval: -1, Log: h.logger(),
	})
	if err != nil {
		return nil, err
	}
	p := h.pub
	if h.pipe != nil {
		return func(ctx context.Context) error { return p.Run(ctx, &pipeEnd{h.pipe, l, make(chan struct{})}) }, nil
	}
	f, err := logpub.NewFile(tail.Config{Path: inputFile, State: stateDir, FromStart: true, Disk: disk}, nil)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return p.RunInputs(ctx, logpub.Input{Source: f}) }, nil
}

func (h *host) startSubscriber(l *life, d *crashfs.Disk) (run func(context.Context) error, err error) {
	p := h.w.plan
	cfg := logsub.Config{
		Host: h.name, Disk: p.mutation.disk(h, d), Dial: l.dial, HealListen: l.listen, HealDial: l.dialPeer, StatsInterval: -1, Log: h.logger(),
		Heal: logsub.Heal{Listen: h.address.String()}, SyncInterval: p.sync, Connections: make([]logsub.Connection, 1),
	}
	for i := range p.sites {
		file := []string{"all", "%{group}", "%{vhost}/log"}[p.layout]
		log := logsub.Log{Group: "site-" + site(i), File: filepath.Join(logDir, file), Envelope: logsub.EnvelopeIndex, VHost: logline.VHostKeep, Keep: logsub.Keeping{Size: p.size}}
		if p.size%2 == 1 {
			log.Keep.Compress = archive.Gzip
		}
		cfg.Connections[0].Logs = append(cfg.Connections[0].Logs, log)
	}
	if h.sub, err = logsub.New(cfg); err != nil {
		return nil, err
	}
	return h.sub.Run, nil
}

// kill ends the program, or with it the whole host. Of the disk, a power failure leaves what was synced,
// and any part of the rest.
func (h *host) kill(step int, off bool) {
	d, l := h.currentDisk(), h.life.Load()
	if step > 0 && l != nil {
		d.CrashAt(d.Steps()+step, h.w.random())
		select {
		case <-l.killed:
		case <-time.After(2 * time.Second):
		}
	}
	d.Crash()
	if l != nil {
		h.life.Store(nil)
		l.die()
		h.w.stale.Go(func() { <-l.done })
		if h.pipe != nil {
			h.mayLose(time.Now())
		}
	}
	var cut crashfs.Cut
	if off {
		h.daemon.SetDown(true)
		cut = d.Cut(h.w.rand())
		for _, lost := range d.Lost(cut) {
			h.w.notef("%s loses %s", h.name, lost)
		}
	}
	next := d.After(cut)
	if off && !h.log && h.pipe == nil {
		if err := h.mend(next); err != nil {
			h.w.failf("%s: %v", h.name, err)
		}
	}
	h.newDisk(next)
}

// mend takes away what a power failure has left of the line that the web server was writing, unless it is
// whole: a file system that keeps the order of what is appended leaves no holes in a file.
func (h *host) mend(d *crashfs.Disk) error {
	b, err := d.ReadFile(inputFile)
	if err != nil || len(b) == 0 {
		return nil //nolint:nilerr // There is no file.
	}
	last := b[1+bytes.LastIndexByte(b[:len(b)-1], '\n'):]
	h.mu.Lock()
	known := string(last) == h.writing || slices.Contains(h.written, string(last))
	h.mu.Unlock()
	if known {
		return nil
	}
	f, err := d.OpenFile(inputFile, os.O_RDWR, 0o600, false)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(b)-len(last))), f.Sync(), f.Close())
}

// stop ends the program in order.
func (h *host) stop() {
	l := h.life.Load()
	l.cancel()
	select {
	case <-l.done:
		if l.err != nil {
			h.w.failf("%s ends with %v", h.name, l.err)
		}
	case <-time.After(endTime):
		h.w.failf("%s does not end", h.name)
	}
	h.life.Store(nil)
}

// write writes a line of the web server.
func (h *host) write(line string) {
	h.mu.Lock()
	h.writing = line
	h.mu.Unlock()
	if h.pipe != nil {
		h.pipe.write(line)
	} else {
		h.onDisk(func(d *crashfs.Disk) error { return appendSynced(d, line) })
	}
	h.mu.Lock()
	h.written = append(h.written, line)
	h.mu.Unlock()
}

// onDisk does something on the disk of a web server, which lives on when logpub is killed.
func (h *host) onDisk(f func(d *crashfs.Disk) error) {
	for {
		err := f(h.currentDisk())
		if err == nil {
			return
		}
		if !errors.Is(err, crashfs.ErrCrashed) {
			h.w.failf("%s: %v", h.name, err)
			return
		}
		<-time.After(time.Millisecond)
	}
}

// appendSynced appends a line, which then survives a power failure. After a kill of logpub in the middle
// it goes on where it was.
func appendSynced(d *crashfs.Disk, line string) error {
	rest := line
	if b, err := d.ReadFile(inputFile); err == nil && bytes.HasSuffix(b, []byte(line)) {
		rest = "" // only the sync was missing
	} else if err == nil {
		rest = line[len(b)-1-bytes.LastIndexByte(b, '\n'):] // the kill was in the middle
	}
	f, err := d.OpenFile(inputFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600, false)
	if err != nil {
		return err
	}
	if rest != "" {
		_, err = io.WriteString(f, rest)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = d.SyncDir(logDir)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// rotate renames the input. The web server makes a new one with its next line.
func (h *host) rotate() {
	h.rotated++
	to := fmt.Sprintf("%s.%d", inputFile, h.rotated)
	h.onDisk(func(d *crashfs.Disk) error {
		if _, err := d.Stat(inputFile); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err := d.Rename(inputFile, to); err != nil {
			return err
		}
		return d.SyncDir(logDir)
	})
}

// pipe is the pipe that a web server logs to. It outlives the logpub that reads it.
type pipe struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
	read  []readLine
}

type readLine struct {
	line string
	at   time.Time
	by   *life
}

func newPipe() *pipe { return &pipe{more: make(chan struct{}, 1)} }

func (p *pipe) write(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	p.wake()
}

func (p *pipe) wake() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// pipeEnd is where a logpub reads. As with a real pipe, a Read can be ended before it has taken anything.
type pipeEnd struct {
	p       *pipe
	l       *life
	expired chan struct{} // closed at the deadline
}

// SetReadDeadline ends reading, unless t is zero. A process does so once.
func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		close(e.expired)
	}
	return nil
}

// Read implements [io.Reader]. A process that was killed reads nothing.
func (e *pipeEnd) Read(b []byte) (int, error) {
	for {
		select {
		case <-e.expired:
			return 0, os.ErrDeadlineExceeded
		default:
		}
		if n, err := e.take(b); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-e.p.more:
		case <-e.expired:
		case <-e.l.killed:
			e.p.wake() // another one reads
			return 0, io.EOF
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (e *pipeEnd) take(b []byte) (n int, err error) {
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.l.dead.Load() || e.l.h.life.Load() != e.l {
		return 0, io.EOF
	}
	for len(p.lines) > 0 && n+len(p.lines[0]) <= len(b) {
		n += copy(b[n:], p.lines[0])
		p.read = append(p.read, readLine{p.lines[0], time.Now(), e.l})
		p.lines = p.lines[1:]
	}
	return n, nil
}

// mayLose notes which lines a logpub that is killed now may have lost.
func (h *host) mayLose(now time.Time) {
	h.pipe.mu.Lock()
	defer h.pipe.mu.Unlock()
	for _, r := range h.pipe.read {
		if now.Sub(r.at) <= logpub.DefaultSpoolAfter+5*time.Millisecond {
			h.mayLack[r.line] = true
		}
	}
}
