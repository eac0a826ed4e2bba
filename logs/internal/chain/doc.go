// Package chain keeps on disk how far the numbers of a publisher's epochs went, so that log hosts learn of lines that were
// numbered by a process that is gone.
//
//	c, err := chain.Open(chain.Config{Dir: "/var/spool/logpub", Publisher: "web1", Epoch: epoch})
//	n := c.Stream(0, "weblogs")  // of our own epoch
//	n.Add(12)                    // 12 more lines got numbers
//	c.End(earlier, streams)      // an epoch that gets no more, such as that of a rotated file
//	for _, e := range c.Ended()  // what earlier processes have left, and what End was called with
//
// # Files
//
// Each process has a file in the subdirectory "epochs", which it locks: its own epoch, and those that have ended. A process
// that starts takes over the files of processes that are gone. format.go has the bytes.
//
// # What it guarantees
//
//   - A number that Run has written, which it does at once, is known after a kill. After a power cut, the numbers may be some
//     seconds old.
//   - Stream and Add never wait for the disk.
//   - An epoch is in the file of some process until it is forgotten, also if processes are killed while they take it over.
//   - A file that cannot be written stops nothing. The numbers are then known to this process only.
//
// # Limits
//
// [MaxEpochs] and [MaxStreams] that have ended, each for [KeepFor]. Beyond that the oldest are forgotten, and counted
// ([Chain.Forgotten]).
package chain
