package sim

import "github.com/spreadd/spreadd/internal/clock"

// event is something that is going to happen. Of those at the same moment, the
// one that was planned first happens first.
type event struct {
	at     clock.Time
	serial uint64
	kind   eventKind

	host *host // all but eventCall: nothing happens if it has been restarted since
	life int

	token bool // eventArrive
	from  *host
	bytes []byte

	call func() // eventCall
}

type eventKind uint8

const (
	// eventArrive: a datagram reaches a socket.
	eventArrive eventKind = iota
	// eventWork: a daemon gets to look at its sockets.
	eventWork
	// eventTimer: a daemon's deadline may have come.
	eventTimer
	// eventCall: a function of the simulator's own is called.
	eventCall
)

// agenda is the events to come, a heap.
type agenda struct {
	list   []event
	serial uint64
}

func (a *agenda) before(i, j int) bool {
	x, y := &a.list[i], &a.list[j]
	return x.at < y.at || x.at == y.at && x.serial < y.serial
}

func (a *agenda) push(e event) {
	a.serial++
	e.serial = a.serial
	a.list = append(a.list, e)
	for i := len(a.list) - 1; i > 0; {
		up := (i - 1) / 2
		if !a.before(i, up) {
			break
		}
		a.list[i], a.list[up] = a.list[up], a.list[i]
		i = up
	}
}

// pop removes the next event.
func (a *agenda) pop() (event, bool) {
	if len(a.list) == 0 {
		return event{}, false
	}
	e := a.list[0]
	last := len(a.list) - 1
	a.list[0] = a.list[last]
	a.list[last] = event{}
	a.list = a.list[:last]
	for i := 0; ; {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < last && a.before(c, least) {
				least = c
			}
		}
		if least == i {
			return e, true
		}
		a.list[i], a.list[least] = a.list[least], a.list[i]
		i = least
	}
}
