package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

const menu = `
=============
Monitor Menu:
-------------

	0 -- status of daemons: names, all, none; an empty line ends

	1 -- define a partition
	2 -- send it
	3 -- show the one sent last
	4 -- cancel it

	5 -- define flow control
	6 -- send it
	7 -- show it

	8 -- terminate daemons: names, all, none; an empty line ends

	r -- reload the configuration

	9 -- quit
`

// reportText returns what is printed of a report, without the prompt behind it
// (daemon-operations §8). previous is the report of the daemon before, or zero.
func reportText(conn Conn, r *Report, previous *wire.Status) string {
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
	for _, line := range [][3]column{
		{{"rounds   ", r.TokenRounds}, {"tok_hurry ", r.TokenHurries}, {"memb change", int32(r.MembershipChanges)}},
		{{"sent pack", r.PacketsSent}, {"recv pack ", r.PacketsReceived}, {"retrans    ", r.Retrans}},
		{{"u retrans", r.RetransDaemon}, {"s retrans ", r.RetransSegment}, {"b retrans  ", r.RetransAll}},
		{{"My_aru   ", r.MyAru}, {"Aru       ", r.Aru}, {"Highest seq", r.HighestSeq}},
		{{"Sessions ", int32(r.Sessions)}, {"Groups    ", int32(r.Groups)}, {"Window     ", int32(r.Window)}},
	} {
		b.WriteString(line[0].String() + "\t" + line[1].String() + "\t" + line[2].String() + "\n")
	}
	b.WriteString(column{"Deliver M", r.MessagesDelivered}.String() + "\t" + column{"Deliver Pk", r.PacketsDelivered}.String() +
		"\t" + column{"P/A Window ", int32(r.PersonalWindow)}.String() + "/" + strconv.Itoa(int(r.AcceleratedWindow)) + "\n")
	b.WriteString(column{"Delta Mes", r.MessagesDelivered - previous.MessagesDelivered}.String() +
		"\t" + column{"Delta Pk  ", r.Aru - previous.Aru}.String() + "\t" + column{"Delta sec  ", r.Seconds - previous.Seconds}.String() + "\n")
	b.WriteString("==================================\n")
	return b.String()
}

// column is one number of a report.
type column struct {
	name  string
	value int32
}

func (c column) String() string { return fmt.Sprintf("%s: %7d", c.name, c.value) }

// unknownText is what is printed of a report of nobody that is configured.
func unknownText(r *Report) string {
	return fmt.Sprintf("\nMonitor: a report from %v names the daemon %d,\nwhich is not configured there\n", r.From, int32(r.Self))
}

// title is a title between rulers.
func title(s string) string {
	s += ":"
	return "\n" + strings.Repeat("=", len(s)) + "\n" + s + "\n" + strings.Repeat("-", len(s)) + "\n\n"
}

// perDaemon writes a line for each daemon, with an empty one between segments.
func perDaemon(b *strings.Builder, daemons []Daemon, text func(i int) string) {
	for i, d := range daemons {
		if i > 0 && d.Segment != daemons[i-1].Segment {
			b.WriteByte('\n')
		}
		b.WriteString("\t" + d.Name + "\t" + text(i) + "\n")
	}
}

// partitionText shows the components of daemons.
func partitionText(what string, daemons []Daemon, components []int16) string {
	var b strings.Builder
	b.WriteString(title(what))
	perDaemon(&b, daemons, func(i int) string { return strconv.Itoa(int(components[i])) })
	return b.String()
}

// windowsText shows the windows that are defined.
func (p *program) windowsText() string {
	var b strings.Builder
	b.WriteString(title("Flow control"))
	b.WriteString("    Window size:\t" + windowText(p.window) + "\n\n")
	perDaemon(&b, p.conn.Daemons(), func(i int) string {
		text := windowText(p.windows[i].Personal)
		if p.settings.Accelerated {
			text += "\t" + windowText(p.windows[i].Accelerated)
		}
		return text
	})
	return b.String()
}

func windowText(w int16) string {
	if w == wire.Unchanged {
		return "unchanged"
	}
	return strconv.Itoa(int(w))
}
