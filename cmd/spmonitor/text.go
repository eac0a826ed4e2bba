package main

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/wire"
)

// The texts are the original's, because scripts read them (daemon-operations §8).

const menu = `
=============
Monitor Menu:
-------------
	0. Activate/Deactivate Status {all, none, Proc, CR}

	1. Define Partition
	2. Send   Partition
	3. Review Partition
	4. Cancel Partition Effects

	5. Define Flow Control
	6. Send   Flow Control
	7. Review Flow Control

	8. Terminate Spread Daemons {all, none, Proc, CR}

	r. Reload Configuration File

	9. Exit
`

// Titles of questions and tables.
const (
	statusTitle          = "\n=============\nActivate Status\n-------------\n\n"
	definePartitionTitle = "\n=============\nDefine Partition\n-------------\n\n"
	partitionTitle       = "\n=============\nPartition Map:\n-------------\n\n"
	defineWindowsTitle   = "\n===================\nDefine Flow Control\n-------------------\n\n"
	windowsTitle         = "\n========================\nFlow Control Parameters:\n------------------------\n\n"
)

// reportText returns what is printed of a report, without the prompt behind it
// (daemon-operations §8). previous is the report of the daemon before, or zero.
func reportText(conn Conn, r *monitor.Report, previous *wire.Status) string {
	protocol := "regular"
	if r.Accelerated != 0 {
		protocol = "accelerated"
	}
	var b strings.Builder
	b.WriteString("\n============================\n")
	fmt.Fprintf(&b, "Status at %s V%2d.%02d.%2d (state %d, gstate %d) after %d seconds :\n",
		conn.Daemons()[r.Daemon].Name, r.MajorVersion, r.MinorVersion, r.PatchVersion, r.State, r.GroupState, r.Seconds)
	fmt.Fprintf(&b, "Membership  :  %d  procs in %d segments, leader is %s, %s protocol\n",
		r.Daemons, r.Segments, conn.DaemonName(r.Leader), protocol)
	fmt.Fprintf(&b, "rounds   : %7d\ttok_hurry : %7d\tmemb change: %7d\n", r.TokenRounds, r.TokenHurries, r.MembershipChanges)
	fmt.Fprintf(&b, "sent pack: %7d\trecv pack : %7d\tretrans    : %7d\n", r.PacketsSent, r.PacketsReceived, r.Retrans)
	fmt.Fprintf(&b, "u retrans: %7d\ts retrans : %7d\tb retrans  : %7d\n", r.RetransDaemon, r.RetransSegment, r.RetransAll)
	fmt.Fprintf(&b, "My_aru   : %7d\tAru       : %7d\tHighest seq: %7d\n", r.MyAru, r.Aru, r.HighestSeq)
	fmt.Fprintf(&b, "Sessions : %7d\tGroups    : %7d\tWindow     : %7d\n", r.Sessions, r.Groups, r.Window)
	fmt.Fprintf(&b, "Deliver M: %7d\tDeliver Pk: %7d\tP/A Window : %7d/%d\n", r.MessagesDelivered, r.PacketsDelivered, r.PersonalWindow, r.AcceleratedWindow)
	fmt.Fprintf(&b, "Delta Mes: %7d\tDelta Pk  : %7d\tDelta sec  : %7d\n",
		r.MessagesDelivered-previous.MessagesDelivered, r.Aru-previous.Aru, r.Seconds-previous.Seconds)
	b.WriteString("==================================\n")
	return b.String()
}

// unknownText is what is printed of a report of nobody that is configured. The line in the middle
// is an addition.
func unknownText(r *monitor.Report) string {
	return fmt.Sprintf("\n============================\nReport_message: Skiping illegal status \n"+
		"it came from %v and names daemon %d, which is not in the configuration\n==================================\n", r.From, int32(r.Self))
}

// perDaemon calls f for each daemon until it returns false, and end after each segment.
func perDaemon(daemons []monitor.Daemon, f func(i int) bool, end func()) bool {
	for i, d := range daemons {
		if !f(i) {
			return false
		}
		if i == len(daemons)-1 || d.Segment != daemons[i+1].Segment {
			end()
		}
	}
	return true
}

func partitionText(daemons []monitor.Daemon, components []int16) string {
	var b strings.Builder
	b.WriteString(partitionTitle)
	perDaemon(daemons, func(i int) bool {
		fmt.Fprintf(&b, "\t%s\t%d\n", daemons[i].Name, components[i])
		return true
	}, func() { b.WriteByte('\n') })
	return b.String()
}

// windowsText shows windows, of which [wire.Unchanged] is -1.
func (p *program) windowsText(w *flowWindows) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sWindow size:  %d\n\n", windowsTitle, w.window)
	daemons := p.conn.Daemons()
	perDaemon(daemons, func(i int) bool {
		fmt.Fprintf(&b, "\t%s personal window\t%d\n", daemons[i].Name, w.daemons[i].Personal)
		if p.settings.Accelerated {
			fmt.Fprintf(&b, "\t%s accelerated window\t%d\n", daemons[i].Name, w.daemons[i].Accelerated)
		}
		return true
	}, func() { b.WriteByte('\n') })
	return b.String()
}
