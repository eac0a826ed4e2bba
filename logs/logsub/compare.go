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
	var ours, theirs map[string][]lineindex.Entry
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

// named compares the files of a series. A running log host may replace, rename or remove a file while it
// is read. Then the files are listed again.
func (c *comparison) named(name string, ours, theirs map[string][]lineindex.Entry) error {
	files := max(len(ours[name]), len(theirs[name]))
	c.sum.Files += files
	limit := int64(math.MaxInt64)
	for began, again := time.Now(), false; ; again = true {
		a, b := ours[name], theirs[name]
		here, there := len(a) > 0, len(b) > 0
		late := time.Since(began) >= compareWait
		switch {
		case here && there:
			if done, err := c.series(name, a, b, &limit, late); done || late || err != nil && !errors.Is(err, lineindex.ErrChanged) && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case !here && !there:
			c.sum.Files -= files
			return nil
		case again && !late: // it may be on its way to another name
		case here:
			c.reportf(name, "%s does not have it", c.client)
			return nil
		default:
			c.reportf(name, "only %s has it", c.client)
			return nil
		}
		err := pause.For(c.ctx, compareWait/10)
		if err == nil {
			ours, theirs, err = c.list()
		}
		if err != nil {
			return err
		}
	}
}

func sameNames(a, b map[string][]lineindex.Entry) bool {
	for name := range a {
		if _, ok := b[name]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

// list returns the files of both hosts by series.
func (c *comparison) list() (ours, theirs map[string][]lineindex.Entry, err error) {
	a, err := c.log.served.Files.List()
	if err != nil {
		return nil, nil, err
	}
	b, err := c.client.Source(c.log.served.Name).List()
	return lineindex.SeriesOf(a), lineindex.SeriesOf(b), err
}

// digests returns the digests of up to limit bytes of a series on both hosts, in pieces that end where the
// other host has cut it. What is beyond them here has no digest.
func (c *comparison) digests(a, b []lineindex.Entry, limit int64) (ours, theirs []peer.Digest, beyond int64, err error) {
	left := limit
	for _, e := range b {
		d, err := c.client.Digest(c.log.served.Name, e, left)
		if err != nil {
			return nil, nil, 0, err
		}
		theirs, left = append(theirs, d), left-d.Bytes
	}
	in := &wholeSeries{src: c.log.served.Files, files: a}
	defer in.close()
	for i := range theirs {
		d, err := peer.DigestOf(c.ctx, in, theirs[i].Bytes, func() error { return nil })
		if err != nil {
			return nil, nil, 0, err
		}
		ours, limit = append(ours, *d), limit-d.Bytes
	}
	beyond, err = io.Copy(io.Discard, io.LimitReader(in, limit))
	return ours, theirs, beyond, err
}

// series compares a file, or the parts that were cut off it by size with what is left, wherever each host has
// cut it. It returns false if one host is behind, which may be writing, and lowers the limit to what there is.
func (c *comparison) series(name string, a, b []lineindex.Entry, limit *int64, late bool) (done bool, err error) {
	ours, theirs, beyond, err := c.digests(a, b, *limit)
	if err != nil {
		return false, err
	}
	here, there, lines := beyond, int64(0), int64(0)
	for i := range theirs {
		here, there, lines = here+ours[i].Bytes, there+theirs[i].Bytes, lines+ours[i].Lines
	}
	switch {
	case beyond == 0 && slices.Equal(ours, theirs):
		c.sum.Lines += lines
	case here == there || late:
		err = c.part(name, a, b)
		return err == nil, err
	default:
		*limit = min(*limit, max(here, there))
		return false, nil
	}
	return true, nil
}

// part reports the line at which two series part.
func (c *comparison) part(name string, a, b []lineindex.Entry) error {
	x := &wholeSeries{src: c.log.served.Files, files: a}
	defer x.close()
	y := &wholeSeries{src: c.client.Source(c.log.served.Name), files: b}
	defer y.close()
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
			c.reportf(name, "ends before line %d (byte %d), which %s has: %s", line, at, c.client, shown(l2))
		case l2 == "":
			c.reportf(name, "line %d (byte %d) is the first that %s does not have: %s", line, at, c.client, shown(l1))
		default:
			c.reportf(name, "line %d (byte %d) differs: here %s, on %s %s", line, at, shown(l1), c.client, shown(l2))
		}
		return nil
	}
}

// wholeSeries reads the files of a series, one behind the other.
type wholeSeries struct {
	src   lineindex.Source
	files []lineindex.Entry
	in    io.ReadCloser // of the first file; nil before it is opened
}

// Read implements io.Reader.
func (r *wholeSeries) Read(b []byte) (n int, err error) {
	for len(r.files) > 0 {
		if r.in == nil {
			if r.in, err = r.src.Content(r.files[0], 0); err != nil {
				r.in = nil
				return 0, err
			}
		}
		n, err = r.in.Read(b)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		r.close()
		if r.files = r.files[1:]; n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

func (r *wholeSeries) close() {
	if r.in != nil {
		_ = r.in.Close() // it is only read
		r.in = nil
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
