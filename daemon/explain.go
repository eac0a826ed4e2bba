package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// explain returns a change of membership as one sentence: who came and who went and why, how long it
// took, and what was lost.
func explain(c *membership.Change, name func(wire.DaemonID) string) string {
	var parts []string
	for why := membership.Why(1); int(why) < membership.NumWhys; why++ {
		var gone []string
		for _, d := range c.Left {
			if d.Why == why {
				gone = append(gone, name(d.Daemon))
			}
		}
		if len(gone) > 0 {
			parts = append(parts, strings.Join(gone, " ")+" left: "+whyText(why))
		}
	}
	names := func(ids []wire.DaemonID) string {
		var list []string
		for _, id := range ids {
			list = append(list, name(id))
		}
		return strings.Join(list, " ")
	}
	if len(c.Returned) > 0 {
		parts = append(parts, names(c.Returned)+" returned after a restart or a time apart")
	}
	first := c.Cause == membership.CauseStart || c.Cause == membership.CauseAlone
	switch {
	case first:
		parts = append(parts, strings.TrimSpace("first ring "+names(c.Joined)))
	case len(c.Joined) > 0:
		parts = append(parts, names(c.Joined)+" joined")
	case len(parts) == 0:
		parts = append(parts, "same daemons in a new ring")
	}
	if text := causeText(c, name); text != "" {
		parts = append(parts, text)
	}
	parts = append(parts, tookText(c.Took))
	if c.Attempts > 1 {
		parts = append(parts, fmt.Sprintf("%d attempts", c.Attempts))
	}
	switch {
	case first:
	case c.Lost == 0:
		parts = append(parts, "nothing lost")
	case c.Lost == 1:
		parts = append(parts, "1 packet lost")
	default:
		parts = append(parts, fmt.Sprintf("%d packets lost", c.Lost))
	}
	return strings.Join(parts, ", ")
}

// whyText returns why daemons have left, after their names.
func whyText(w membership.Why) string {
	switch w {
	case membership.WhyRemoved:
		return "removed from the configuration"
	case membership.WhyStopped:
		return "stopped in order"
	case membership.WhyRefused:
		return "its port refuses (process ended)"
	case membership.WhyApart:
		return "heard, but in no ring with this daemon"
	case membership.WhySilent:
		return "no answer (host down, process frozen or network cut)"
	default:
		return w.String()
	}
}

// causeText returns why the ring before was given up, or "" if who came and who went says it.
func causeText(c *membership.Change, name func(wire.DaemonID) string) string {
	switch c.Cause {
	case membership.CauseTokenTimeout:
		return "token lost"
	case membership.CauseRecoveryTurns:
		return "recovery did not end"
	case membership.CauseNoProgress:
		return "no progress: the token went round, but packets did not reach all members"
	case membership.CauseForced:
		return "forced because the tables of groups did not match"
	case membership.CauseReload:
		return "configuration reloaded"
	case membership.CauseFormTimeout:
		return "forming a ring took too long"
	case membership.CauseAlive, membership.CauseJoin:
		if slices.Contains(c.Returned, c.By) || slices.ContainsFunc(c.Left, func(d membership.Departure) bool { return d.Daemon == c.By }) {
			return ""
		}
		return name(c.By) + " lost the token"
	case membership.CauseRefused:
		if slices.ContainsFunc(c.Left, func(d membership.Departure) bool { return d.Daemon == c.By }) {
			return ""
		}
		return "the port of " + name(c.By) + " refused datagrams"
	case membership.CauseForeign:
		return "another ring was heard"
	case membership.CauseLookup:
		return "found by a search"
	case membership.CauseForm1:
		if len(c.Joined)+len(c.Left)+len(c.Returned) == 0 {
			return "formed by " + name(c.By)
		}
		return ""
	default:
		return "" // Who came and who went says it.
	}
}

// tookText returns a time in three digits or so.
func tookText(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "under 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}
