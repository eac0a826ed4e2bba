package sim

import "github.com/spreadd/spreadd/internal/clock"

// event is something that is going to happen. Events of the same moment happen in the order in
// which they were planned.
type event struct {
	at   clock.Time
	kind eventKind

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

// agenda is the future events: a heap of them, by the moment and the order of planning. Events that
// have happened are used again.
type agenda struct {
	heap   []planned
	free   []*event
	serial uint64
}

// planned is a place in the heap.
type planned struct {
	at     clock.Time
	serial uint64 // counts up
	event  *event
}

func (p *planned) before(o *planned) bool {
	return p.at < o.at || p.at == o.at && p.serial < o.serial
}

// children is the number of children of a place in the heap. Most events are planned for soon, and
// a flat heap compares fewer of the others.
const children = 4

func (a *agenda) push(e event) {
	var own *event
	if n := len(a.free); n > 0 {
		own = a.free[n-1]
		a.free = a.free[:n-1]
	} else {
		own = new(event)
	}
	*own = e
	a.serial++
	p := planned{e.at, a.serial, own}
	a.heap = append(a.heap, p)
	i := len(a.heap) - 1
	for i > 0 {
		parent := (i - 1) / children
		if !p.before(&a.heap[parent]) {
			break
		}
		a.heap[i] = a.heap[parent]
		i = parent
	}
	a.heap[i] = p
}

// pop returns the next event. Give it back with done.
func (a *agenda) pop() *event {
	next := a.heap[0].event
	last := len(a.heap) - 1
	p := a.heap[last]
	a.heap = a.heap[:last]
	if last == 0 {
		return next
	}
	i := 0
	for {
		first := i*children + 1
		if first >= last {
			break
		}
		least := first
		for c := first + 1; c < min(first+children, last); c++ {
			if a.heap[c].before(&a.heap[least]) {
				least = c
			}
		}
		if !a.heap[least].before(&p) {
			break
		}
		a.heap[i] = a.heap[least]
		i = least
	}
	a.heap[i] = p
	return next
}

// done keeps the memory of an event for another one.
func (a *agenda) done(e *event) {
	*e = event{}
	a.free = append(a.free, e)
}
