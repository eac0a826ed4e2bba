package sim

import "github.com/spreadd/spreadd/internal/topology"

// tamper plants faults between the engines and their surroundings, to show that the checkers see
// them. The machines do not know of it.
type tamper struct {
	// send may change or, by returning false, drop a datagram that a daemon sends.
	send func(h *host, to topology.Target, b *[]byte) bool
	// stream may change what a daemon delivers in one step.
	stream func(h *host, entries []Entry) []Entry
	// forget says that daemons do not know the times that their former lives put into ids.
	forget bool
}
