// Package sockdrops reports how many datagrams the kernel dropped at a socket: those for which its
// buffer had no room, and those with a wrong checksum.
//
// It asks the kernel on demand, which costs nothing in between. SO_RXQ_OVFL would put the count
// beside each datagram, and would report drops only when another datagram gets through.
//
// Linux has the number (SO_MEMINFO, since 4.12); other systems do not. The count has 32 bits and
// wraps around.
package sockdrops
