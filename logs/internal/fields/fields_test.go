package fields

import (
	"encoding/binary"
	"testing"
)

func TestReader(t *testing.T) {
	b := AppendString(AppendString([]byte{7}, "name"), []byte("bytes"))
	b = binary.AppendVarint(binary.AppendUvarint(b, 300), -5)
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(b, 32), 64)
	read := func(b []byte) (ok bool, r Reader) {
		r = Reader{Rest: b}
		ok = r.Byte() == 7 && r.String() == "name" && string(r.Bytes()) == "bytes" && r.Uvarint() == 300 && r.Varint() == -5 &&
			r.Uint32() == 32 && r.Uint64() == 64
		return ok, r
	}
	if ok, r := read(b); !ok || r.Bad || len(r.Rest) > 0 {
		t.Errorf("read %t, then %+v", ok, r)
	}
	for n := range b {
		if ok, r := read(b[:n]); ok || len(r.Rest) > 0 && !r.Bad {
			t.Errorf("of %d bytes: read %t, then %+v", n, ok, r)
		}
	}
	for name, r := range map[string]*Reader{
		"a number that is too large": {Rest: []byte{9}},
		"a number without an end":    {Rest: []byte{0x80}},
		"no number":                  {},
	} {
		if v := r.UpTo(8); v != 0 || !r.Bad {
			t.Errorf("%s: %d, %+v", name, v, r)
		}
	}
	if r := (Reader{Rest: []byte{2, 9, 9}}); r.Count() != 2 || r.Bad || r.Count() != 0 || !r.Bad {
		t.Errorf("counts end with %+v", r)
	}
}
