package logsub

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/peer"
)

// Comparison is the result of [Compare].
type Comparison struct {
	Files, Different int
	Lines            int64 // in files that are equal
}

// compareWait is how long Compare waits for the other log host, or this one, to write what the other
// has.
const compareWait = 5 * time.Second

// Compare compares the log files with an index of a configuration with those of the log host that
// serves them at an address. It calls report with each difference. Both log hosts may be running.
func Compare(ctx context.Context, cfg Config, address string, report func(string)) (c Comparison, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return c, err
	}
	ours, err := indexedLogs(&cfg)
	if err != nil {
		return c, err
	}
	if len(ours) == 0 {
		return c, errors.New("no log has an index: set envelope = \"index\" on both log hosts")
	}
	client := peer.NewClient(ctx, address, cfg.HealDial)
	defer client.Close()
	theirs, err := client.Logs()
	if err != nil {
		return c, err
	}
	for _, x := range ours {
		i := slices.IndexFunc(theirs, func(l peer.Log) bool { return l.Name == x.served.Name })
		switch {
		case i < 0:
			report(fmt.Sprintf("%s: %s has no such log", x.template, address))
			c.Different++
			continue
		case theirs[i].Config != x.served.Config:
			report(fmt.Sprintf("%s: %s has another configuration of this log, so their files differ", x.template, address))
		}
		one := &comparison{ctx: ctx, client: client, log: x, report: report, sum: &c}
		if err := one.run(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// comparison compares the files of one log.
type comparison struct {
	ctx    context.Context
	client *peer.Client
	log    *indexed
	report func(string)
	sum    *Comparison
}

func (c *comparison) reportf(name, format string, args ...any) {
	c.sum.Different++
	c.report(c.log.template.Base() + "/" + name + ": " + fmt.Sprintf(format, args...))
}

func (c *comparison) run() error {
	// Names may be new on one host for a moment.
	var ours, theirs map[string]lineindex.Entry
	for began := time.Now(); ; {
		var err error
		if ours, theirs, err = c.list(); err != nil {
			return err
		}
		if sameNames(ours, theirs) || time.Since(began) >= compareWait {
			break
		}
		if err := pause.For(c.ctx, compareWait/10); err != nil {
			return err
		}
	}
	var all []string
	for name := range ours {
		all = append(all, name)
	}
	for name := range theirs {
		if _, ok := ours[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for _, name := range all {
		if err := c.named(name, ours, theirs); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// named compares the files of a name. A running log host may replace, rename or remove a file while it
// is read. Then the files are listed again.
func (c *comparison) named(name string, ours, theirs map[string]lineindex.Entry) error {
	c.sum.Files++
	for began, again := time.Now(), false; ; again = true {
		a, here := ours[name]
		b, there := theirs[name]
		late := time.Since(began) >= compareWait
		var err error
		switch {
		case here && there:
			if err = c.file(a, b); late || !errors.Is(err, lineindex.ErrChanged) && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case !here && !there:
			c.sum.Files--
			return nil
		case again && !late: // it may be on its way to another name
		case here:
			c.reportf(name, "%s does not have it", c.client)
			return nil
		default:
			c.reportf(name, "only %s has it", c.client)
			return nil
		}
		if err = pause.For(c.ctx, compareWait/10); err == nil {
			ours, theirs, err = c.list()
		}
		if err != nil {
			return err
		}
	}
}

func sameNames(a, b map[string]lineindex.Entry) bool {
	for name := range a {
		if _, ok := b[name]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

func (c *comparison) list() (ours, theirs map[string]lineindex.Entry, err error) {
	byName := func(s lineindex.Source) (map[string]lineindex.Entry, error) {
		entries, err := s.List()
		m := make(map[string]lineindex.Entry)
		for _, e := range entries {
			m[e.Name] = e
		}
		return m, err
	}
	if ours, err = byName(c.log.served.Files); err == nil {
		theirs, err = byName(c.client.Source(c.log.served.Name))
	}
	return ours, theirs, err
}

// digests returns the digests of up to limit bytes of a file on both hosts.
func (c *comparison) digests(a, b lineindex.Entry, limit int64) (ours, theirs peer.Digest, err error) {
	if theirs, err = c.client.Digest(c.log.served.Name, b, limit); err != nil {
		return ours, theirs, err
	}
	in, err := c.log.served.Files.Content(a, 0)
	if err != nil {
		return ours, theirs, err
	}
	d, err := peer.DigestOf(c.ctx, in, limit, func() error { return nil })
	if err = errors.Join(err, in.Close()); err == nil {
		ours = *d
	}
	return ours, theirs, err
}

// file compares a file. While both hosts write it, the one that is behind gets some time.
func (c *comparison) file(a, b lineindex.Entry) error {
	limit := int64(math.MaxInt64)
	for began := time.Now(); ; {
		ours, theirs, err := c.digests(a, b, limit)
		if err != nil {
			return err
		}
		if ours == theirs {
			c.sum.Lines += ours.Lines
			return nil
		}
		if ours.Bytes == theirs.Bytes || time.Since(began) >= compareWait {
			return c.part(a, b)
		}
		limit = min(limit, max(ours.Bytes, theirs.Bytes))
		if err := pause.For(c.ctx, compareWait/10); err != nil {
			return err
		}
	}
}

// part reports the line at which two files part.
func (c *comparison) part(a, b lineindex.Entry) error {
	x, err := c.log.served.Files.Content(a, 0)
	if err != nil {
		return err
	}
	defer x.Close() //nolint:errcheck // it is only read
	y, err := c.client.Source(c.log.served.Name).Content(b, 0)
	if err != nil {
		return err
	}
	defer y.Close() //nolint:errcheck // it is only read
	ours, theirs := bufio.NewReaderSize(x, 64<<10), bufio.NewReaderSize(y, 64<<10)
	for line, at := 1, int64(0); ; line++ {
		l1, err1 := ours.ReadString('\n')
		l2, err2 := theirs.ReadString('\n')
		for _, err := range []error{err1, err2} {
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		switch {
		case l1 == l2 && err1 != nil:
			return nil // they have become equal
		case l1 == l2:
			at += int64(len(l1))
			continue
		case l1 == "":
			c.reportf(a.Name, "ends before line %d (byte %d), which %s has: %s", line, at, c.client, shown(l2))
		case l2 == "":
			c.reportf(a.Name, "line %d (byte %d) is the first that %s does not have: %s", line, at, c.client, shown(l1))
		default:
			c.reportf(a.Name, "line %d (byte %d) differs: here %s, on %s %s", line, at, shown(l1), c.client, shown(l2))
		}
		return nil
	}
}

// shown is the beginning of a line.
func shown(line string) string {
	const most = 60
	line = strings.TrimSuffix(line, "\n")
	if len(line) > most {
		return fmt.Sprintf("%q…", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
