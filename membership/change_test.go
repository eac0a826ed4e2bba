package membership

import (
	"fmt"
	"strings"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// change returns what an installation says of itself.
func (d dumper) change(c *Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "because %v", c.Cause)
	if c.By != 0 {
		fmt.Fprintf(&b, " of %s", d.names([]wire.DaemonID{c.By}))
	}
	fmt.Fprintf(&b, ", %v and %d attempts before", c.Took.Round(time.Millisecond), c.Attempts)
	for _, l := range c.Left {
		fmt.Fprintf(&b, ", %s left: %v", d.names([]wire.DaemonID{l.Daemon}), l.Why)
	}
	if len(c.Joined) > 0 {
		fmt.Fprintf(&b, ", %s joined", d.names(c.Joined))
	}
	if len(c.Returned) > 0 {
		fmt.Fprintf(&b, ", %s returned", d.names(c.Returned))
	}
	if c.Lost > 0 {
		fmt.Fprintf(&b, ", %d lost", c.Lost)
	}
	return b.String()
}
