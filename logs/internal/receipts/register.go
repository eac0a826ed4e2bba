package receipts

import (
	"cmp"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
)

const (
	// MaxStreams is how many streams a Register remembers.
	MaxStreams = 65536
	// maxReceipts bounds the receipts of an ack, so that it fits into few datagrams even with long names.
	maxReceipts = 64
	// maxAckSpans bounds the spans of an ack.
	maxAckSpans = 1024
	// maxTo is how many publishers an ack goes to.
	maxTo = 50
)

// Register is what a log host has written, and has yet to acknowledge.
type Register struct {
	host     string
	instance uint64
	store    uint64
	streams  map[envelope.Origin]*written
	due      []*written // with something to acknowledge
	uses     uint64     // counts calls
}

// written is what a log host has written of a stream.
type written struct {
	origin envelope.Origin
	have   envelope.Numbers
	fresh  envelope.Numbers // not acknowledged yet
	to     string           // the private group that its lines came from last
	ask    uint64           // to answer; 0 for no ask
	kept   uint64           // the answer begins here,
	until  uint64           // and ends here
	due    bool
	used   uint64
}

// NewRegister returns a Register for a log host. instance is a random number of the process.
func NewRegister(host string, instance uint64) *Register {
	return &Register{host: host, instance: instance, streams: make(map[envelope.Origin]*written)}
}

// SetStore sets what the acks say of the store ([logproto.Ack]).
func (r *Register) SetStore(store uint64) { r.store = store }

// Restore notes lines that were written before a restart.
func (r *Register) Restore(o envelope.Origin, spans []envelope.Span) {
	w := r.stream(o)
	for _, sp := range spans {
		w.have.AddSpan(sp)
	}
}

// Written notes that lines are written that came from a private group. Those that were written before are acknowledged again: the
// publisher may not know.
func (r *Register) Written(from string, o envelope.Origin, sp envelope.Span) {
	w := r.stream(o)
	w.have.AddSpan(sp)
	w.fresh.AddSpan(sp)
	r.answer(w, from)
}

// Ask notes an ask. Everything that came before it is written, or will not be.
func (r *Register) Ask(from string, a *logproto.Ask) {
	for i := range a.Epochs {
		e := &a.Epochs[i]
		for _, s := range e.Streams {
			if s.Kept == s.Next {
				continue // nothing to answer
			}
			w := r.stream(envelope.Origin{Publisher: a.Publisher, Epoch: e.Epoch, Stream: s.Stream})
			w.ask, w.kept, w.until = a.Number, s.Kept, s.Next
			r.answer(w, from)
		}
	}
}

// answer has a stream acknowledged.
func (r *Register) answer(w *written, to string) {
	w.to = to
	if !w.due {
		w.due = true
		r.due = append(r.due, w)
	}
}

func (r *Register) stream(o envelope.Origin) *written {
	r.uses++
	w := r.streams[o]
	if w == nil {
		if len(r.streams) >= MaxStreams {
			r.forget()
		}
		w = &written{origin: o}
		r.streams[o] = w
	}
	w.used = r.uses
	return w
}

// forget makes room: one sixteenth of the streams goes, those that were silent for the longest.
func (r *Register) forget() {
	list := make([]*written, 0, len(r.streams))
	for _, w := range r.streams {
		if !w.due {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b *written) int { return cmp.Compare(a.used, b.used) })
	for _, w := range list[:min(len(list), len(r.streams)/16+1)] {
		delete(r.streams, w.origin)
	}
}

// Due reports whether there is something to acknowledge.
func (r *Register) Due() bool { return len(r.due) > 0 }

// Next returns the next ack and the private groups that it goes to; nil if there is nothing to acknowledge.
func (r *Register) Next() (ack *logproto.Ack, to []string) {
	if len(r.due) == 0 {
		return nil, nil
	}
	ack = &logproto.Ack{Host: r.host, Instance: r.instance, Store: r.store}
	spans, n := 0, 0
	for n < len(r.due) && len(ack.Receipts) < maxReceipts && spans < maxAckSpans {
		w := r.due[n]
		if !slices.Contains(to, w.to) {
			if len(to) == maxTo {
				break
			}
			to = append(to, w.to)
		}
		rc := logproto.Receipt{Origin: w.origin}
		if w.ask != 0 {
			rc.Ask, rc.Until = w.ask, w.until
			rc.Spans = clip(w.have.Spans(), w.kept, w.until-1)
			if most := maxAckSpans - spans; len(rc.Spans) > most {
				rc.Until = rc.Spans[most].First
				rc.Spans = rc.Spans[:most]
			}
		} else {
			rc.Spans = slices.Clone(w.fresh.Spans())
		}
		spans += len(rc.Spans)
		ack.Receipts = append(ack.Receipts, rc)
		if rc.Ask != 0 && len(subtract(w.fresh.Spans(), rc.Spans)) > 0 {
			w.ask = 0 // the rest follows in the next ack
			break
		}
		w.fresh, w.ask, w.due = envelope.Numbers{}, 0, false
		n++
	}
	r.due = slices.Delete(r.due, 0, n)
	return ack, to
}

const (
	// AckDelay is how long the first ack after a pause waits for more lines.
	AckDelay = 10 * time.Millisecond
	// AckInterval is the interval between acks while lines keep coming. Each ack wakes a daemon on every host.
	AckInterval = 100 * time.Millisecond
)
