package spreadconf

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
)

// Detail says what Describe writes beyond what everybody needs.
type Detail struct {
	// Defaults are the options that have their default.
	Defaults bool
	// Mixed is what matters only to rings in which C daemons run, too.
	Mixed bool
}

// Describe writes a configuration as it was understood, for people to read: its daemons with their
// ids, the options that differ from their defaults, the hash, which daemon this host runs, and
// warnings and advice. A nil self stands for a host that runs none of the daemons. The error is
// that of w.
func Describe(w io.Writer, cfg *Config, self *Self, detail Detail) error {
	d := &description{cfg: cfg, detail: detail}
	d.head(self)
	d.segments(self)
	d.timeouts()
	d.options()
	d.warnings()
	_, err := io.WriteString(w, d.b.String())
	return err
}

type description struct {
	cfg    *Config
	detail Detail
	b      strings.Builder
}

func (d *description) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func ringName(accelerated bool) string {
	if accelerated {
		return "accelerated protocol"
	}
	return "original protocol"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (d *description) head(self *Self) {
	c := d.cfg
	n := 0
	for range c.Daemons() {
		n++
	}
	d.printf("configuration  %s\n", textOr(c.File, "built in"))
	d.printf("ring           %s in %s, %s\n", plural(n, "daemon"), plural(len(c.Segments), "segment"), c.IPVersion)
	d.printf("hash           %d, %s\n", c.Hash(), ringName(c.AcceleratedAtStart()))
	if after := c.AcceleratedAfterReload(); d.detail.Mixed && after != c.AcceleratedAtStart() {
		d.printf("               %d, %s, in C daemons that have reloaded it\n", c.HashFor(after), ringName(after))
	}
	if self == nil {
		d.printf("this host      none of the daemons\n")
		return
	}
	d.printf("this host      daemon %s, id %d, %s\n", showName(self.Daemon.Name), self.Daemon.ID,
		netip.AddrPortFrom(self.Addr, self.Segment.Port))
}

// showName returns a daemon's name as it is, unless that could not be read in a table.
func showName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func (d *description) segments(self *Self) {
	for i := range d.cfg.Segments {
		s := &d.cfg.Segments[i]
		addrs := make([]string, len(s.Addrs))
		for j, a := range s.Addrs {
			addrs[j] = a.String()
		}
		d.printf("\nsegment %d      port %d, %s\n", i+1, s.Port, strings.Join(addrs, " "))
		names, places := 0, 0
		for j := range s.Daemons {
			names = max(names, len([]rune(showName(s.Daemons[j].Name))))
			places = max(places, len(s.Daemons[j].Addr.String()))
		}
		for j := range s.Daemons {
			mark := ' '
			if self != nil && self.Daemon == &s.Daemons[j] {
				mark = '*'
			}
			d.daemon(mark, &s.Daemons[j], names, places)
		}
	}
}

func (d *description) daemon(mark rune, x *Daemon, names, places int) {
	origin := "derived from the name"
	if x.IDGiven {
		origin = wordVirtualID
	}
	d.printf("  %c %-*s  %-*s  id %d (%s)", mark, names, showName(x.Name), places, x.Addr, x.ID, origin)
	if x.LookedUp {
		d.printf(", address looked up")
	}
	d.printf("\n")
	for _, i := range x.Interfaces {
		d.printf("      interface %-5s  %s\n", i.Roles, i.Addr)
	}
}

func (d *description) timeouts() {
	c := d.cfg
	t, err := c.EffectiveTimeouts()
	if err != nil {
		d.printf("\ntimeouts       none in force: %s\n", err)
		return
	}
	origin := "defaults of a local area network"
	switch {
	case c.Options.Timeouts != (Timeouts{}):
		origin = "from the file"
	case c.WideArea():
		origin = "defaults of a wide area network"
	}
	d.printf("\ntimeouts       %s, in milliseconds\n ", origin)
	for i, value := range t.fields() {
		d.printf(" %s %d", strings.TrimSuffix(timeoutOptions()[i], "Timeout"), *value/time.Millisecond)
	}
	d.printf("\n")
}

// options prints those that differ from the defaults, and then the others.
func (d *description) options() {
	def := &Config{IPVersion: IPv4, Options: DefaultOptions()}
	var changed, kept []string
	for i := range optionTable {
		o := &optionTable[i]
		if slices.Contains(timeoutOptions(), o.name) {
			continue
		}
		value, usual := o.get(d.cfg), o.get(def)
		if value == usual {
			kept = append(kept, fmt.Sprintf("  %-25s  %s", o.name, value))
		} else {
			changed = append(changed, fmt.Sprintf("  %-25s  %s (default %s)", o.name, value, usual))
		}
	}
	d.list("options that differ from their defaults", changed)
	if d.detail.Defaults {
		d.list("options with their defaults", kept)
	}
}

func (d *description) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	d.printf("\n%s\n%s\n", title, strings.Join(lines, "\n"))
}

func (d *description) warnings() {
	all := slices.Concat(d.cfg.Warnings, d.cfg.Advice)
	if !d.detail.Mixed {
		all = slices.DeleteFunc(all, func(w Warning) bool {
			return w.Code == AdviceAcceleratedUnset || w.Code == AdviceAcceleratedWindow
		})
	}
	conf.SortWarnings(all)
	lines := make([]string, len(all))
	for i, w := range all {
		lines[i] = fmt.Sprintf("  %s: %s (%s)", w.Pos, w.Text, w.Code)
	}
	d.list("warnings", lines)
}
