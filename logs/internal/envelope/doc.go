// Package envelope is what logpub puts in front of lines, if asked to, so that who receives them
// can tell repeats and gaps: who sent them, in which of its lives, and their number.
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
// A publisher has a new epoch each time it starts, above all that it had before if its clock does not
// go backwards. In an epoch each list of groups that lines go to is a stream with numbers of
// its own, from 0, in the order in which the lines were read: who has joined one group of many sees no gap
// where lines went elsewhere. (publisher, epoch, stream, number) names one line for ever: a line that is sent again has
// the same name, in another process too. A number that never comes is a line that was dropped.
//
// # What it does not
//
// Gaps at the end of a stream cannot be seen. Publishers that share a name are told apart by
// their epochs.
//
// [Numbers] are what a subscriber keeps of a stream, to tell repeats and gaps.
//
// # Limits
//
// Decode allocates nothing but the name, and not that if it is the one that the Header already has; Split allocates
// nothing. Numbers has at most [MaxSpans] spans.
package envelope
