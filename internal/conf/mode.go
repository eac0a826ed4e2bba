package conf

import (
	"fmt"
	"io/fs"
	"strconv"
)

// Mode is the permissions of a file, written in octal: "0660".
type Mode fs.FileMode

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is not a mode; write it in octal, such as 0660", b)
	}
	if n == 0 {
		return fmt.Errorf("%q lets nobody use it; write a mode such as 0660, or remove the setting for its default", b)
	}
	*m = Mode(n)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }
