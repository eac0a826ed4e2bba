package oneshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

// pingType is the message type of pings, so that spuser tail -type can leave them out.
const pingType = 30303

// newJSON returns an encoder for lines of JSON.
func newJSON(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// pinging is what ping does.
type pinging struct {
	login    client.Options
	count    int
	interval time.Duration
	wait     time.Duration
	bytes    int
	json     bool
	color    string
	daemons  []string
}

func ping() *Command {
	o := &pinging{count: 10, interval: 100 * time.Millisecond, wait: 5 * time.Second, bytes: 64, color: "auto"}
	s := flags.New(flags.Program{
		Name:  "spuser ping",
		Usage: []string{"[-count N] [-interval TIME] [-json] [DAEMON...]"},
		About: "Measures how long messages take through the ring, agreed and safe. It connects to each daemon and sends to all of these connections. " +
			"From a daemon to itself is a round trip through the ring; to another one is the time until that one has delivered it. " +
			"What does not arrive names daemons that are not in one ring. The exit status is 1 then.",
		Examples: []flags.Example{
			{Args: "", Text: "ping the daemon on this host"},
			{Args: "4803@web1 4803@web2 4803@log1", Text: "ping from each daemon to each"},
		},
	})
	s.Args(&o.daemons, "DAEMON", 0)
	s.Group("Messages")
	s.Int(&o.count, "count", "N", "number of messages of each service from each daemon", 1, math.MaxInt32)
	s.Duration(&o.interval, "interval", "time between messages")
	s.Duration(&o.wait, "wait", "time to wait for the last messages; what has not arrived then is lost")
	flags.Size(s, &o.bytes, "bytes", "size of a message")
	s.Group("Connection")
	o.login.Login(s)
	s.Group("Output")
	s.Bool(&o.json, "json", "print each row as a JSON object on a line")
	flags.Var(s, &o.color, "color", "auto|always|never", "color what is lost; auto: on a terminal, unless NO_COLOR is set", show.ParseWhen)
	check := func() error {
		switch {
		case len(o.daemons) > spread.MaxGroups:
			return fmt.Errorf("%d daemons are too many; want at most %d", len(o.daemons), spread.MaxGroups)
		case o.bytes < 32 || o.bytes > spread.MaxPayload(len(o.daemons)):
			return fmt.Errorf("-bytes: want 32 to %d", spread.MaxPayload(len(o.daemons)))
		}
		return o.login.Check()
	}
	return &Command{Flags: s, Check: check, Run: o.run}
}

// route is one row of the result.
type route struct {
	From     string  `json:"from"`
	To       string  `json:"to"`
	Service  string  `json:"service"`
	Sent     int     `json:"sent"`
	Received int     `json:"received"`
	Min      float64 `json:"min_ms"`
	Median   float64 `json:"median_ms"`
	Mean     float64 `json:"mean_ms"`
	Max      float64 `json:"max_ms"`
	times    []time.Duration
}

// pings is a ping that runs.
type pings struct {
	*pinging
	conns []*spread.Conn

	mu      sync.Mutex
	sent    map[string]time.Time // by payload
	routes  map[[2]int]map[spread.Service]*route
	missing int           // messages that have not arrived
	done    chan struct{} // closed when all messages were sent and none is missing
	all     bool          // all messages were sent
}

// services are what ping measures.
func services() []spread.Service { return []spread.Service{spread.Agreed, spread.Safe} }

func (o *pinging) run(ctx context.Context, env Env) error {
	p := &pings{
		pinging: o, sent: make(map[string]time.Time),
		routes: make(map[[2]int]map[spread.Service]*route), done: make(chan struct{}),
	}
	if len(o.daemons) == 0 {
		o.daemons = []string{client.DefaultAddress}
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer func() {
		for _, c := range p.conns {
			_ = c.Close() // what was lost is counted
		}
	}()
	for _, address := range o.daemons {
		login := o.login
		login.Address = address
		conn, err := login.Dial(ctx)
		if err != nil {
			return err
		}
		p.conns = append(p.conns, conn)
	}
	for to := range p.conns {
		reading.Go(func() { p.read(ctx, to) })
	}
	if err := p.send(ctx); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(o.wait):
	case <-ctx.Done():
	}
	return p.report(env.Stdout)
}

// send sends all messages.
func (p *pings) send(ctx context.Context) error {
	groups := make([]string, len(p.conns))
	for i, c := range p.conns {
		groups[i] = c.PrivateGroup()
	}
	tick := time.NewTicker(max(p.interval, 1))
	defer tick.Stop()
	for n := range p.count {
		if n > 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
		for from, c := range p.conns {
			for _, service := range services() {
				payload := fmt.Appendf(nil, "spuser ping %d %d %v ", from, n, service)
				payload = append(payload, strings.Repeat(".", max(0, p.bytes-len(payload)))...)
				p.leave(from, service, string(payload))
				if err := c.Multicast(ctx, service, pingType, payload, groups...); err != nil {
					return fmt.Errorf("cannot send at %s: %w", p.daemons[from], err)
				}
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = true
	p.check()
	return nil
}

// leave notes that a message is sent.
func (p *pings) leave(from int, service spread.Service, payload string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[payload] = time.Now()
	p.missing += len(p.conns)
	for to := range p.conns {
		way := [2]int{from, to}
		if p.routes[way] == nil {
			p.routes[way] = make(map[spread.Service]*route)
		}
		r := p.routes[way][service]
		if r == nil {
			r = &route{From: p.name(from), To: p.name(to), Service: service.String()}
			p.routes[way][service] = r
		}
		r.Sent++
	}
}

// name is the daemon of a connection.
func (p *pings) name(i int) string { return recording.DaemonOf(p.conns[i].PrivateGroup()) }

// read takes what arrives at one connection until it is closed.
func (p *pings) read(ctx context.Context, to int) {
	for {
		ev, err := p.conns[to].Receive(ctx)
		if err != nil {
			return
		}
		if m, ok := ev.(*spread.Message); ok && m.Type == pingType {
			p.arrive(time.Now(), to, m)
		}
	}
}

func (p *pings) arrive(now time.Time, to int, m *spread.Message) {
	from := slices.IndexFunc(p.conns, func(c *spread.Conn) bool { return c.PrivateGroup() == m.Sender })
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, ok := p.sent[string(m.Payload)]
	if !ok || from < 0 {
		return // of somebody else
	}
	r := p.routes[[2]int{from, to}][m.Service]
	if r == nil {
		return
	}
	r.times = append(r.times, now.Sub(sent))
	p.missing--
	p.check()
}

// check closes done when nothing is missing.
func (p *pings) check() {
	if p.all && p.missing == 0 {
		close(p.done)
		p.missing = -1 // once
	}
}

// report prints the routes. It returns an error if anything is lost.
func (p *pings) report(out io.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	style := show.NewStyle(p.color, out)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "from\tto\tservice\tsent\tlost\tmin\tmedian\tmean\tmax")
	lines, lost := newJSON(out), 0
	var bad []bool
	for from := range p.conns {
		for to := range p.conns {
			for _, service := range services() {
				r := p.routes[[2]int{from, to}][service]
				if r == nil {
					continue
				}
				r.summarize()
				lost += r.Sent - r.Received
				bad = append(bad, r.Sent > r.Received)
				if p.json {
					if err := lines.Encode(r); err != nil {
						return err
					}
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d", r.From, r.To, strings.ToLower(r.Service), r.Sent, r.Sent-r.Received)
				for _, ms := range []float64{r.Min, r.Median, r.Mean, r.Max} {
					if r.Received == 0 {
						fmt.Fprint(w, "\t-")
						continue
					}
					fmt.Fprintf(w, "\t%.2f ms", ms)
				}
				fmt.Fprintln(w)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !p.json {
		for i, line := range slices.Collect(strings.Lines(table.String())) {
			if i > 0 && bad[i-1] {
				line = style.Bad(strings.TrimSuffix(line, "\n")) + "\n"
			}
			fmt.Fprint(out, line)
		}
	}
	if lost > 0 {
		return errors.New(count(lost, "message") + " did not arrive; the daemons of a row that lost all are not in one ring (spmonitor shows the rings)")
	}
	return nil
}

// summarize computes the statistics of a route.
func (r *route) summarize() {
	r.Received = len(r.times)
	if r.Received == 0 {
		return
	}
	slices.Sort(r.times)
	var sum time.Duration
	for _, d := range r.times {
		sum += d
	}
	ms := func(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }
	r.Min, r.Max, r.Mean = ms(r.times[0]), ms(r.times[len(r.times)-1]), ms(sum/time.Duration(len(r.times)))
	r.Median = ms(r.times[len(r.times)/2])
}
