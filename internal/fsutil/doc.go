// Package fsutil has the two things that programs with files of their own need and package os lacks: [Lock] locks
// a file for as long as the process lives, [SyncDir] makes new names durable.
package fsutil
