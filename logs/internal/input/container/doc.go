// Package container reads the log files of containers: it takes the lines that a container wrote out
// of the records of its runtime.
//
//	{"log":"GET /\n","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}    Docker's json-file
//	2026-11-30T00:29:53.1Z stdout F GET /                                  CRI: containerd, CRI-O
//
// # What it guarantees
//
//   - A runtime splits a long line into partial records. They become one line again, also where
//     those of standard output and standard error alternate. [Format.Whole] is the place up to which
//     nothing is partial; a reader that stops only there loses and repeats nothing.
//   - A record in another format becomes a line as it is, and is counted.
//   - No input panics, and memory is bounded by the input.
//
// # What it does not
//
// Which stream a line came from, and the time of the record, are not kept. A partial record without
// an end, from a container that died within a line, waits for the next one or for rotation.
//
// # References
//
// Docker: daemon/logger/jsonfilelog; CRI: "CRI: Log Management for Container Stdout/Stderr Streams"
// of Kubernetes.
package container
