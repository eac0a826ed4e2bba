package spreadconf

import (
	"net/netip"
	"regexp"
	"strings"
)

// kind is the kind of a token: spread-conf §2, whose table also says which wins.
type kind uint8

const (
	kindEOF kind = iota
	kindOpen
	kindClose
	kindEquals
	kindColon // no rule of the grammar uses it
	kindSemicolon
	kindBang
	kindSegment   // Spread_Segment
	kindVirtualID // VirtualID
	kindOption    // the name of an option
	kindBool
	kindTri
	kindFlag // of DebugFlags
	kindRole // M, C or D
	kindPriority
	kindAddr
	kindAddrPort
	kindNumber
	kindWord
)

// reserved reports whether the token would be a word if it were quoted.
func (k kind) reserved() bool {
	switch k {
	case kindSegment, kindVirtualID, kindOption, kindBool, kindTri, kindFlag, kindRole, kindPriority, kindNumber:
		return true
	case kindEOF, kindOpen, kindClose, kindEquals, kindColon, kindSemicolon, kindBang, kindAddr, kindAddrPort, kindWord:
		return false
	}
	return false
}

type token struct {
	kind kind
	pos  Pos
	text string // as in the file, quotes and brackets included

	word   string     // the value of a kindWord: text without its quotes
	addr   netip.Addr // of kindAddr and kindAddrPort; may have a zone
	port   uint16     // of kindAddrPort
	number int        // of kindNumber: 0 to 999999999
}

// keywords that stand in no other table.
const (
	wordSegment   = "Spread_Segment"
	wordVirtualID = "VirtualID"
)

// classify returns the kind of a whole word without quotes, addresses aside. The order is that of
// spread-conf §2.
func classify(text string) kind {
	switch text {
	case "=":
		return kindEquals
	case ":":
		return kindColon
	case ";":
		return kindSemicolon
	case wordSegment:
		return kindSegment
	case wordVirtualID:
		return kindVirtualID
	case "M", "C", "D":
		return kindRole
	}
	if optionNamed(text) != nil {
		return kindOption
	}
	if _, ok := boolOf(text); ok {
		return kindBool
	}
	if _, ok := triOf(text); ok {
		return kindTri
	}
	if _, ok := flagOf(text); ok {
		return kindFlag
	}
	if _, ok := priorityOf(text); ok {
		return kindPriority
	}
	if len(text) <= maxDigits && allIn(text, isDigit) {
		return kindNumber
	}
	return kindWord
}

// maxDigits is how many digits a number may have; with more it is a word.
const maxDigits = 9

func boolOf(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"), strings.EqualFold(s, "yes"):
		return true, true
	case strings.EqualFold(s, "false"), strings.EqualFold(s, "no"):
		return false, true
	}
	return false, false
}

func triOf(s string) (Tri, bool) {
	switch {
	case strings.EqualFold(s, "on"):
		return On, true
	case strings.EqualFold(s, "off"):
		return Off, true
	case strings.EqualFold(s, "auto"):
		return Auto, true
	}
	return Auto, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// allIn reports whether s is not empty and all of its bytes are in the set.
func allIn(s string, in func(byte) bool) bool {
	for i := range len(s) {
		if !in(s[i]) {
			return false
		}
	}
	return s != ""
}

// The forms of addresses (spread-conf §2), valid or not: four groups of one to three digits; eight
// groups of one to four hex digits, or "::" with up to seven groups on either side. The form with a
// dotted tail does not count.
const (
	ipv4Text = `\d{1,3}(?:\.\d{1,3}){3}`
	hexGroup = `[0-9a-fA-F]{1,4}`
	hexSide  = `(?:` + hexGroup + `(?::` + hexGroup + `){0,6})?`
	ipv6Text = `(?:` + hexGroup + `(?::` + hexGroup + `){7}|` + hexSide + `::` + hexSide + `)`
)

var (
	ipv4Form = regexp.MustCompile(`^` + ipv4Text + `$`)
	ipv6Form = regexp.MustCompile(`^` + ipv6Text + `$`)
	// addrForm is a whole word: an IPv4 address, perhaps with a port, or an IPv6 one, perhaps with a
	// zone.
	addrForm = regexp.MustCompile(`^(?s:(` + ipv4Text + `)(?::(\d{1,5}))?|` + ipv6Text + `(?:%.+)?)$`)
	// bracketForm is "[IPv6]:port" at the beginning of a text.
	bracketForm = regexp.MustCompile(`^\[(` + ipv6Text + `(?:%[^ \t\r\n\v\f#{}\[\]\x00]+)?)\]:(\d{1,5})`)
)

func looksIPv4(s string) bool { return ipv4Form.MatchString(s) }

// looksNumeric reports whether s consists of numbers with dots between, as a part of an address does.
func looksNumeric(s string) bool {
	return strings.Contains(s, ".") && strings.Trim(s, "0123456789.") == ""
}

// looksLikeAddr reports whether s has the form of an address, a valid one or not.
func looksLikeAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	ip, _, _ := strings.Cut(s, "%")
	return err == nil || looksIPv4(s) || ipv6Form.MatchString(ip)
}
