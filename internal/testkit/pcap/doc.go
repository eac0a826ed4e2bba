// Package pcap reads the captures of ring traffic that tests replay: Ethernet frames with
// IPv4 and UDP, in the classic format of tcpdump, with the IP fragments of large tokens put
// together.
//
// It is for tests, of captures that are known to be good: anything else ends the test. IP options are
// passed over; checksums are not looked at.
package pcap
