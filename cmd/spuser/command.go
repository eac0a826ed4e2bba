package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/spread"
)

const (
	// maxTargets is the number of groups that s and m take from a line.
	maxTargets = 10
	// maxLine is the number of bytes of a line that s sends, the newline included.
	maxLine = 199
	// typedMessType is the message type of s and m, burstMessType that of b.
	typedMessType = 1
	burstMessType = 2
	// maxEcho is the number of bytes of an unknown command that a record shows.
	maxEcho = 40
	// burst is the number of messages that b sends.
	burst = 10
	// burstGroup receives a burst for which no group is given.
	burstGroup = "dummy_group_name"
)

// command executes one line. The command is the first character, and its argument begins at the
// third (daemon-operations §9).
func (p *program) command(ctx context.Context, line string) {
	line = strings.TrimRight(line, "\r\n")
	var key byte
	if line != "" {
		key = line[0]
	}
	rest := line[min(2, len(line)):]
	switch key {
	case 'j':
		p.onGroup(ctx, rest, p.sess.Join)
	case 'l':
		p.onGroup(ctx, rest, p.sess.Leave)
	case 's':
		p.send(ctx, rest, false)
	case 'm':
		p.send(ctx, rest, true)
	case 'b':
		p.burst(ctx, rest)
	case 'r':
		p.receive(ctx)
	case 'p':
		p.poll()
	case 'e':
		if p.events == nil {
			p.startReading(ctx)
		}
	case 'd':
		if p.events != nil {
			p.stopReading()
		}
	case 'q':
		p.end("quit")
	default:
		p.Print("\nUnknown commnad\n" + menu)
		p.record(recording.Event{Event: "error", Op: "command", Text: "unknown command " + strconv.Quote(line[:min(len(line), maxEcho)])})
	}
}

// words returns the first words of text, at most n.
func words(text string, n int) []string {
	w := strings.Fields(text)
	return w[:min(len(w), n)]
}

// noGroup reports that a command names no group.
func (p *program) noGroup() {
	p.Print(" invalid group \n")
	p.record(recording.Event{Event: "error", Op: "command", Text: "no group given"})
}

func (p *program) onGroup(ctx context.Context, rest string, do func(ctx context.Context, group string) error) {
	group := words(rest, 1)
	if len(group) == 0 {
		p.noGroup()
		return
	}
	if err := do(ctx, group[0]); err != nil {
		p.error(err)
	}
}

// send asks for a message of one line or of many, and sends it.
func (p *program) send(ctx context.Context, rest string, many bool) {
	groups := words(rest, maxTargets)
	if len(groups) == 0 {
		p.noGroup()
		return
	}
	most := maxLine
	if many {
		most = maxShown
	}
	var payload []byte
	for prompt := "enter message: "; ; prompt = "" {
		line, ok := p.ask(ctx, prompt, nil)
		if !ok {
			return
		}
		if many && strings.TrimRight(line, "\r\n") == "" {
			break
		}
		room := most - len(payload)
		payload = append(payload, line[:min(len(line), room)]...)
		if len(line) > room {
			p.Print(fmt.Sprintf("message cut to %d bytes\n", most))
			break
		}
		if !many {
			break
		}
	}
	p.multicast(ctx, spread.Safe, typedMessType, payload, groups)
}

// multicast sends one message. As in the original, a failure ends the program, except for a message
// that is invalid in itself, and with -k.
func (p *program) multicast(ctx context.Context, service spread.Service, messType int16, payload []byte, groups []string) bool {
	err := p.sess.Multicast(ctx, service, messType, payload, groups...)
	switch code := spread.CodeOf(err); {
	case err == nil:
		p.sent++
		n := len(payload)
		p.record(recording.Event{Event: "sent", Service: service.String(), Groups: groups, Type: &messType, Bytes: &n})
		return true
	case ctx.Err() != nil: // the next prompt ends the program
	case code == spread.ErrIllegalGroup || code == spread.ErrMessageTooLong:
		p.error(err)
	default:
		p.error(err)
		if !p.lasting {
			p.lose(err)
		}
	}
	return false
}

// burst sends ten messages.
func (p *program) burst(ctx context.Context, rest string) {
	group := words(rest, 1)
	if len(group) == 0 {
		group = []string{burstGroup}
	}
	line, ok := p.ask(ctx, "enter size of each message: ", nil)
	if !ok {
		return
	}
	if w := words(line, 1); len(w) > 0 {
		if n, err := strconv.Atoi(w[0]); err == nil {
			p.burstSize = max(0, min(n, maxShown))
		}
	}
	p.Print(fmt.Sprintf("sending %d messages of %d bytes\n", burst, p.burstSize))
	for i := range burst {
		payload := burstPayload(p.sent+1, p.burstSize)
		if !p.multicast(ctx, spread.FIFO, burstMessType, payload, group) {
			return
		}
		p.Print(fmt.Sprintf("sent message %d (total %d)\n", i+1, p.sent))
	}
}

// burstPayload returns message number n of this session, for a burst of messages of size bytes. The
// original pads it with leftovers of earlier messages; the alphabet makes a session repeatable.
func burstPayload(n, size int) []byte {
	b := fmt.Appendf(make([]byte, 0, size+32), "mess num %d ", n)
	for i := 0; len(b) < size; i++ {
		b = append(b, 'a'+byte(i%26))
	}
	return b[:size]
}

// poll prints how many bytes wait to be received. As in the original, few do while asynchronous
// reading is on, because it takes them at once.
func (p *program) poll() {
	n, err := p.sess.Poll()
	if err != nil {
		p.error(err)
		return
	}
	p.Print(fmt.Sprintf("Polling sais: %d\n", n))
	p.record(recording.Event{Event: "poll", Bytes: &n})
}
