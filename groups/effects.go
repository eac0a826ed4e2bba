package groups

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Effects collects what the driver has to do after a step: pass on the deliveries in order, end the
// sessions of Ended, and carry out the commands in order. The driver owns the value and resets it
// between steps; its slices keep their capacity.
type Effects struct {
	Deliveries []Delivery
	// Ended are sessions that were removed, in total order. Their names are free, and nothing more
	// is delivered to them.
	Ended []SessionID
	// RingCommands are for the ring.
	RingCommands []RingCommand
	// Refused are the messages that were refused, for counters.
	Refused []Refused

	receivers []SessionID
}

// Delivery is a message for local sessions. All receivers share Data; a reader that keeps it beyond
// the step retains its block.
type Delivery struct {
	Data  buf.Slice
	first int // the receivers, in Effects.receivers
	n     int
}

// Receivers returns the sessions to which d goes. Each is listed once.
func (e *Effects) Receivers(d Delivery) []SessionID {
	return e.receivers[d.first : d.first+d.n]
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.Deliveries) // they point to blocks
	e.Deliveries = e.Deliveries[:0]
	e.Ended = e.Ended[:0]
	clear(e.RingCommands)
	e.RingCommands = e.RingCommands[:0]
	e.Refused = e.Refused[:0]
	e.receivers = e.receivers[:0]
}

// deliver adds a delivery to the receivers appended since first, if there are any.
func (e *Effects) deliver(data buf.Slice, first int) {
	if n := len(e.receivers) - first; n > 0 {
		e.Deliveries = append(e.Deliveries, Delivery{data, first, n})
	}
}

func (e *Effects) deliverTo(id SessionID, msg []byte) {
	e.receivers = append(e.receivers, id)
	e.deliver(whole(msg), len(e.receivers)-1)
}

func (e *Effects) command(k RingCommandKind) {
	e.RingCommands = append(e.RingCommands, RingCommand{Kind: k})
}

func (e *Effects) refuse(k Reason, member, group wire.Name) {
	e.Refused = append(e.Refused, Refused{k, member, group})
}

// whole returns a slice of a message that was just built.
func whole(msg []byte) buf.Slice { return buf.Slice{Block: buf.Wrap(msg), Hi: len(msg)} }
