// Package envelope is the header that logpub can put in front of lines: which publisher sent them, in which epoch, and their
// numbers. Subscribers detect duplicates and gaps by it.
//
//	0      4  magic: 0xFF, "LP", version 1; no text begins with 0xFF
//	4      1  n, length of the publisher's name: 1 to 64
//	5      n  the name
//	5+n    8  epoch
//	13+n   4  stream
//	17+n   8  number of the first line
//	25+n      one or more lines, each with its newline
//
// Numbers are in big endian. The lines of one message have consecutive numbers.
//
// # What it means
//
// A publisher has a new epoch each time it starts, and one for each file that it follows with a position on disk. It is above
// all earlier ones, unless the clock goes backwards. Within an epoch, each list of groups that lines go to is a stream with its own
// numbers, from 0, in the order in which the lines were read. So a subscriber of one group among many sees no gap where lines went
// elsewhere. Publisher, epoch, stream and number identify a line for ever: a line that is sent again has the same four, even from
// another process, and even if that has read the line from its file again. A number that never arrives is a line that was dropped.
//
// # What it does not
//
// A gap at the end of a stream cannot be detected. Publishers that share a name differ in their epochs.
//
// [Numbers] is what a subscriber keeps of a stream to detect duplicates and gaps.
//
// # Limits
//
// Decode allocates only the name, and not even that if the Header already has it. Split allocates nothing. Numbers has at most
// [MaxSpans] spans.
package envelope
