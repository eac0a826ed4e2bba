// Package buf holds the memory through which messages travel: blocks that are
// pooled, counted by reference and shared, and slices of them.
//
// # Who owns a block
//
// [Pool.Get] returns a block with one reference, which belongs to the caller.
// Whoever keeps a block beyond the call in which it was shown retains it, and
// releases it when done. The last release returns it to its pool. In the daemon:
//
//  1. A session's reader owns the block that it reads into.
//  2. The batch of messages handed to the owner of the engine holds a
//     reference until the owner is through with it.
//  3. Each receiver's output queue holds a reference until its bytes are
//     written, or the session ends.
//
// # What it guarantees
//
// A block's bytes are not reused while a reference is held. A release too many
// panics, and so does retaining a block that is free. Under the race detector, and
// in a pool with [Pool.Poison], a block that becomes free is filled with a
// pattern, so that a late reader fails loudly rather than rarely.
//
// # What it does not
//
// It does not keep holders from writing: bytes that have been handed on are
// read-only by convention. It does not bound how many blocks are out; the
// places that can hold one do, each by its own queue.
package buf
