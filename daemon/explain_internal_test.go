package daemon

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	name := func(id wire.DaemonID) string { return "h" + string(rune('0'+id)) }
	left := func(w membership.Why, ids ...wire.DaemonID) (list []membership.Departure) {
		for _, id := range ids {
			list = append(list, membership.Departure{Daemon: id, Why: w})
		}
		return list
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		membership.Change
		want string
	}{
		{
			membership.Change{Cause: membership.CauseStart, Joined: []wire.DaemonID{1, 2}, Took: 260 * ms, Attempts: 1},
			"first ring h1 h2, 260 ms",
		},
		{
			membership.Change{Cause: membership.CauseAlone, Took: 0},
			"first ring, under 1 ms",
		},
		{
			membership.Change{Cause: membership.CauseTokenTimeout, Left: left(membership.WhySilent, 2, 3), Took: 1770 * ms, Attempts: 1},
			"h2 h3 left: no answer (host down, process frozen or network cut), token lost, 1.77 s, nothing lost",
		},
		{
			membership.Change{Cause: membership.CauseStopped, By: 3, Left: left(membership.WhyStopped, 3), Took: 18 * ms, Attempts: 1},
			"h3 left: stopped in order, 18 ms, nothing lost",
		},
		{
			membership.Change{Cause: membership.CauseAlive, By: 3, Returned: []wire.DaemonID{3}, Took: 29 * ms, Attempts: 1, Lost: 1},
			"h3 returned after a restart or a time apart, 29 ms, 1 packet lost",
		},
		{
			membership.Change{Cause: membership.CauseAlive, By: 2, Left: left(membership.WhySilent, 3), Joined: []wire.DaemonID{4}, Took: 29 * ms, Attempts: 3, Lost: 7},
			"h3 left: no answer (host down, process frozen or network cut), h4 joined, h2 lost the token, 29 ms, 3 attempts, 7 packets lost",
		},
		{
			membership.Change{Cause: membership.CauseReload, Left: left(membership.WhyRemoved, 4), Took: 500 * ms, Attempts: 1},
			"h4 left: removed from the configuration, configuration reloaded, 500 ms, nothing lost",
		},
		{
			membership.Change{Cause: membership.CauseForm1, By: 1, Took: 9 * ms, Attempts: 1},
			"same daemons in a new ring, formed by h1, 9 ms, nothing lost",
		},
		{
			membership.Change{Cause: membership.CauseNewcomer, By: 4, Joined: []wire.DaemonID{4}, Took: 19 * ms, Attempts: 1},
			"h4 joined, 19 ms, nothing lost",
		},
	} {
		if got := explain(&c.Change, name); got != c.want {
			t.Errorf("%+v:\n%s\nwant\n%s", c.Change, got, c.want)
		}
	}
}
