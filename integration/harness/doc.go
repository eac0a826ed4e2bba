// Package harness builds and runs programs for tests, and waits for what they do. It is test
// support.
//
// A [Set] builds each program once for a test binary. A [Process] is killed at the end of its test,
// together with the processes that it has started, and its output is shown if the test fails.
//
// [Reach] waits for an amount, and gives up only when there is no progress, so a slow machine needs
// no larger bound.
package harness
