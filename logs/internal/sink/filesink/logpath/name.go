package logpath

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// MaxName is the length of a virtual host in a path, in bytes, at most.
	MaxName = 100
	// maxShort is the same for names in Spread, which are short.
	maxShort = 48
	// NoName stands for the empty name.
	NoName = "_none"

	// hashDigits distinguish long names with the same beginning.
	hashDigits = 16
)

const (
	hexDigits = "0123456789ABCDEF"
	// plain are the characters that stay, besides letters and digits.
	plain = ".-_+,:@="
	// notFirst are those that do not stay at the start.
	notFirst = ".-_"
)

// AppendName appends a name in the form for paths; see the package comment for the rules.
func AppendName(dst []byte, name string) []byte { return appendName(dst, name, MaxName) }

func appendName(dst []byte, name string, limit int) []byte {
	if name == "" {
		return append(dst, NoName...)
	}
	begin := len(dst)
	suffix := rotationSuffix(name)
	whole := begin // where the last character that fits before a hash ends
	for i := range len(name) {
		if i != suffix && isPlain(name[i], i == 0) {
			dst = append(dst, name[i])
		} else {
			dst = append(dst, '%', hexDigits[name[i]>>4], hexDigits[name[i]&15])
		}
		switch n := len(dst) - begin; {
		case n <= limit-hashDigits-1:
			whole = len(dst)
		case n > limit:
			sum := sha256.Sum256([]byte(name))
			return hex.AppendEncode(append(dst[:whole], '~'), sum[:hashDigits/2])
		}
	}
	return dst
}

func isPlain(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	case first && strings.IndexByte(notFirst, c) >= 0:
		return false
	default:
		return strings.IndexByte(plain, c) >= 0
	}
}

// rotationSuffix returns the offset of a suffix like that of a rotated or compressed file, or -1:
// the virtual host "a.gz" must not share a file with the compressed "a".
func rotationSuffix(name string) int {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return -1
	}
	switch end := name[i:]; {
	case end == ".gz", end == ".zst":
		return i
	case len(end) == len(".000001") && strings.Trim(end[1:], "0123456789") == "":
		return i
	}
	return -1
}
