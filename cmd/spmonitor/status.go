package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/internal/flags"
)

// unreachable is the exit status if no daemon answers.
const unreachable = 2

// exitStatus returns the exit status of a verdict.
func exitStatus(v status.Verdict) int {
	switch v {
	case status.Healthy:
		return flags.OK
	case status.Degraded:
		return flags.Failed
	default:
		return unreachable
	}
}

// showStatus prints the state of all daemons, once or again and again.
func showStatus(ctx context.Context, r *request, stdout io.Writer) (int, error) {
	for {
		c, err := r.cluster(ctx)
		switch {
		case r.watch && ctx.Err() != nil:
			return flags.OK, nil //nolint:nilerr // the user has seen enough
		case c == nil && !r.watch:
			return unreachable, err
		}
		if r.watch && !r.json {
			fmt.Fprint(stdout, clearScreen(stdout))
		}
		if err := r.printStatus(stdout, c, err); err != nil {
			return flags.Failed, err
		}
		if !r.watch {
			return exitStatus(c.Verdict), nil
		}
		select {
		case <-ctx.Done():
			return flags.OK, nil
		case <-time.After(r.interval):
		}
	}
}

// cluster asks the daemons.
func (r *request) cluster(ctx context.Context) (*status.Cluster, error) {
	if len(r.addresses) > 0 {
		return fetchCluster(ctx, r.addresses, r.patience)
	}
	cfg, err := r.monitorOf(ctx)
	if err != nil {
		return nil, err
	}
	return monitor.Collect(ctx, cfg, r.patience)
}

// printStatus prints what the daemons answer, and which could not be asked.
func (r *request) printStatus(stdout io.Writer, c *status.Cluster, failed error) error {
	if c == nil {
		_, err := fmt.Fprintf(stdout, "%s  unreachable\n%v\n", time.Now().Format(time.DateTime), failed)
		return err
	}
	if r.json {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		return e.Encode(c)
	}
	var b strings.Builder
	if r.watch {
		fmt.Fprintf(&b, "%s\n", c.Time.Format(time.DateTime))
	}
	b.WriteString(statusTable(c))
	if failed != nil {
		fmt.Fprintf(&b, "%v\n", failed)
	}
	_, err := io.WriteString(stdout, b.String())
	return err
}

// clearScreen returns what empties a terminal, or an empty line between two tables elsewhere.
func clearScreen(stdout io.Writer) string {
	if f, ok := flags.Lasting(stdout).(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return "\x1b[H\x1b[2J"
	}
	return "\n"
}

// statusTable returns one row for each daemon, and the verdict with its reasons.
func statusTable(c *status.Cluster) string {
	t := table{{"DAEMON", "ADDRESS", "STATE", "RING", "SINCE", "CLIENTS", "GROUPS", "ROUND", "LOSS", "VERSION"}}
	for i := range c.Daemons {
		d := &c.Daemons[i]
		row := []string{d.Name, fmt.Sprintf("%s:%d", d.Address, d.Port), "missing (" + string(d.Missing) + ")", "-", "-", "-", "-", "-", "-", "-"}
		if d.Since != nil {
			row[4] = ago(c.Time.Sub(*d.Since))
		}
		if d.Answered {
			row[2] = "forming"
			if d.Operating {
				row[2], row[3] = "member", fmt.Sprintf("%d of %d", d.Members, len(c.Daemons))
			}
			row[5], row[6], row[9] = strconv.Itoa(d.Sessions), strconv.Itoa(d.Groups), "C "+d.Protocol
		}
		if d.Extended {
			row[7], row[9] = milliseconds(d.RoundSeconds), d.Version
			row[8] = worstLoss(d.Peers)
		}
		t = append(t, row)
	}
	var b strings.Builder
	b.WriteString(t.String())
	fmt.Fprintf(&b, "\n%s", c.Verdict)
	if len(c.Reasons) > 0 {
		fmt.Fprintf(&b, ": %s", status.Codes(c.Reasons))
	}
	b.WriteByte('\n')
	for _, r := range c.Reasons {
		fmt.Fprintf(&b, "  %s\n", r.Text)
	}
	return b.String()
}

