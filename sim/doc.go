// Package sim is a simulator that runs rings of daemons' machines (package engine) in an artificial
// network, where everything goes wrong that can, and checks what they do against the properties
// that the protocols promise. A seed determines the whole run.
//
// # A run
//
// [Draw] draws the [Options] of a run from its seed: up to 20 daemons on up to 4 segments, latency,
// loss, duplication, late datagrams, small sockets, clocks that differ, what clients do, and which
// kinds of [Fault] occur how often.
//
// In the first phase, safety, anything may fail. Daemons crash and restart under their names, links
// are cut in one direction or both, the network partitions while a ring is being formed, hosts
// pause, tokens are lost, and the configuration changes and daemons read it one after another. In
// the second phase, liveness, the network is whole again. The daemons that are alive must form one
// ring within [Options.HealBound], which follows from the timeouts, stay in it, and deliver
// everything that is sent then.
//
// Each daemon has a client called the watcher. Every message is addressed to it, so that it sees
// everything that the daemon delivers. Other clients join, leave, send with each service, die, come
// back under their names, or stop reading until they are given up.
//
// # What is checked
//
// The checkers, one a file (check_*.go), see only the [History]: what clients asked and received,
// what was on the wire, and the configurations as they were entered. They check the properties C1
// to C8 and M1 to M12 of membership-protocol §15, and G1 to G12 of groups-protocol §12, by these
// names. In addition, engine.Check runs after each step, nothing may panic, what is sent must
// decode, and at the end no block may be missing. Freed blocks are overwritten, so that a late
// reader delivers garbage.
//
// Some properties are checked in a weaker form than they are written, because a daemon that shares
// rings with C daemons cannot do better. docs/develop/testing.md says which, and why.
//
// Rare situations are counted ([Rare]); a long series that never met one of them has not tested it.
// Planted faults show that the checkers can fail (mutants_test.go, and sources_test.go, which
// changes the machines' source).
//
// # What it does not
//
// It does not run package daemon with its sockets and sessions. All daemons have the same timeouts
// and the same version. Only numbers in datagrams are altered on their way (flip.go), and the runs in
// which that happens are checked for little else than that all is well afterwards. No regular
// token is more than twelve rounds late, because after sixteen it looks like a new one
// (ring-protocol §13.1). A daemon that restarts has the file with the times of its former ids, as
// after the death of a process; without it, ids would not be unique (membership-protocol §7.1).
//
// # How to debug
//
// A failing test prints the seed, the violations, and what happened before the first of them. To
// see everything:
//
//	go test ./sim -run Seeds -v -seed 4711
//	go run ./sim/cmd/soak -seed 4711
//
// Daemons are called A, B, C..., in configuration order, followed by the number of their life.
// Rings are named by the daemon and the second of their id: A@12. A line with ">" is a datagram,
// with the fate of each copy: how long it takes, or that it is lost or cut off.
//
// # References
//
// docs/spec/membership-protocol.md §15, docs/spec/groups-protocol.md §12, docs/develop/testing.md.
// Moser, Amir, Melliar-Smith, Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package sim
