package chain

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A file is
//
//	0  8  magic
//	8     entries
//
// and an entry is
//
//	0   1  kind: 'E' an epoch, or 'S' a stream of the epoch above
//	1   2  n, length of the payload
//	3   4  CRC-32C of kind, n and payload
//	7   8  value, which is changed in place: of a stream the number of the next line; of an epoch when it ended, in seconds
//	       since 1970, or 0 if the process that had the file has it
//	15  n  payload: of an epoch 8 bytes, and the publisher; of a stream 4 bytes, and the groups with spaces between
//
// Numbers are in big endian.
const (
	magic     = "\xffSPEP\x01\r\n"
	entryLen  = 15
	offValue  = 7
	kindEpoch = 'E'
	kindOne   = 'S'
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("damaged")

func appendEntry(b []byte, kind byte, value uint64, payload []byte) []byte {
	at := len(b)
	b = append(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = binary.BigEndian.AppendUint32(b, checksum(b[at:at+3], payload))
	b = binary.BigEndian.AppendUint64(b, value)
	return append(b, payload...)
}

func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

func (e *Former) append(b []byte, publisher string) []byte {
	b = appendEntry(b, kindEpoch, uint64(e.Ended), append(binary.BigEndian.AppendUint64(nil, e.Epoch), publisher...))
	for i := range e.Streams {
		b = e.Streams[i].append(b)
	}
	return b
}

func (s *Stream) append(b []byte) []byte {
	return appendEntry(b, kindOne, s.Next, append(binary.BigEndian.AppendUint32(nil, s.Stream), s.Groups...))
}

// parse reads a file up to where it is damaged, which the error says.
func parse(b []byte) (publisher string, epochs []Former, err error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return "", nil, errDamaged
	}
	for b = b[len(magic):]; len(b) > 0; {
		if len(b) < entryLen {
			return publisher, epochs, errDamaged
		}
		n := int(binary.BigEndian.Uint16(b[1:]))
		if len(b) < entryLen+n {
			return publisher, epochs, errDamaged
		}
		payload, value := b[entryLen:entryLen+n], binary.BigEndian.Uint64(b[offValue:])
		if checksum(b[:3], payload) != binary.BigEndian.Uint32(b[3:]) {
			return publisher, epochs, errDamaged
		}
		last := len(epochs) - 1
		switch {
		case b[0] == kindEpoch && n >= 8 && value < 1<<62:
			epochs = append(epochs, Former{Epoch: binary.BigEndian.Uint64(payload), Ended: int64(value)})
			publisher = string(payload[8:])
		case b[0] == kindOne && n >= 4 && last >= 0:
			epochs[last].Streams = append(epochs[last].Streams, Stream{binary.BigEndian.Uint32(payload), string(payload[4:]), value})
		default:
			return publisher, epochs, errDamaged
		}
		b = b[entryLen+n:]
	}
	return publisher, epochs, nil
}
