package wire

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// TestStatus checks the reply that monitor-protocol §4 shows.
func TestStatus(t *testing.T) {
	b := unhex(t, `
		80 00 00 81  00 00 00 00  31 d7 0a af  00 00 00 00 00 00 00 00
		00 00 00 00  00 00 00 00  00 00 00 00  60 00 00 00  00 00 00 00
		07 00 00 00  01 00 00 00  01 00 00 00  05 00 00 00  04 00 00 00  09 00 00 00
		00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  09 00 00 00  09 00 00 00
		09 00 00 00  0d 00 00 00  28 00 00 00  31 d7 0a af  31 d7 0a af  0d 00 00 00
		01 00  02 00  01 00  a0 00  14 00  01 00  0f 00  01 00  01 00  05 00  00 00  01 00`)
	want := Status{
		Seconds: 7, State: 1, GroupState: 1, PacketsSent: 5, PacketsReceived: 4, PacketsDelivered: 9,
		Aru: 9, MyAru: 9, HighestSeq: 9, TokenHurries: 13, TokenRounds: 40,
		Self: 0xaf0ad731, Leader: 0xaf0ad731, MessagesDelivered: 13,
		MembershipChanges: 1, Daemons: 2, Segments: 1, Window: 160, PersonalWindow: 20,
		Accelerated: 1, AcceleratedWindow: 15, Sessions: 1, Groups: 1, MajorVersion: 5, PatchVersion: 1,
	}
	var p Packet
	if err := p.Decode(b); err != nil {
		t.Fatal(err)
	}
	var got Status
	if err := got.Decode(&p); err != nil || got != want {
		t.Errorf("decoded %+v, %v, want %+v", got, err, want)
	}
	if again := want.Append(nil); !bytes.Equal(again, b) {
		t.Errorf("encoded\n%x, want\n%x", again, b)
	}
	p.Body = p.Body[1:]
	if err := got.Decode(&p); !errors.Is(err, ErrLength) {
		t.Errorf("a report of 95 bytes: %v", err)
	}
}

func TestPartitionMap(t *testing.T) {
	p := Packet{ByteOrder: BigEndian, Body: []byte{0, 0, 0, 1, 0xff, 0xff, 9, 9}}
	if m, err := p.PartitionMap(3); err != nil || !slices.Equal(m, []int16{0, 1, KillComponent}) {
		t.Errorf("map %v, %v", m, err)
	}
	if _, err := p.PartitionMap(5); !errors.Is(err, ErrShort) {
		t.Errorf("a map for 4 of 5 daemons: %v", err)
	}
}

func TestFlowControl(t *testing.T) {
	p := Packet{ByteOrder: LittleEndian, Body: []byte{1, 0, 2, 0, 0xff, 0xff, 4, 0, 5, 0, 0, 0}}
	for _, tt := range []struct {
		rank, n int
		want    Windows
	}{
		{0, 2, Windows{5, 1, 2}},
		{1, 2, Windows{5, Unchanged, 4}},
		{2, 3, Windows{Unchanged, 5, 0}}, // no row behind those of the daemons
	} {
		if got, err := p.FlowControl(tt.rank, tt.n); err != nil || got != tt.want {
			t.Errorf("daemon %d of %d: %+v, %v, want %+v", tt.rank, tt.n, got, err, tt.want)
		}
	}
	if _, err := p.FlowControl(0, 4); !errors.Is(err, ErrShort) {
		t.Errorf("three rows for 4 daemons: %v", err)
	}
}

// TestMonitorBodies: what monitors send has one length, and daemons read it in either byte order.
func TestMonitorBodies(t *testing.T) {
	components := []int16{0, 300, KillComponent}
	windows := []Windows{{0, 20, 15}, {0, Unchanged, Unchanged}, {0, 32767, 0}}
	for _, o := range []ByteOrder{LittleEndian, BigEndian} {
		p := Packet{ByteOrder: o, Body: o.AppendPartitionMap(nil, components)}
		if len(p.Body) != 256 {
			t.Errorf("a partition map of %d bytes", len(p.Body))
		}
		if m, err := p.PartitionMap(4); err != nil || !slices.Equal(m, []int16{0, 300, KillComponent, 0}) {
			t.Errorf("map %v, %v", m, err)
		}
		p.Body = o.AppendFlowControl(nil, 160, windows)
		if len(p.Body) != 512 {
			t.Errorf("flow control of %d bytes", len(p.Body))
		}
		for i, w := range windows {
			w.Window = 160
			if got, err := p.FlowControl(i, len(windows)); err != nil || got != w {
				t.Errorf("daemon %d: %+v, %v, want %+v", i, got, err, w)
			}
		}
		all := make([]Windows, 129)
		if b := o.AppendFlowControl(nil, 160, all); len(b) != 512 || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
			t.Errorf("for more daemons than there is room for: % x", b)
		}
		if b := o.AppendPartitionMap(nil, make([]int16, 129)); len(b) != 256 {
			t.Errorf("a map of more daemons than there is room for has %d bytes", len(b))
		}
	}
}
