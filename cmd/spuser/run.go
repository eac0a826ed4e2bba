package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/spread"
)

// commandPrompt asks for a command.
const commandPrompt = "\nUser> "

// connection is what spuser uses of a [spread.Conn].
type connection interface {
	PrivateGroup() string
	DaemonVersion() spread.Version
	Join(ctx context.Context, group string) error
	Leave(ctx context.Context, group string) error
	Multicast(ctx context.Context, service spread.Service, messType int16, payload []byte, groups ...string) error
	Receive(ctx context.Context) (spread.Event, error)
	Poll() (int, error)
	Close() error
}

// config is the configuration of interact.
type config struct {
	// Address is the daemon's address as it is printed.
	Address string
	// Dial connects. Its context ends after 5 s.
	Dial func(ctx context.Context) (connection, error)
	// Complain, if it is set, takes the reason why Dial failed.
	Complain func(error)
	// Lasting says that Dial returns a connection that comes back when it is lost.
	Lasting bool
	// Raw shows payloads as they are, with the envelopes of log lines.
	Raw bool
	// console provides commands and takes the output for people.
	console console
	// JSON, if it is set, receives each event as a line of JSON ([recording.Event]).
	JSON io.Writer
}

// interact connects, executes commands until the user quits, the input ends, ctx ends or the
// connection is lost, and disconnects. The error is that of connecting or of the lost connection.
// It has been shown already.
func interact(ctx context.Context, cfg config) error {
	p := &program{console: cfg.console, lasting: cfg.Lasting, raw: cfg.Raw}
	defer p.Close()
	if cfg.JSON != nil {
		p.json = json.NewEncoder(cfg.JSON)
		p.json.SetEscapeHTML(false)
	}
	p.Print("Spread library version is " + spread.LibraryVersion().String() + "\n")
	if !p.connect(ctx, cfg) {
		p.bye("could not connect")
		return p.failure
	}
	p.startReading(ctx)
	for !p.over {
		if line, ok := p.ask(ctx, commandPrompt, p.events); ok {
			p.command(ctx, line)
		}
	}
	return p.failure
}

// program is the state of a run. It belongs to one goroutine.
type program struct {
	console
	json    *json.Encoder // or nil
	sess    connection
	lasting bool // sess comes back when it is lost
	raw     bool // envelopes are shown as bytes
	over    bool
	failure error // what interact returns

	// Asynchronous reading: a goroutine receives and sends to events.
	events <-chan received         // nil while it is off
	stop   func() (received, bool) // ends it and returns an event that it could not send

	sent      int // messages sent, as b counts
	burstSize int // of the last burst
}

// received is a result of [connection.Receive].
type received struct {
	event spread.Event
	err   error
}

func (p *program) connect(ctx context.Context, cfg config) bool {
	ctx, cancel := context.WithTimeout(ctx, client.ConnectTimeout)
	defer cancel()
	sess, err := cfg.Dial(ctx)
	if err != nil {
		p.failure = err
		p.error(err)
		if cfg.Complain != nil {
			cfg.Complain(err)
		}
		return false
	}
	p.sess = sess
	p.Print(fmt.Sprintf("User: connected to %s with private group %s\n", cfg.Address, sess.PrivateGroup()))
	p.record(recording.Event{
		Event: "connected", Daemon: cfg.Address,
		Version: sess.DaemonVersion().String(), PrivateGroup: sess.PrivateGroup(),
	})
	p.Print(menu)
	return true
}

// ask asks for one line, and shows events until the line is complete. It reports false if the
// program is over.
func (p *program) ask(ctx context.Context, prompt string, events <-chan received) (string, bool) {
	if ctx.Err() != nil {
		p.end("quit")
		return "", false
	}
	p.Ask(prompt)
	for !p.over {
		select {
		case line := <-p.Lines():
			if line.Err != nil {
				p.end("quit")
				break
			}
			return line.Text, true
		case r := <-events:
			p.show(r, p.Interject)
		case <-ctx.Done():
			p.end("quit")
		}
	}
	return "", false
}

// show shows an event. A failure of the connection ends the program.
func (p *program) show(r received, out func(string)) {
	if r.err == nil {
		out(eventText(r.event, p.raw))
		e := recording.Of(r.event)
		if !p.raw {
			e.Open()
		}
		p.record(e)
		return
	}
	p.Print(ruler)
	p.error(r.err)
	p.Print(ruler)
	p.lose(r.err)
}

// startReading turns asynchronous reading on.
func (p *program) startReading(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	events, done := make(chan received), make(chan struct{})
	var (
		r    received
		held bool // r was received but not sent to events
	)
	go func() {
		defer close(done)
		for r.err == nil {
			r.event, r.err = p.next(ctx)
			if r.err != nil && ctx.Err() != nil {
				return
			}
			select {
			case events <- r:
			case <-ctx.Done():
				held = true
				return
			}
		}
	}()
	p.events = events
	p.stop = func() (received, bool) {
		cancel()
		<-done
		return r, held
	}
}

// stopReading turns asynchronous reading off. It shows an event that was received but not yet
// shown.
func (p *program) stopReading() {
	r, held := p.stop()
	p.events = nil
	if held {
		p.show(r, p.Print)
	}
}

// receive waits for one event and shows it, with the prompt that the original prints after events.
// Only the end of ctx interrupts it.
func (p *program) receive(ctx context.Context) {
	var r received
	if p.events != nil {
		select {
		case r = <-p.events:
		case <-ctx.Done():
			return
		}
	} else if r.event, r.err = p.next(ctx); r.err != nil && ctx.Err() != nil {
		return
	}
	p.show(r, func(text string) { p.Print(text + commandPrompt) })
}

// next receives the next event. It skips control messages of publishers and log hosts, unless raw is set.
func (p *program) next(ctx context.Context) (spread.Event, error) {
	for {
		ev, err := p.sess.Receive(ctx)
		if m, ok := ev.(*spread.Message); !ok || p.raw || !recording.IsControl(m.Payload) {
			return ev, err
		}
	}
}

// lose ends the program because the connection has failed.
func (p *program) lose(err error) {
	p.failure = err
	p.end("connection lost")
}

// end ends the program and the session.
func (p *program) end(why string) {
	p.over = true
	if p.events != nil {
		p.stop()
	}
	if err := p.sess.Close(); err != nil && p.failure == nil { // otherwise the same failure is shown already
		p.failure = err
		p.error(err)
	}
	p.bye(why)
}

// bye prints the end of the session.
func (p *program) bye(why string) {
	p.Print("\nBye.\n")
	p.record(recording.Event{Event: "closed", Text: why})
}

// error shows an error.
func (p *program) error(err error) {
	code := spread.CodeOf(err)
	if code == 0 { // a context of ours ended
		code = spread.ErrConnectionClosed
	}
	p.Print(fmt.Sprintf("SP_error: (%d) %s\n", int(code), errorText(code)))
	p.record(recording.OfError(err))
}

// record prints a record if -json is set.
func (p *program) record(r recording.Event) {
	if p.json != nil {
		r.Time = time.Now().UTC()
		_ = p.json.Encode(r) // there is no other place to report an error
	}
}
