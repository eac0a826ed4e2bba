// Package fsutil has what programs with files of their own need and package os lacks: [Lock] locks
// a file for as long as the process lives, [SyncDir] makes new names durable, [OpenFile] never
// blocks, and [ReadFile] ends with a context. [ServiceDir] is where a service
// may have files.
package fsutil
