// Package netns makes network namespaces, which serve tests as separate hosts. It is test support.
//
// A namespace has no name. It belongs to a thread of the test process and ends with it, and so do
// the programs that are started in it with a parent-death signal. Nothing remains, however a test
// ends, and concurrent runs do not interfere. To look around in a namespace while a test runs, use
// nsenter -n -t with the process id of a program in it.
//
// It needs Linux, root, ip (iproute2) and nft (nftables). [Require] skips tests where one of them
// is missing.
package netns
