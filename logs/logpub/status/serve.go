package status

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logpub/metrics"
)

// Inputs is a page of the inputs, by name.
type Inputs = prom.Page[Input]

// Serve adds the state of a publisher to what a program serves: /status and /status/inputs.
func Serve(cfg *prom.Config, source *metrics.Source) {
	started := time.Now()
	cfg.Status = func(context.Context) (any, error) { return of(source, started) }
	cfg.Pages = map[string]func(*http.Request) (any, error){
		"/status/inputs": func(r *http.Request) (any, error) { return inputs(source.State().Inputs, r.URL.Query()) },
	}
}

func of(source *metrics.Source, started time.Time) (*Status, error) {
	st, now := source.State(), time.Now()
	s := &Status{
		Time: now, Started: started, Version: buildinfo.Version(), Publisher: st.Publisher, Delivery: st.Delivery.String(),
		Configured: st.Loaded, Refused: st.Failed, Late: st.Late,
		Daemons: []Daemon{}, Drops: []Drop{}, Groups: []Group{},
		Lines: Lines{
			Received: st.Took, ReceivedBytes: st.TookBytes, Sent: st.Sent, SentBytes: st.Bytes, Waiting: st.Waiting, OldestSeconds: st.Lag.Seconds(),
			Unheard: st.Unheard, Recovered: st.Recovered, Resent: st.Resent, Rejected: st.Rejected, Truncated: st.Truncated,
		},
		Queue: Queue{Bytes: st.QueueBytes, Max: st.QueueLimit, Unconfirmed: st.Unconfirmed},
	}
	if st.SpoolLimit > 0 {
		s.Spool = &Spool{
			Lines: st.SpoolLines, Bytes: st.SpoolBytes, Max: st.SpoolLimit, Segments: st.SpoolSegments, Failing: st.SpoolFailing,
			Errors: st.SpoolErrors, Damaged: st.SpoolDamaged, Abandoned: st.Abandoned,
		}
	}
	for _, d := range st.Daemons {
		x := Daemon{Address: d.Address, Connected: d.Connected, Connects: d.Connects, Failures: d.Failures}
		if d.Connected {
			s.Connected, x.Session = true, st.Session
		}
		s.Daemons = append(s.Daemons, x)
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Dropped)) {
		if n := st.Dropped[reason]; n > 0 {
			s.Drops = append(s.Drops, Drop{reason, n, st.DroppedBytes[reason]})
		}
	}
	for i := range st.Groups {
		s.Groups = append(s.Groups, group(&st.Groups[i], now))
	}
	var err error
	s.Inputs, err = inputs(st.Inputs, nil)
	return s, err
}

func group(g *logpub.GroupStats, now time.Time) Group {
	x := Group{Name: g.Groups, Received: g.Lines, ReceivedBytes: g.Bytes, Sent: g.Sent, Waiting: g.Waiting, Silent: g.Silent, Unsubscribed: g.Unsubscribed}
	if !g.Oldest.IsZero() {
		x.OldestSeconds = max(0, now.Sub(g.Oldest).Seconds())
	}
	for _, h := range g.LogHosts {
		x.LogHosts = append(x.LogHosts, LogHost{h.Name, now.Sub(h.Last).Seconds()})
	}
	return x
}

func inputs(stats []logpub.InputStats, v url.Values) (Inputs, error) {
	list := make([]Input, 0, len(stats))
	for i := range stats {
		list = append(list, input(&stats[i]))
	}
	return prom.PageOf(v, list, func(x *Input) string { return x.Name })
}

func input(st *logpub.InputStats) Input {
	x := Input{Name: st.Name, State: Reading, Lines: st.Lines, Bytes: st.Bytes, Truncated: st.Truncated}
	if f := st.File; f != nil {
		x.File = &File{
			Path: st.Path, Position: f.Position, Safe: f.Safe, Behind: f.Behind, Files: f.Files,
			Rotations: f.Rotations, Truncations: f.Truncations, Losses: f.Losses, Errors: f.Errors,
		}
		switch x.Error = f.Trouble; {
		case f.Missing:
			x.State = Missing
		case f.Trouble != "":
			x.State = Unreadable
		}
	}
	if s := st.Syslog; s != nil {
		x.Syslog = &Syslog{Messages: s.Messages, Connections: s.Connections, Refused: s.Refused, KernelDrops: s.KernelDrops}
	}
	return x
}
