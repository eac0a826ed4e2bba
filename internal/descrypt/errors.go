package descrypt

import (
	"errors"
	"fmt"
)

// ErrMismatch is what [Verify] returns for a wrong password.
var ErrMismatch = errors.New("descrypt: the password does not match the hash")

// The causes of a [FormatError].
var (
	// ErrLength says that there are too few or too many characters.
	ErrLength = errors.New("wrong length")
	// ErrAlphabet says that a character is not one of ./0-9A-Za-z.
	ErrAlphabet = errors.New("character outside ./0-9A-Za-z")
	// ErrPadding says that the last character of a hash has bits set beyond the 64 of the block. No
	// password has such a hash: it was mistyped or damaged.
	ErrPadding = errors.New("impossible last character")
)

// FormatError says that a salt or a hash is not valid. That is an error in the password file, not
// of the user who logs in. The error does not contain the text that it is about.
type FormatError struct {
	What   string // "salt" or "hash"
	Offset int    // byte where it goes wrong, from 0; for ErrLength the length found
	Err    error  // ErrLength, ErrAlphabet or ErrPadding
}

func (e *FormatError) Error() string {
	where := fmt.Sprintf("at offset %d", e.Offset)
	if errors.Is(e.Err, ErrLength) {
		where = fmt.Sprintf("of %d bytes", e.Offset)
	}
	form := "a salt is 2 characters from ./0-9A-Za-z"
	if e.What == "hash" {
		form = "store the 13 characters that crypt(3) makes with a salt of 2; other schemes are not read"
	}
	return fmt.Sprintf("descrypt: %s: %v %s: %s", e.What, e.Err, where, form)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }
