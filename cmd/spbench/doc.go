// Command spbench loads the daemons of a ring and measures what they deliver: rates, latency,
// processor time and memory. Package bench does the work; it is a package because the failover test
// of integration/ringtest measures with it.
//
// The status is 0; 1 after an error; 2 for a wrong command line; 3 if messages were lost or
// receivers saw them in different orders.
package main
