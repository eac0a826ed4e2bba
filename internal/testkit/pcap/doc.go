// Package pcap reads the captures of ring traffic that tests replay: Ethernet frames with
// IPv4 and UDP, in the classic format of tcpdump, with the IP fragments of large tokens put
// together.
//
// It is for tests with captures that are known to be good: anything else ends the test. It skips IP
// options and does not verify checksums.
package pcap
