// Package netns makes network namespaces for tests, as hosts of their own. It is test support.
//
// A namespace has no name: it belongs to a thread of the test process, and ends with it. So do the
// programs that are started in it with a parent-death signal. Nothing is left behind, however a
// test ends, and two runs at one time do not meet. To look around in one while a test runs: nsenter
// -n -t with the process id of what runs in it.
//
// It needs Linux, root, ip (iproute2) and, for tests that lose packets, nft (nftables). Check says
// what of it is missing, for tests to be skipped there.
package netns
