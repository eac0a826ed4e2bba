// Package ringtest lets rings of real daemons live on real networks, and checks what their clients
// see. It has no code of its own, only tests.
//
// # The network
//
// Each host is a network namespace with one interface; its other end is a port of a bridge in one
// more namespace, the hub. With two networks the hub is the router between them, which lets no
// multicast through:
//
//	host 1           hub                                host 4
//	ring0 ────── p1 ─ [net1]  10.78.1.254/24
//	10.78.1.1/24       ...        routes
//	                  [net2]  10.78.2.254/24 ─ p4 ────── ring0
//	                                                     10.78.2.1/24
//
// The namespaces have no names: each belongs to a thread of the test process and ends with it, and
// so do the daemons. Nothing is left behind, however the tests end, and two runs at one time do not
// meet. To look around in one while a test runs: nsenter -n -t with the process id of a daemon.
//
// # What is done to it
//
// Datagrams are lost, delayed and doubled by netem where the kernel has it. Where it has not,
// nftables loses them; delayed and doubled ones are then made by a filter within the daemon
// (daemon/transport/transporttest). The daemon with a filter is this test binary, started again: no
// option of spreadd leads there. Links are cut and healed by moving ports to another bridge,
// routers are stopped, hosts made deaf, and daemons killed, started again and made to stand still.
//
// # With C daemons
//
// With SPREAD_PEER, the path of a Spread 5.0.1 daemon, there are rings of both kinds, and their
// clients are those of either. Without it that test is skipped: it is optional, and nothing of that
// daemon is here.
//
// # What is checked
//
// At each host a client is member of one group, sends messages of all services and sizes, and
// records all that it gets. The properties are those of groups-protocol §12 that clients can see;
// each is a function in check_test.go, with a test that a planted fault does not escape it.
//
// # What it needs
//
// Linux, root, ip (iproute2) and nft (nftables). Elsewhere the tests are skipped, and say so.
package ringtest
