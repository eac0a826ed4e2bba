// Package sockdrops tells how many datagrams the kernel has dropped at a socket: those for which its buffer had
// no room, and those whose checksum was wrong.
//
// It asks when somebody wants to know, which costs nothing in between. SO_RXQ_OVFL would put the count beside each
// datagram, and tell of drops only when another one gets through.
//
// Linux tells (SO_MEMINFO, from 4.12 on); elsewhere the number is not known. The count has 32 bits and begins anew
// behind them.
package sockdrops
