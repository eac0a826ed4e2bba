package perlsink

import "encoding/binary"

// A frame is what helper.pl reads:
//
//	offset  bytes  content
//	0       4      number of bytes that follow
//	4       1      kind
//	5              by kind
//
// All numbers are big endian.
const (
	frameLib      = 'L' // a directory for @INC
	frameUse      = 'U' // the argument of "use"
	frameFunction = 'F' // the name of the next function, counted from 0
	frameHup      = 'H' // the name of a function to call at the start and on frameReopen
	frameStart    = 'S' // ends the preparation; it is answered, too
	frameReopen   = 'h' // calls the functions of frameHup
	// frameMessage calls a function: 4 bytes for its index, then sender, group and message, each
	// preceded by its length in 4 bytes.
	frameMessage = 'M'

	frameHeaderSize = 5
)

// noFunction is the index of a function that does not exist: helper.pl answers as if it had died.
const noFunction = -1

// Answers, one byte each. answerFailed, before answerReady, is followed by the reason up to the end
// of the output.
const (
	answerReady    = 'R' // to frameStart
	answerFailed   = 'F' // something cannot be loaded
	answerBegun    = 'B' // the next frame was read and begins
	answerDone     = 'd' // a frame is done, and the next one begins
	answerDied     = 'x' // the same, but the function died
	answerDoneLast = 'D' // a frame is done, and no other has been read
	answerDiedLast = 'X'
)

// appendFrame appends a frame whose body is text.
func appendFrame(b []byte, kind byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+len(text)))
	b = append(b, kind)
	return append(b, text...)
}

// frames are the messages of one batch.
type frames struct {
	bytes []byte
	ends  []int // where each ends
}

func (f *frames) reset() { f.bytes, f.ends = f.bytes[:0], f.ends[:0] }

func (f *frames) len() int { return len(f.ends) }

// add appends the frame of a message.
func (f *frames) add(function int, sender, group string, message []byte) {
	size := frameHeaderSize + 4 + 4 + len(sender) + 4 + len(group) + 4 + len(message)
	b := f.bytes
	b = binary.BigEndian.AppendUint32(b, uint32(size-4))
	b = append(b, frameMessage)
	b = binary.BigEndian.AppendUint32(b, uint32(function))
	b = binary.BigEndian.AppendUint32(b, uint32(len(sender)))
	b = append(b, sender...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(group)))
	b = append(b, group...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	b = append(b, message...)
	f.bytes = b
	f.ends = append(f.ends, len(f.bytes))
}

// chunkBytes is about what a pipe holds.
const chunkBytes = 64 << 10

// chunk returns frames from an index on, up to about chunkBytes, and how many.
func (f *frames) chunk(from int) (b []byte, n int) {
	begin := 0
	if from > 0 {
		begin = f.ends[from-1]
	}
	end := begin
	for from+n < len(f.ends) && end-begin < chunkBytes {
		end = f.ends[from+n]
		n++
	}
	return f.bytes[begin:end], n
}
