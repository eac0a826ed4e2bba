// Package crashfs is a file system in memory that crashes: it forgets what was not synced.
//
//	d := crashfs.New()
//	spool.Open(spool.Config{Dir: "/spool", Disk: d})   // and so on; d.Steps() counts its steps
//	d = d.After(d.Cut(rng))                            // what a start after a power cut may find
//
// [Explore] crashes a piece of work at each of its steps and compares what is left with what must
// be left.
//
// # The model
//
//   - A step is a call that changes something: open (where it creates or truncates), write, truncate,
//     rename, link, remove, mkdir, chtimes, sync. Reads see all steps before them.
//   - A kill ends the process. All steps before it survive; a write that it interrupts may have
//     written its first pages of 4 KiB.
//   - A power cut also forgets. Of each file survives what it had at its last Sync, and of the writes
//     since then any part: any of them, or pieces of them, torn at any byte. What is missing before a
//     later write reads as zeros.
//   - Of each directory survive the names that it had at its last SyncDir, and any of the changes
//     since then, each wholly or not at all. A rename within a directory is one change. A Sync of a
//     file does not make its name durable.
//   - Chtimes and modes are durable at once.
//
// Real file systems are kinder: most write names in order, and with those the data. They are
// different in how, so the model promises only what POSIX does.
//
// # Limits
//
// No symbolic links, no owners, no renames between directories. A disk that is full ([Disk.SetFull])
// writes nothing; it never writes a part. Errors of Sync, after which a system may forget data that a
// later Sync does not write, are not simulated.
package crashfs
