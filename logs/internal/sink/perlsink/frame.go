package perlsink

import "encoding/binary"

// A frame is what the helper reads:
//
//	offset  bytes  what
//	0       4      number of bytes that follow
//	4       1      kind
//	5              by kind
//
// All numbers are in big endian.
const (
	frameLib      = 'L' // a directory for @INC
	frameUse      = 'U' // what stands behind "use"
	frameFunction = 'F' // the name of the next function, counted from 0
	frameHup      = 'H' // the name of a function to call at the start and by frameReopen
	frameStart    = 'S' // says that all of the above has been said; it is answered, too
	frameReopen   = 'h' // calls those of frameHup
	// frameMessage calls a function: 4 bytes its number, and then sender, group and message, each behind
	// its length in 4 bytes.
	frameMessage = 'M'
)

// Answers, a byte each. answerFailed, before answerReady, is followed by the reason until the end.
const (
	answerReady     = 'R' // to frameStart
	answerFailed    = 'F' // to what cannot be loaded
	answerBegun     = 'B' // the next frame has been read, and is taken up
	answerDone      = 'd' // a frame is done, and the next one is taken up
	answerDied      = 'x' // the same, but the function died
	answerDoneLast  = 'D' // a frame is done, and no other has been read
	answerDiedLast  = 'X'
	frameHeaderSize = 5
)

// appendFrame appends a frame whose body is text.
func appendFrame(b []byte, kind byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+len(text)))
	b = append(b, kind)
	return append(b, text...)
}

// messageFrame returns the frame of a message.
func messageFrame(function int, sender, group string, message []byte) []byte {
	size := frameHeaderSize + 4 + 4 + len(sender) + 4 + len(group) + 4 + len(message)
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint32(b, uint32(size-4))
	b = append(b, frameMessage)
	b = binary.BigEndian.AppendUint32(b, uint32(function))
	b = binary.BigEndian.AppendUint32(b, uint32(len(sender)))
	b = append(b, sender...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(group)))
	b = append(b, group...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	return append(b, message...)
}
