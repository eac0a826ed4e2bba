// Package buf provides the memory that messages travel in: pooled blocks with reference counts, and
// slices of them that are shared instead of copied.
//
// # Who owns a block
//
// [Pool.Get] returns a block with one reference, which belongs to the caller. A function that keeps
// a block beyond its call retains it, and releases it when done. The last release returns the block
// to its pool. In the daemon:
//
//  1. A session's reader owns the block that it reads into.
//  2. The batch of messages handed to the owner of the engine holds a reference until the owner is
//     done with it.
//  3. Each receiver's output queue holds a reference until its bytes are written, or the session
//     ends.
//
// # What it guarantees
//
// A block's bytes are not reused while a reference is held. Releasing a block too often panics, and
// so does retaining a free one. Under the race detector, and in a pool with [Pool.Poison], a block
// that becomes free is filled with a pattern, so that a late reader fails loudly rather than
// rarely.
//
// # What it does not
//
// It does not keep holders from writing: bytes that have been passed on are read-only by
// convention. It does not limit how many blocks are in use; the queues that hold them do.
package buf
