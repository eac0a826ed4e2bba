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
	"github.com/spreadd/spreadd/logs/logsub"
)

type (
	// Logs is a page of logs, by name.
	Logs = prom.Page[Log]
	// Files is a page of files, by path.
	Files = prom.Page[File]
	// Publishers is a page of publishers, by name.
	Publishers = prom.Page[Publisher]
)

// Serve adds the state of a subscriber to what a program serves: /status, /status/logs, /status/files and
// /status/publishers.
func Serve(cfg *prom.Config, stats func() logsub.Stats) {
	started := time.Now()
	page := func(f func(*logsub.Stats, url.Values) (any, error)) func(*http.Request) (any, error) {
		return func(r *http.Request) (any, error) {
			st := stats()
			return f(&st, r.URL.Query())
		}
	}
	cfg.Status = func(context.Context) (any, error) {
		st := stats()
		return of(&st, started)
	}
	cfg.Pages = map[string]func(*http.Request) (any, error){
		"/status/logs":       page(func(st *logsub.Stats, v url.Values) (any, error) { return logs(st, v) }),
		"/status/files":      page(func(st *logsub.Stats, v url.Values) (any, error) { return files(st, v) }),
		"/status/publishers": page(func(st *logsub.Stats, v url.Values) (any, error) { return publishers(st, v) }),
	}
}

func of(st *logsub.Stats, started time.Time) (s *Status, err error) {
	now := time.Now()
	s = &Status{
		Time: now, Started: started, Version: buildinfo.Version(), Host: st.Host, Connected: len(st.Daemons) > 0, Late: st.Late,
		Messages: st.Messages, Bytes: st.Bytes, Acks: st.Acks, Daemons: []Daemon{}, Drops: []Drop{}, Sinks: []Sink{},
	}
	for i := range st.Daemons {
		d := &st.Daemons[i]
		s.Connected = s.Connected && d.Connected && d.Joined == d.Groups
		x := Daemon{
			Address: d.Address, Connected: d.Connected, Session: d.Session, Groups: d.Groups, Joined: d.Joined,
			Connects: d.Connects, Failures: d.Failures, Messages: d.Messages,
		}
		if !d.Last.IsZero() {
			x.LastSeconds = new(now.Sub(d.Last).Seconds())
		}
		s.Daemons = append(s.Daemons, x)
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Dropped)) {
		if n := st.Dropped[reason]; n > 0 {
			s.Drops = append(s.Drops, Drop{reason, n, st.DroppedBytes[reason]})
		}
	}
	for i := range st.Sinks {
		s.Sinks = append(s.Sinks, sinkOf(&st.Sinks[i]))
	}
	for _, l := range st.Lists {
		s.Lists = append(s.Lists, GroupsFile(l))
	}
	if h := &st.Heal; h.On {
		s.Healing = &Healing{
			Running: h.Running, Peers: []Peer{}, Healings: h.Healings, Lines: h.Lines, Bytes: h.Bytes, SentBytes: h.SentBytes,
			Reordered: h.Reordered, Refused: h.RefusedConns, Failures: make(map[string]int64),
		}
		for _, p := range h.Peers {
			s.Healing.Peers = append(s.Healing.Peers, Peer(p))
		}
		for reason, n := range h.Failures {
			if n > 0 {
				s.Healing.Failures[reason] = n
			}
		}
	}
	if s.Logs, err = logs(st, nil); err != nil {
		return nil, err
	}
	if s.Files, err = files(st, nil); err != nil {
		return nil, err
	}
	s.Publishers, err = publishers(st, nil)
	return s, err
}

func sinkOf(st *logsub.SinkStats) Sink {
	x := Sink{
		Name: st.Label, Failing: st.Failing, Lines: st.Records, Bytes: st.Bytes, Errors: st.Errors, Dropped: st.DroppedRecords + st.Lost(),
		WaitingLines: st.QueueLines, WaitingBytes: st.QueueBytes, MaxBytes: st.QueueLimit, OpenFiles: st.OpenFiles, Evictions: st.Evictions,
	}
	if q := st.Queue; q != nil {
		x.QueuedLines, x.SpoolBytes, x.SpoolFailing = q.Waiting, q.SpoolBytes, q.SpoolFailing
	}
	return x
}

func logs(st *logsub.Stats, v url.Values) (Logs, error) {
	list := make([]Log, 0, len(st.Logs))
	for i := range st.Logs {
		l := &st.Logs[i]
		x := Log{
			Name: l.Group + " " + l.File, Group: l.Group, To: l.File, Lines: l.Lines, Bytes: l.Bytes,
			NoMatch: l.NoMatch, Filtered: l.Filtered, NotInSample: l.NotInSample, DelaySeconds: l.Delay.Seconds(),
		}
		if !l.Newest.IsZero() {
			x.Newest = new(l.Newest.UTC())
		}
		list = append(list, x)
	}
	return prom.PageOf(v, list, func(x *Log) string { return x.Name })
}

func files(st *logsub.Stats, v url.Values) (Files, error) {
	list := make([]File, 0, len(st.Files))
	for path, f := range st.Files {
		list = append(list, File{Path: path, Lines: f.Records, Bytes: f.Bytes, Errors: f.Errors, Dropped: f.DroppedRecords, Waiting: f.Waiting})
	}
	return prom.PageOf(v, list, func(x *File) string { return x.Path })
}

func publishers(st *logsub.Stats, v url.Values) (Publishers, error) {
	list := make([]Publisher, 0, len(st.Publishers))
	for name, p := range st.Publishers {
		list = append(list, Publisher{Name: name, Lines: p.Lines, Repeats: p.Repeats, Missing: max(0, p.Missing-p.Late), Late: p.Late, Conflicts: p.Conflicts})
	}
	return prom.PageOf(v, list, func(x *Publisher) string { return x.Name })
}
