package sim

import (
	"container/heap"

	"github.com/spreadd/spreadd/internal/clock"
)

// event is something that is going to happen. Events of the same moment happen in the order in
// which they were planned.
type event struct {
	at     clock.Time
	serial uint64 // counts up
	kind   eventKind

	// host is where the event happens, unless it is an eventCall. If the host has restarted since
	// the life, nothing happens.
	host *host
	life int

	// token, from and bytes are the datagram of an eventArrive.
	token bool
	from  *host
	bytes []byte
	// forged reports that an attacker has made or changed the datagram.
	forged bool

	// call is the function of an eventCall.
	call func()
}

type eventKind uint8

const (
	// eventArrive: a datagram reaches a socket.
	eventArrive eventKind = iota
	// eventWork: a daemon reads its sockets.
	eventWork
	// eventTimer: a daemon's deadline may have come.
	eventTimer
	// eventCall: a function of the simulator is called.
	eventCall
)

// agenda is the future events: a heap of their pointers, to the moment and the order of planning.
type agenda struct {
	events []*event
	serial uint64
}

// Len implements heap.Interface.
func (a *agenda) Len() int { return len(a.events) }

// Less implements heap.Interface.
func (a *agenda) Less(i, j int) bool {
	x, y := a.events[i], a.events[j]
	return x.at < y.at || x.at == y.at && x.serial < y.serial
}

// Swap implements heap.Interface.
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }

// Push implements heap.Interface.
func (a *agenda) Push(e any) {
	a.events = append(a.events, e.(*event)) //nolint:errcheck // nothing else is pushed
}

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events = a.events[:last]
	return e
}

func (a *agenda) push(e event) {
	a.serial++
	e.serial = a.serial
	heap.Push(a, &e)
}