// worstLoss returns the largest share of packets that had to be sent again to a daemon.
func worstLoss(peers []status.Peer) string {
	worst := -1.0
	for _, p := range peers {
		if p.LossRate != nil {
			worst = max(worst, *p.LossRate)
		}
	}
	if worst < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*worst)
}

func milliseconds(seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g ms", 1000*seconds)
}

// ago returns a time in its largest unit.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d d", int(d.Hours())/24)
	}
}

// pages calls show with one page after the other, until it returns "" for the next.
func (r *request) pages(show func(address string, q url.Values, left int) (next string, n int, err error)) (int, error) {
	address := "127.0.0.1:" + defaultHTTP
	switch len(r.addresses) {
	case 0:
	case 1:
		address = r.addresses[0]
	default:
		return flags.Misuse, fmt.Errorf("want one daemon, got %d: sessions and groups are those that one daemon knows", len(r.addresses))
	}
	const page = 1000
	q := url.Values{}
	if r.group != "" {
		q.Set("group", r.group)
	}
	if r.session != "" {
		q.Set("session", r.session)
	}
	for left := r.limit; left > 0; {
		q.Set("limit", strconv.Itoa(min(left, page)))
		next, n, err := show(address, q, left)
		if err != nil {
			return unreachable, err
		}
		if next == "" {
			break
		}
		left -= n
		q.Set("after", next)
	}
	return flags.OK, nil
}

// showSessions prints the sessions of a daemon.
func showSessions(ctx context.Context, r *request, stdout io.Writer) (int, error) {
	t := table{{"SESSION", "PEER", "VERSION", "SINCE", "GROUPS", "WAITING", "SENT", "RECEIVED", "NOTE"}}
	now := time.Now()
	code, err := r.pages(func(address string, q url.Values, _ int) (string, int, error) {
		p, err := fetch[status.Sessions](ctx, address, "/status/sessions", q, r.patience)
		for i := range p.List {
			s := &p.List[i]
			note := ""
			if s.Behind {
				note = "does not keep up"
			}
			t = append(t, []string{
				s.Name, s.Peer, s.Version, ago(now.Sub(s.Since)), strconv.Itoa(s.NumGroups), size(s.WaitingBytes),
				strconv.FormatInt(s.SentMessages, 10), strconv.FormatInt(s.ReceivedMessages, 10), note,
			})
		}
		return p.Next, len(p.List), r.asJSON(stdout, err, len(p.List), func(i int) any { return p.List[i] })
	})
	return r.finish(stdout, t, code, err)
}

// showGroups prints the groups that a daemon knows.
func showGroups(ctx context.Context, r *request, stdout io.Writer) (int, error) {
	t := table{{"GROUP", "MEMBERS", "HERE", "MESSAGES", "BYTES", "FIRST MEMBERS"}}
	code, err := r.pages(func(address string, q url.Values, _ int) (string, int, error) {
		p, err := fetch[status.Groups](ctx, address, "/status/groups", q, r.patience)
		for i := range p.List {
			g := &p.List[i]
			t = append(t, []string{
				g.Name, strconv.Itoa(g.NumMembers), strconv.Itoa(g.LocalMembers), strconv.FormatUint(g.Messages, 10), size(int64(g.Bytes)),
				strings.Join(g.Members[:min(3, len(g.Members))], " "),
			})
		}
		return p.Next, len(p.List), r.asJSON(stdout, err, len(p.List), func(i int) any { return p.List[i] })
	})
	return r.finish(stdout, t, code, err)
}

// asJSON prints the entries of a page, if that is wanted.
func (r *request) asJSON(stdout io.Writer, err error, n int, entry func(i int) any) error {
	if err != nil || !r.json {
		return err
	}
	e := json.NewEncoder(stdout)
	e.SetEscapeHTML(false)
	for i := range n {
		if err := e.Encode(entry(i)); err != nil {
			return err
		}
	}
	return nil
}

// finish prints a table, unless JSON was printed or nothing was fetched.
func (r *request) finish(stdout io.Writer, t table, code int, err error) (int, error) {
	if err == nil && !r.json {
		_, err = io.WriteString(stdout, t.String())
	}
	return code, err
}

// size returns a number of bytes.
func size(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}

// table is rows of cells, the titles first.
type table [][]string

// String returns the rows with aligned columns.
func (t table) String() string {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range t {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
