// Command faultyd runs a daemon like spreadd, and loses, duplicates and delays some of the datagrams
// that arrive. The tests of rings on real networks use it where the kernel has no netem.
//
//	faultyd -n NAME -c spread.conf -faults '{"Seed":1,"Loss":0.02,"Delay":0.1}'
//
// -faults is a transporttest.Network as JSON. The daemon has no UNIX socket.
package main
