package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/wire"
)

const commandPrompt = "\nMonitor> "

// maxInput is how many bytes of a line are read; the rest is skipped.
const maxInput = 4 << 10

// Conn is the part of a [monitor.Socket] that the program uses. Tests replace it.
type Conn interface {
	Daemons() []monitor.Daemon
	DaemonName(id wire.DaemonID) string
	Query(daemons ...int) error
	Partition(components []int16) error
	Kill(components []int16, daemons ...int) error
	SetWindows(window int16, daemons []wire.Windows) error
	Reload() error
	Receive() (monitor.Report, error)
	Close() error
}

// Settings are the parts of a configuration that the program uses.
type Settings struct {
	Hash uint32
	// Accelerated reports whether the accelerated ring is configured. Its windows are asked for
	// then.
	Accelerated bool
	// Open opens the monitor's socket.
	Open func(ctx context.Context) (Conn, error)
}

type config struct {
	// Load reads the configuration, at the start and on each reload.
	Load func() (Settings, error)
	// Interval is between two queries of status, above 0.
	Interval time.Duration
	// Rounds is after how many queries runJSON ends; 0 is never.
	Rounds int
	In     io.Reader // of runMenu
	Out    io.Writer
}

// runMenu carries out commands until the user quits, input ends or ctx does. A read
// of input that is under way does not keep it from returning. The error says why
// it could not start, or not go on.
func runMenu(ctx context.Context, cfg config) error {
	p := &program{cfg: cfg, lines: make(chan string), done: make(chan struct{})}
	defer close(p.done)
	if err := p.load(ctx); err != nil {
		return err
	}
	defer func() { p.close() }()
	go p.read(cfg.In)
	p.print(menu)
	for !p.over {
		if line, ok := p.ask(ctx, commandPrompt); ok {
			p.command(ctx, line)
		}
	}
	p.print("Bye.\n")
	return p.failure
}

// program is the state of a run. All but reading belongs to one goroutine.
type program struct {
	cfg   config
	lines chan string   // closed at the end of input
	done  chan struct{} // closed when runMenu returns
	over  bool
	// failure is what runMenu returns.
	failure error
	// prompt is the last line of what is being asked, or "".
	prompt string

	settings Settings
	conn     Conn
	reports  chan received

	selected []bool // whose status is wanted
	status   ticker
	previous []wire.Status // the last report of each

	defined, active []int16 // components
	repeat          ticker

	windows     flowWindows // as defined
	sentWindows flowWindows // as sent last; zero before that, as in the original
}

// flowWindows are the windows of flow control.
type flowWindows struct {
	window  int16
	daemons []wire.Windows
}

// received is what [Conn.Receive] returned.
type received struct {
	report monitor.Report
	err    error
}

// ticker is a time.Ticker that may be off.
type ticker struct {
	t *time.Ticker
	C <-chan time.Time // nil while it is off
}

func (t *ticker) start(d time.Duration) {
	t.stop()
	t.t = time.NewTicker(d)
	t.C = t.t.C
}

func (t *ticker) stop() {
	if t.t != nil {
		t.t.Stop()
	}
	*t = ticker{}
}

// load reads the configuration, opens the socket and resets all settings.
func (p *program) load(ctx context.Context) error {
	s, err := p.cfg.Load()
	if err != nil {
		return err
	}
	return p.open(ctx, s)
}

func (p *program) open(ctx context.Context, s Settings) error {
	conn, err := s.Open(ctx)
	if err != nil {
		return err
	}
	n := len(conn.Daemons())
	p.settings, p.conn = s, conn
	p.selected, p.previous = make([]bool, n), make([]wire.Status, n)
	p.defined, p.active = make([]int16, n), make([]int16, n)
	p.sentWindows = flowWindows{daemons: make([]wire.Windows, n)}
	p.windows = flowWindows{wire.Unchanged, make([]wire.Windows, n)}
	for i := range p.windows.daemons {
		p.windows.daemons[i] = wire.Windows{Window: wire.Unchanged, Personal: wire.Unchanged, Accelerated: wire.Unchanged}
	}
	p.reports = make(chan received)
	go pump(conn, p.reports, p.done)
	return nil
}

// pump passes reports on until the connection is closed or fails.
func pump(conn Conn, reports chan<- received, done <-chan struct{}) {
	for {
		var r received
		r.report, r.err = conn.Receive()
		if errors.Is(r.err, net.ErrClosed) {
			return
		}
		select {
		case reports <- r:
		case <-done:
			return
		}
		if r.err != nil {
			return
		}
	}
}

// close closes the socket and ends repeated requests. Later reports are ignored.
func (p *program) close() {
	p.status.stop()
	p.repeat.stop()
	if p.conn == nil {
		return
	}
	_ = p.conn.Close() // nothing was buffered
	p.conn = nil
}

// read reads lines until the input ends.
func (p *program) read(in io.Reader) {
	defer close(p.lines)
	r := bufio.NewReaderSize(in, maxInput)
	for {
		b, err := r.ReadSlice('\n')
		line := string(b)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if line != "" {
			select {
			case p.lines <- strings.TrimRight(line, "\r\n"):
			case <-p.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// ask asks for one line, and handles reports and timers until it arrives. It returns false if the
// program is over.
func (p *program) ask(ctx context.Context, prompt string) (string, bool) {
	p.print(prompt)
	p.prompt = prompt[strings.LastIndexByte(prompt, '\n')+1:]
	defer func() { p.prompt = "" }()
	for !p.over {
		select {
		case line, ok := <-p.lines:
			if ok {
				return line, true
			}
			p.over = true
		case r := <-p.reports:
			p.receive(r)
		case <-p.status.C:
			p.query()
		case <-p.repeat.C:
			p.sendPartition()
		case <-ctx.Done():
			p.over = true
		}
	}
	return "", false
}

func (p *program) receive(r received) {
	if r.err != nil {
		p.failure, p.over = r.err, true
		return
	}
	i := r.report.Daemon
	if i < 0 {
		p.say(unknownText(&r.report))
		return
	}
	p.say(reportText(p.conn, &r.report, &p.previous[i]))
	p.previous[i] = r.report.Status
}

func (p *program) query() {
	p.sent("send status query", p.conn.Query(chosen(p.selected)...))
}

func (p *program) sendPartition() {
	p.sent("send partition", p.conn.Partition(p.active))
}

// sent prints what was sent, and the error of sending, which may be temporary.
func (p *program) sent(what string, err error) {
	text := "\nMonitor: " + what + "\n"
	if err != nil {
		text += "Monitor: " + strings.ReplaceAll(err.Error(), "\n", "\nMonitor: ") + "\n"
	}
	p.say(text)
}

// say prints text that begins with a newline. While a question is open, the text begins below it
// and the question is repeated. Otherwise the user has just ended a line.
func (p *program) say(text string) {
	if p.prompt != "" {
		p.print(text + "\n" + p.prompt)
		return
	}
	p.print(text[1:])
}

func (p *program) print(text string) {
	_, _ = io.WriteString(p.cfg.Out, text) // there is nowhere else to report an error
}

func (p *program) printf(format string, args ...any) { p.print(fmt.Sprintf(format, args...)) }

func chosen(set []bool) []int {
	var all []int
	for i, x := range set {
		if x {
			all = append(all, i)
		}
	}
	return all
}

// place returns the index of the daemon with a name, or -1.
func place(daemons []monitor.Daemon, name string) int {
	return slices.IndexFunc(daemons, func(d monitor.Daemon) bool { return d.Name == name })
}
