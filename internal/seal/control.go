package seal

import (
	"encoding/binary"
)

// Control message (sealing §3), big-endian:
//
//	offset  size  field
//	     0    16  challenge
//	    16    16  answer
//	    32     1  flags
//	    33     1  command
//	    34     2  port of a monitor
//	    36     4  key in use
//	    40     4  key wanted
//	    44     4  number of keys
//	    48  4 each  keys
const (
	offAnswer  = 16
	offFlags   = 32
	offCommand = 33
	offPort    = 34
	offInUse   = 36
	offWanted  = 40
	offKeys    = 44
	controlLen = 48

	flagSendsPlain, flagAcceptsPlain = 1, 2
)

// command is what a monitor asks for.
type command uint8

const (
	commandNone command = iota
	commandUse
)

// nonce is a challenge. The zero value stands for no challenge.
type nonce [16]byte

// KeyState is what a daemon says about its keys.
type KeyState struct {
	// InUse is the key that it seals with, Wanted the one that it will use when all daemons that it
	// hears have it, or 0.
	InUse, Wanted KeyID
	// Keys are the keys that open datagrams.
	Keys []KeyID
	// SendsPlain and AcceptsPlain are as in its file; a daemon that waits to seal sends plain.
	SendsPlain, AcceptsPlain bool
}

type control struct {
	challenge, answer nonce
	command           command
	port              uint16
	state             KeyState
}

// bytes encodes a control message.
func (c *control) bytes() []byte {
	b := append([]byte(nil), c.challenge[:]...)
	b = append(b, c.answer[:]...)
	var flags byte
	if c.state.SendsPlain {
		flags |= flagSendsPlain
	}
	if c.state.AcceptsPlain {
		flags |= flagAcceptsPlain
	}
	b = append(b, flags, byte(c.command))
	b = binary.BigEndian.AppendUint16(b, c.port)
	b = binary.BigEndian.AppendUint32(b, uint32(c.state.InUse))
	b = binary.BigEndian.AppendUint32(b, uint32(c.state.Wanted))
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.state.Keys)))
	for _, k := range c.state.Keys {
		b = binary.BigEndian.AppendUint32(b, uint32(k))
	}
	return b
}

// decode reads a control message. It reports false if the message is malformed.
func (c *control) decode(b []byte) bool {
	if len(b) < controlLen {
		return false
	}
	n := binary.BigEndian.Uint32(b[offKeys:])
	if n > MaxKeys || len(b) != controlLen+4*int(n) {
		return false
	}
	*c = control{
		challenge: nonce(b[:offAnswer]), answer: nonce(b[offAnswer:]),
		command: command(b[offCommand]), port: binary.BigEndian.Uint16(b[offPort:]),
		state: KeyState{
			InUse: KeyID(binary.BigEndian.Uint32(b[offInUse:])), Wanted: KeyID(binary.BigEndian.Uint32(b[offWanted:])),
			SendsPlain: b[offFlags]&flagSendsPlain != 0, AcceptsPlain: b[offFlags]&flagAcceptsPlain != 0,
		},
	}
	for i := range int(n) {
		c.state.Keys = append(c.state.Keys, KeyID(binary.BigEndian.Uint32(b[controlLen+4*i:])))
	}
	return true
}
