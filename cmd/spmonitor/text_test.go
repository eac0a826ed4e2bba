package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/wire"
)

// alphaOnly is a configuration of one daemon.
type alphaOnly struct{ Conn }

func (alphaOnly) Daemons() []monitor.Daemon { return []monitor.Daemon{{Name: "alpha", ID: 0xaf0ad731}} }

func (alphaOnly) DaemonName(id wire.DaemonID) string {
	if id != 0xaf0ad731 {
		return "-1"
	}
	return "alpha"
}

// TestReportText has the report that daemon-operations §8 shows, of the bytes that
// monitor-protocol §4 does.
func TestReportText(t *testing.T) {
	const want = `
============================
Status at alpha V 5.00. 1 (state 1, gstate 1) after 7 seconds :
Membership  :  2  procs in 1 segments, leader is alpha, accelerated protocol
rounds   :      40	tok_hurry :      13	memb change:       1
sent pack:       5	recv pack :       4	retrans    :       0
u retrans:       0	s retrans :       0	b retrans  :       0
My_aru   :       9	Aru       :       9	Highest seq:       9
Sessions :       1	Groups    :       1	Window     :     160
Deliver M:      13	Deliver Pk:       9	P/A Window :      20/15
Delta Mes:      13	Delta Pk  :       9	Delta sec  :       7
==================================
`
	r := monitor.Report{Status: wire.Status{
		Seconds: 7, State: 1, GroupState: 1, PacketsSent: 5, PacketsReceived: 4, PacketsDelivered: 9,
		Aru: 9, MyAru: 9, HighestSeq: 9, TokenHurries: 13, TokenRounds: 40,
		Self: 0xaf0ad731, Leader: 0xaf0ad731, MessagesDelivered: 13,
		MembershipChanges: 1, Daemons: 2, Segments: 1, Window: 160, PersonalWindow: 20,
		Accelerated: 1, AcceleratedWindow: 15, Sessions: 1, Groups: 1, MajorVersion: 5, PatchVersion: 1,
	}}
	if got := reportText(alphaOnly{}, &r, &wire.Status{}); got != want {
		t.Errorf("report\n%s\nwant\n%s", got, want)
	}
	r.Leader, r.Accelerated = 1, 0
	if got := reportText(alphaOnly{}, &r, &r.Status); !strings.Contains(got, "leader is -1, regular protocol") ||
		!strings.Contains(got, "Delta Mes:       0\tDelta Pk  :       0\tDelta sec  :       0\n") {
		t.Errorf("the same again, with an unknown leader and the regular ring\n%s", got)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args string
		want options
		err  string
	}{
		{"", options{port: 6543, interval: 10 * time.Second}, ""},
		{"-p 7000 -n alpha -t 3 -c /etc/x", options{port: 7000, name: "alpha", interval: 3 * time.Second, conf: "/etc/x"}, ""},
		{"-json -rounds 2 -p 0", options{json: true, rounds: 2, interval: 10 * time.Second}, ""},
		{"-p 65536", options{}, "want a port from 0 to 65535"},
		{"-p x", options{}, `invalid value "x" for flag -p`},
		{"-t 0", options{}, "want a number from 1 to 86400"},
		{"-t 86401", options{}, "want a number from 1 to 86400"},
		{"-rounds 1", options{}, "-rounds needs -json"},
		{"-json -rounds -1", options{}, `"-1" for flag -rounds`},
		{"-x", options{}, "not defined: -x"},
		{"stray", options{}, `"stray"`},
	} {
		got, err := parse(strings.Fields(tt.args))
		got.set = nil
		switch {
		case tt.err == "" && (err != nil || got != tt.want):
			t.Errorf("%q: %+v, %v, want %+v", tt.args, got, err, tt.want)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: %v, want %s", tt.args, err, tt.err)
		}
	}
}
