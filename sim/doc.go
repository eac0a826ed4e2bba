// Package sim runs the daemons' machines (package engine) in a network of its
// own making, where everything goes wrong that can, and checks what they do
// against the properties that the protocols promise. All of a run follows from its seed.
//
// # A run
//
// [Draw] draws the [Options] of a run from its seed: up to 20 daemons on up to 4 segments,
// latency, loss, duplication, late datagrams, small sockets, clocks that differ, what
// clients do, and which kinds of [Fault] there are how often. In the first phase, safety, anything
// may fail: daemons crash and come back under their names, links are cut in one direction or both,
// the network falls apart just when a ring is being formed, hosts stand still, tokens
// vanish, the configuration changes and daemons read it one after another. In the second, liveness, the network is whole again: those that live have to form one
// ring within [Options.HealBound], which follows from the timeouts, to stay in it, and to deliver
// everything that is sent then.
//
// Each daemon has a client, the watcher, that every message is addressed to, so that all that
// the daemon delivers is seen. Other clients join, leave, send by each service, die, come
// back under their names, or stop reading until they are given up.
//
// # What is checked
//
// The checkers, one to a file (check_*.go), see the [History]: what clients asked and got,
// what was on the wire, and the configurations as they were entered. They hold the properties C1
// to C8 and M1 to M12 of membership-protocol §15, and G1 to G12 of groups-protocol §12,
// by these names. Besides, engine.Check runs after each step, nothing may panic, what is sent
// has to decode, and at the end no block may be missing. Freed blocks are overwritten, so that
// who reads one late delivers nonsense.
//
// Some properties are held in a weaker form than they are written, because a daemon
// that shares rings with C daemons cannot do better. docs/develop/testing.md says which, and why.
//
// Situations that are rare are counted ([Rare]); a long series that never met one of them has
// not tested it. That the checkers can fail is shown by planted faults (mutants_test.go, and
// sources_test.go, which changes the machines' source).
//
// # What it does not
//
// It does not run package daemon, its sockets and its sessions. All daemons have the
// same timeouts and the same version. No datagram is altered on its way; fuzzing does that. No
// regular token is later than twelve rounds, as after sixteen it is a new one (ring-protocol §13.1). A
// daemon comes back only when its wall clock has passed all times that it has put into ids, without
// which ids are not unique (membership-protocol §11).
//
// # How to debug
//
// A failing test prints the seed, the violations, and what came before the first of
// them. All of it:
//
//	go test ./sim -run Seeds -v -seed 4711
//	go run ./sim/cmd/soak -seed 4711
//
// Daemons are called A, B, C..., in the order of the configuration, with the number
// of their life behind it; rings by the daemon and the second of their id: A@12. A line with ">" is a
// datagram, with what becomes of each copy: how long it takes, or that it is lost, or cut off.
//
// # References
//
// docs/spec/membership-protocol.md §15, docs/spec/groups-protocol.md §12, docs/develop/testing.md. Moser, Amir,
// Melliar-Smith, Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package sim
