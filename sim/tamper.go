package sim

import "github.com/spreadd/spreadd/internal/topology"

// tamper plants faults between the engines and their surroundings, to show that the checkers see
// them. The machines do not know of it.
type tamper struct {
	// send may change or, by returning false, drop a datagram that a daemon sends.
	send func(h *host, to topology.Target, b *[]byte) bool
	// stream may change what a daemon delivers in one step.
	stream func(h *host, entries []Entry) []Entry
	// wall may change what a daemon sees as the time of day.
	wall func(h *host, t int32) int32
}
