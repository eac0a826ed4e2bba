package sim

import "github.com/spreadd/spreadd/internal/clock"

// event is something that is going to happen. Events of the same moment happen in the order in
// which they were planned.
type event struct {
	at   clock.Time
	kind eventKind

	// host is where the event happens, unless it is an eventCall. If the host has restarted since the
	// life, nothing happens.
	host *host
	life int

	// token, from and bytes are the datagram of an eventArrive.
	token bool
	from  *host
	bytes []byte

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

// agenda is the future events. The heap holds their moments and the places of the events, so that
// it moves no pointers.
type agenda struct {
	heap   []place
	kept   []event
	free   []int32
	serial uint64
}

type place struct {
	at     clock.Time
	serial uint64
	kept   int32
}

func (p *place) before(o *place) bool { return p.at < o.at || p.at == o.at && p.serial < o.serial }

// next returns the moment of the next event, if there is one.
func (a *agenda) next() (at clock.Time, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

func (a *agenda) push(e event) {
	a.serial++
	p := place{e.at, a.serial, int32(len(a.kept))}
	if n := len(a.free); n > 0 {
		p.kept = a.free[n-1]
		a.free = a.free[:n-1]
		a.kept[p.kept] = e
	} else {
		a.kept = append(a.kept, e)
	}
	a.heap = append(a.heap, p)
	i := len(a.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !p.before(&a.heap[up]) {
			break
		}
		a.heap[i] = a.heap[up]
		i = up
	}
	a.heap[i] = p
}

// pop removes the next event. There must be one.
func (a *agenda) pop() event {
	first := a.heap[0].kept
	last := len(a.heap) - 1
	p := a.heap[last]
	a.heap = a.heap[:last]
	if last > 0 {
		a.sink(p)
	}
	e := a.kept[first]
	a.kept[first] = event{}
	a.free = append(a.free, first)
	return e
}

// sink finds the place of the last entry, from the top down.
func (a *agenda) sink(p place) {
	i, n := 0, len(a.heap)
	for {
		least := 2*i + 1
		if least >= n {
			break
		}
		if right := least + 1; right < n && a.heap[right].before(&a.heap[least]) {
			least = right
		}
		if !a.heap[least].before(&p) {
			break
		}
		a.heap[i] = a.heap[least]
		i = least
	}
	a.heap[i] = p
}
