package daemon

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/membership"
)

// logRing logs a ring that was formed: a warning with the names of the daemons that it lacks, and with
// what is known of why.
func (o *owner) logRing(in *membership.Installation, names []string, change string) {
	top := o.cfg.Engine.Topology
	attrs := []any{
		slog.String("members", fmt.Sprintf("%d/%d", len(names), len(top.Daemons()))),
		slog.String("id", o.ringID(in.RegularID)), slog.Any("daemons", names), slog.String("change", change),
	}
	var missing, reasons []string
	ports := make(map[string]bool)
	for i := range top.Daemons() {
		d := &top.Daemons()[i]
		if slices.Contains(in.Regular, d.ID) {
			continue
		}
		missing = append(missing, d.Name)
		p := o.engine.Peer(d.ID)
		code, _ := o.absence(d, &p, o.history.moved[d.ID])
		reasons = append(reasons, d.Name+": "+string(code))
		if code == status.NeverHeard || code == status.Silent {
			port := top.Segments()[d.Segment].Port
			ports[fmt.Sprintf("UDP %d and %d", port, port+1)] = true
		}
	}
	if len(missing) == 0 {
		o.log.Info("ring formed", attrs...)
		return
	}
	attrs = append(attrs, slog.String("missing", strings.Join(reasons, ", ")))
	if len(ports) == 1 {
		for text := range ports { // One only.
			attrs = append(attrs, slog.String("advice", "are "+text+" open between the hosts?"))
		}
	}
	o.log.Warn("ring formed without "+strings.Join(missing, " "), attrs...) //nolint:sloglint // the names are what an operator looks for
}
