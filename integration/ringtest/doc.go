// Package ringtest runs rings of real daemons on real networks and checks what their clients
// receive. It contains only tests, which use built programs and package spread.
//
// # The network
//
// Each host is a network namespace with one interface. The other end of its link is a port of a
// bridge in another namespace, the hub. With two networks the hub is the router between them, which
// does not forward multicast:
//
//	host 1           hub                                host 4
//	ring0 ────── p1 ─ [net1]  10.78.1.254/24
//	10.78.1.1/24       ...        routes
//	                  [net2]  10.78.2.254/24 ─ p4 ────── ring0
//	                                                     10.78.2.1/24
//
// Package netns makes the namespaces. They and the daemons end with the test process. To look
// around in one while a test runs, use nsenter -n -t with the process id of a daemon.
//
// # Faults
//
// If the kernel has netem, it loses, delays and duplicates datagrams. Otherwise nftables loses
// them, and a filter in the daemon delays and duplicates them. The daemon with that filter is the
// program daemon/cmd/faultyd, because spreadd has no option for it. Links are
// cut by moving ports to another bridge. Routers are stopped, hosts made deaf, and daemons killed,
// restarted and suspended.
//
// # With C daemons
//
// SPREAD_PEER is the path of a Spread 5.0.1 daemon. If it is set, TestMixedRings runs rings of both
// kinds of daemons, with clients of both kinds. Otherwise that test is skipped, because this
// project does not contain that daemon.
//
// # What is checked
//
// On each host a client is a member of one group, sends messages of all services and sizes, and
// records everything that it receives. The properties are those of groups-protocol §12 that clients
// can observe. Each is a function in check_test.go, and a test plants a fault for each of them.
//
// # What it needs
//
// Linux, root, ip (iproute2) and nft (nftables). Otherwise the tests are skipped and report what is
// missing.
package ringtest
