// Command spbench loads the daemons of a ring and measures what they deliver: rates, latency, processor time and memory. What
// it does is in package bench.
package main
