// Package fsutil has what programs with files of their own need and package os lacks: [Lock] locks
// a file for as long as the process lives, [SyncDir] makes new names durable, [OpenFile] never
// blocks, [ReadFile] ends with a context, and [Finish] leaves system calls behind that do not return.
// [ServiceDir] is where a service may have files.
//
// What must survive crashes uses the system through [FS], so that tests can crash it at each of its
// steps.
package fsutil
