package spreadconf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf"
)

// kindName returns a short name of a token's kind, for tables.
func kindName(k kind) string {
	switch k {
	case kindEOF:
		return "end"
	case kindOpen, kindClose, kindEquals, kindColon, kindSemicolon, kindBang:
		return "sign"
	case kindSegment, kindVirtualID, kindOption:
		return "key"
	case kindBool:
		return "bool"
	case kindTri:
		return "tri"
	case kindFlag:
		return "flag"
	case kindRole:
		return "role"
	case kindPriority:
		return "prio"
	case kindAddr:
		return "addr"
	case kindAddrPort:
		return "addrport"
	case kindNumber:
		return "num"
	case kindWord:
		return "word"
	}
	return "?"
}

// lexAll returns the tokens of src as "kind value", and the codes of warnings; an error ends it as
// "error code".
func lexAll(src string) (tokens []string, warnings []Code) {
	l := lexer{Cursor: conf.Cursor{Text: src}}
	l.warn = func(_ Pos, code Code, _ string) { warnings = append(warnings, code) }
	for {
		t, err := l.next()
		value := t.text
		switch {
		case err != nil:
			return append(tokens, "error "+string(err.Code)), warnings
		case t.kind == kindEOF:
			return tokens, warnings
		case t.kind == kindWord:
			value = t.word
		case t.kind == kindAddr:
			value = t.addr.String()
		case t.kind == kindAddrPort:
			value = fmt.Sprintf("%s %d", t.addr, t.port)
		case t.kind == kindNumber:
			value = fmt.Sprint(t.number)
		}
		tokens = append(tokens, kindName(t.kind)+" "+value)
	}
}

