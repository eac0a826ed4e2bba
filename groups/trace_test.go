package groups

import (
	"flag"
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

var traceGroup = flag.String("follow", "", "print what happens around this group in random schedules")

// trace prints the steps of a schedule that concern one group.
func (p *properties) trace(n *node, what string, e *entry) {
	if *traceGroup == "" {
		return
	}
	var line strings.Builder
	line.WriteString(fmt.Sprintf("%s %s -> %v", n.name(), what, n.m.State()))
	switch {
	case what != "deliver":
		line.WriteString(fmt.Sprintf(" reg %v trans %v %v synced %v", n.m.regular, n.m.transitionalID, n.m.transitional, n.m.synced))
	case wireType(e)&wire.Groups != 0:
		line.WriteString(fmt.Sprintf(" %d of %v: %s", e.index, e.stream.id, p.c.stateText(e.data)))
	default:
		d := wire.Dump(e.data)
		if !strings.Contains(d, *traceGroup) && wireType(e)&wire.Kill == 0 {
			return
		}
		line.WriteString(fmt.Sprintf(" %d of %v: %s", e.index, e.stream.id, d))
	}
	name := wire.MakeName(*traceGroup)
	if g := n.m.group(&name); g != nil {
		line.WriteString(fmt.Sprintf(" | %v changed %v", g.id, g.changed))
		for d := range g.daemons() {
			line.WriteString(fmt.Sprintf(" %d:%v/%d", d.rank, d.view, len(d.members)))
		}
	}
	p.c.t.Log(line.String())
}
