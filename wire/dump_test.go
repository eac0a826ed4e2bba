package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// transcript returns a vector line by line: what each entry completed, and the events. Bytes that
// remain at the end of a stream come last.
func (v *vector) transcript() string {
	var s strings.Builder
	fmt.Fprintf(&s, "== %s\n", v.Name)
	r := v.replay()
	for _, e := range r.entries {
		if e.Event != "" {
			fmt.Fprintf(&s, "%s %s: (%s)\n", e.Conn, e.Dir, e.Event)
		}
		for _, u := range e.units {
			fmt.Fprintf(&s, "%s %s: %s\n", e.Conn, u.dir, u.line)
		}
	}
	told := make(map[stream]bool)
	for _, e := range r.entries {
		at := stream{e.Conn, e.Dir}
		if o := r.odd[at]; o.left > 0 && !told[at] {
			fmt.Fprintf(&s, "%s %s: left %d bytes: %v\n", at.conn, at.dir, o.left, o.err)
			told[at] = true
		}
	}
	return s.String()
}

// TestDumpGolden compares the output of Dump and of the handshake's decoders for all vectors with a
// golden file. The file is the shortest way to see what travels on the wire in a scenario.
func TestDumpGolden(t *testing.T) {
	var parts []string
	for _, v := range vectors(t) {
		parts = append(parts, v.transcript())
	}
	golden.File(t, "testdata/dump.golden", strings.Join(parts, "\n"))
}

func TestDump(t *testing.T) {
	tests := []struct {
		name, bytes, want string
	}{
		{
			// client-protocol §9.1
			"regular",
			"a0000080 " + field("#alice#alpha") + " 02000000 80341280 05000000" + field("grp") + field("#bob#alpha") + " 'hello'",
			"le SAFE from #alice#alpha to [grp #bob#alpha] type 4660 data 5",
		},
		{
			"big-endian, flags",
			"01000050 " + field("#alice#alpha") + " 00000000 00ffff00 00000000",
			"be AGREED|SELF_DISCARD|DROP_RECV from #alice#alpha to [] type -1 data 0",
		},
		{
			// §6: header and payload can have different byte orders.
			"hint of the other order",
			"90000080 " + field("#j#alpha") + " 00000000 00123400 00000000",
			"le AGREED from #j#alpha to [] type 4660 hint be data 0",
		},
		{
			"unnamed bits",
			"90c000fe " + field("#j#alpha") + " 00000000 80000080 00000000",
			"le AGREED|0x7e00c000 from #j#alpha to [] type 0 data 0",
		},
		{
			"type zero",
			"80000080 " + field("#j#alpha") + " 00000000 80000080 00000000",
			"le 0 from #j#alpha to [] type 0 data 0",
		},
		{
			// §9.3
			"reject",
			"c0004080 " + field("#j#alpha") + " 01000000 80000080 00000000 c0010080" + field("grp"),
			"le REJECT|SELF_DISCARD from #j#alpha to [grp] type 0 was CAUSED_BY_JOIN|SELF_DISCARD data 0",
		},
		{
			// §10
			"join",
			"80110080 " + field("grp") + " 02000000 80000080 38000000" + field("#a#x") + field("#b#x") +
				"01000080 02000000 03000000 01000000 00000000 01000000" + field("#b#x"),
			"le REG_MEMB|CAUSED_BY_JOIN of grp members [#a#x #b#x] id -2147483647 2 3 set*[#b#x]",
		},
		{
			"network",
			"80180080 " + field("grp") + " 02000000 80000080 5c000000" + field("#a#x") + field("#b#y") +
				"01000000 02000000 03000000 02000000 24000000 01000000" + field("#a#x") + "01000000" + field("#b#y"),
			"le REG_MEMB|CAUSED_BY_NETWORK of grp members [#a#x #b#y] id 1 2 3 set[#a#x] set*[#b#y]",
		},
		{
			"transitional",
			"80200080 " + field("grp") + " 00000000 80000080 0c000000 01000000 02000000 03000000",
			"le TRANSITION of grp id 1 2 3",
		},
		{
			"self-leave",
			"80020080 " + field("grp") + " 00000000 80000080 00000000",
			"le CAUSED_BY_LEAVE of grp",
		},
		{
			"membership that is none",
			"80110080 " + field("grp") + " 00000000 80000080 01000000 00",
			"le REG_MEMB|CAUSED_BY_JOIN of grp payload of 1 bytes: decoding group id at byte 1: input ends early",
		},
		{
			"names that are not words",
			"90000080 00*32 04000000 80000080 00000000" + field("two words") + field("line\nfeed") + field(`[q"]`) + field("\xffé"),
			`le AGREED from "" to ["two words" "line\nfeed" "[q\"]" "\xff\u00e9"] type 0 data 0`,
		},
		{
			"short",
			"90000080",
			"undecodable, 4 bytes: decoding message header at byte 4: input ends early",
		},
		{
			"nothing",
			"",
			"undecodable, 0 bytes: decoding message header at byte 0: input ends early",
		},
	}
	for _, tt := range tests {
		if got := Dump(parse(t, tt.bytes)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}