// The rows follow the table of spread-conf §2 and the consequences below it.
func TestLexer(t *testing.T) {
	for _, tt := range []struct {
		src  string
		want []string
		warn []Code
	}{
		{"", nil, nil},
		{"alpha#x y\nbeta", []string{"word alpha", "word beta"}, nil},
		{"# only", nil, nil},
		{"a\tb\rc\nd", []string{"word a", "word b", "word c", "word d"}, nil},
		{"{}=:;", []string{"sign {", "sign }", "word =:;"}, nil},
		{"{ } = : ;", []string{"sign {", "sign }", "sign =", "sign :", "sign ;"}, nil},
		{"Window=50 Window= 50 =50", []string{"word Window=50", "word Window=", "num 50", "word =50"}, nil},

		{"!DEBUG", []string{"sign !", "flag DEBUG"}, nil},
		{"! DEBUG", []string{"sign !", "flag DEBUG"}, nil},
		{"!word x", []string{"sign !", "word word", "word x"}, nil},
		{"!!\n", []string{"sign !", "word !"}, nil},
		{"!", []string{"word !"}, nil},
		{"!\n!\n", []string{"word !", "word !"}, nil},
		{"!\r\n", []string{"sign !"}, nil}, // the carriage return is on the line, too
		{"!#x", []string{"sign !"}, nil},
		{"a!b", []string{"word a!b"}, nil},

		{"Spread_Segment VirtualID Window", []string{"key Spread_Segment", "key VirtualID", "key Window"}, nil},
		{"spread_segment Windows", []string{"word spread_segment", "word Windows"}, nil},
		{"true YES False nO tru", []string{"bool true", "bool YES", "bool False", "bool nO", "word tru"}, nil},
		{"on OFF Auto", []string{"tri on", "tri OFF", "tri Auto"}, nil},
		{"M C D m DEBUG debug ALL NONE", []string{"role M", "role C", "role D", "word m", "flag DEBUG", "word debug", "flag ALL", "flag NONE"}, nil},
		{"pDEBUG INFO info", []string{"prio pDEBUG", "prio INFO", "word info"}, nil},

		{"1.2.3.4 1.2.3.4:5 1.2.3.4:00150", []string{"addr 1.2.3.4", "addrport 1.2.3.4 5", "addrport 1.2.3.4 150"}, nil},
		{"1.2.3.4:65535 1.2.3.4:123456", []string{"addrport 1.2.3.4 65535", "word 1.2.3.4:123456"}, nil},
		{"a 1.2.3.4:65536 b", []string{"word a", "error port-range"}, nil},
		{"[::1]:99999", []string{"error port-range"}, nil},
		{"1.2.3 1.2.3.4.5 1.2.3.4567 1.2.3.4:", []string{"word 1.2.3", "word 1.2.3.4.5", "word 1.2.3.4567", "word 1.2.3.4:"}, nil},
		{"1.2.3.4 :5", []string{"addr 1.2.3.4", "word :5"}, nil},
		{"300.1.1.1", []string{"word 300.1.1.1"}, []Code{WarnNotAnAddress}},
		{"127.0.0.01:5", []string{"word 127.0.0.01:5"}, []Code{WarnNotAnAddress}},

		{":: ::1 1:: fe80::1%eth0", []string{"addr ::", "addr ::1", "addr 1::", "addr fe80::1%eth0"}, nil},
		{"1:2:3:4:5:6:7:8 1:2:3:4:5:6:7", []string{"addr 1:2:3:4:5:6:7:8", "word 1:2:3:4:5:6:7"}, nil},
		{"::FFFF ::12345 ::g 1:::2", []string{"addr ::ffff", "word ::12345", "word ::g", "word 1:::2"}, nil},
		{"::ffff:1.2.3.4 ::1%", []string{"word ::ffff:1.2.3.4", "word ::1%"}, nil},
		{"1:2:3:4:5:6:7::8", []string{"word 1:2:3:4:5:6:7::8"}, []Code{WarnNotAnAddress}},
		{"dead::beef,", []string{"word dead::beef,"}, nil},
		{"[::1]:5 [::1%lo]:5", []string{"addrport ::1 5", "addrport ::1%lo 5"}, nil},
		{"[::1]", []string{"addr ::1"}, []Code{WarnStrayCharacter, WarnStrayCharacter}},
		{"[::1]:5x", []string{"addrport ::1 5", "word x"}, nil},
		{"[::1]:123456", []string{"addrport ::1 12345", "num 6"}, nil},
		{"[::1]:", []string{"addr ::1", "sign :"}, []Code{WarnStrayCharacter, WarnStrayCharacter}},
		{"[1.2.3.4]:5", []string{"addr 1.2.3.4", "word :5"}, []Code{WarnStrayCharacter, WarnStrayCharacter}},
		{"[1:2:3:4:5:6:7::8]:5", []string{"word 1:2:3:4:5:6:7::8", "word :5"}, []Code{WarnStrayCharacter, WarnNotAnAddress, WarnStrayCharacter}},

		{"0 007 999999999", []string{"num 0", "num 7", "num 999999999"}, nil},
		{"1234567890 0x10 -1 1a", []string{"word 1234567890", "word 0x10", "word -1", "word 1a"}, nil},

		{`"a b" 'c"d' "" ''`, []string{"word a b", `word c"d`, "word ", "word "}, nil},
		{"\"a\n#b\" c", []string{"word a\n#b", "word c"}, nil},
		{`"D" "1" "::1"`, []string{"word D", "word 1", "word ::1"}, nil},
		{`"a"b c`, []string{`word "a"b`, "word c"}, []Code{WarnQuoteKept}},
		{`"alpha 1`, []string{`word "alpha`, "num 1"}, []Code{WarnQuoteKept}},
		{`"a b"c`, []string{"word a b", "word c"}, nil}, // the quoted match is the longer one
		{`"a""b c"`, []string{`word "a""b`, `word c"`}, []Code{WarnQuoteKept}},
		{`a"b c"`, []string{`word a"b`, `word c"`}, nil},
		{`"a'b" 'x`, []string{`word a'b`, `word 'x`}, []Code{WarnQuoteKept}},

		{"a\vb\fc", []string{"word a", "word b", "word c"}, []Code{WarnStrayCharacter, WarnStrayCharacter}},
		{"gr\xc3\xb6\xff", []string{"word gr\xc3\xb6\xff"}, nil},
		{"a\x00b", []string{"error syntax"}, nil},
		{"'a\x00b'", []string{"error syntax"}, nil},
		{"# a\x00b\nx", []string{"word x"}, nil},
	} {
		got, warn := lexAll(tt.src)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q:\n got %q\nwant %q", tt.src, got, tt.want)
		}
		if !slices.Equal(warn, tt.warn) {
			t.Errorf("%q: warnings %q, want %q", tt.src, warn, tt.warn)
		}
	}
}

// Positions count lines inside of quotes too, unlike the C daemon's.
func TestLexerPositions(t *testing.T) {
	const src = "a  bb\n\t\"c\nd\" e\r\n\n [::1]:5 f"
	want := []string{"1:1", "1:4", "2:2", "3:4", "5:2", "5:10", "5:11"}
	l := lexer{Cursor: conf.Cursor{Text: src}, warn: func(Pos, Code, string) {}}
	var got []string
	for {
		tok, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimPrefix(tok.pos.String(), ":"))
		if tok.kind == kindEOF {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("tokens at %q, want %q", got, want)
	}
}

func TestTokenKindsOfEveryReservedWord(t *testing.T) {
	check := func(word string, want kind) {
		t.Helper()
		if got := classify(word); got != want || !got.reserved() {
			t.Errorf("%s is of kind %d, want %d, which is reserved", word, got, want)
		}
	}
	for i := range optionTable {
		check(optionTable[i].name, kindOption)
	}
	for _, name := range flagNames {
		if name != "" {
			check(name, kindFlag)
		}
	}
	for p := PriorityDebug; p <= PriorityFatal; p++ {
		check(p.String(), kindPriority)
	}
	for k := kindEOF; k <= kindWord; k++ {
		if kindName(k) == "?" {
			t.Errorf("kind %d has no name", k)
		}
	}
}
