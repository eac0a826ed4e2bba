// Package hangfs mounts a file system that can stop answering, as a network file system does while its
// server is down: whoever asks it for something then waits until it goes on, and does not notice signals
// that can be caught.
//
// It passes what it is asked for on to a directory, through FUSE, without a cache. It needs Linux,
// root and /dev/fuse; where one of them is missing, the test is skipped.
package hangfs
