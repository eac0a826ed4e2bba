package metrics

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

const docsFile = "../../../docs/operate/metrics.md"

// free are the labels whose values come from configurations and messages.
var free = []string{"daemon", "file", "group", "publisher", "sink"}

// patience is for how long tests wait for what has to happen.
const patience = testkit.Patience

// wait waits until series have values.
func wait(t *testing.T, url string, want map[string]float64) *promtest.Page {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { //house:sleep polls the page
		p := promtest.Scrape(t, url)
		if p.Has(want) {
			return p
		}
		if time.Now().After(limit) {
			p.Want(t, want)
			t.FailNow()
		}
	}
}

// TestServed takes a subscriber through what its metrics tell of: messages that are written and
// left out, files of a template, and a daemon that goes away.
func TestServed(t *testing.T) {
	dir := t.TempDir()
	d := spreadtest.New("alpha")
	defer d.Close()
	dial := func(ctx context.Context, address, name string) (*spread.Conn, error) {
		return spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
	}
	all, hosts := filepath.Join(dir, "all"), filepath.Join(dir, "%{vhost}")
	s, err := logsub.New(logsub.Config{
		StatsInterval: -1, OpenFiles: 2,
		Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
			c, err := dial(ctx, address, name)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		Connections: []logsub.Connection{{Address: "4803", Logs: []logsub.Log{
			{Group: "a", File: all, Match: []*regexp.Regexp{regexp.MustCompile("line")}},
			{Group: "b", File: hosts},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-s.Ready()
	url := promtest.Serve(t, New(s.Stats))
	c, err := dial(t.Context(), "4803", "pub")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	now := time.Now()
	var messages, size float64
	for _, m := range []struct{ group, text string }{
		{"a", now.Add(-time.Minute).Format("x [02/Jan/2006:15:04:05 -0700] line\n")},
		{"a", "other\n"},
		{"b", "h1 x\n"},
		{"b", "h2 x\n"},
		{"b", "h3 x\n"},
		{"b", "h1 x\n"},
	} {
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte(m.text), m.group); err != nil {
			t.Fatal(err)
		}
		messages++
		size += float64(len(m.text))
	}
	log := fmt.Sprintf(`{file=%q,group="a"`, all)
	p := wait(t, url, map[string]float64{
		"logsub_received_messages_total":                                messages,
		"logsub_received_bytes_total":                                   size,
		`logsub_connected{daemon="4803"}`:                               1,
		`logsub_groups{daemon="4803"}`:                                  2,
		`logsub_joined_groups{daemon="4803"}`:                           2,
		`logsub_connects_total{daemon="4803"}`:                          1,
		`logsub_daemon_messages_total{daemon="4803"}`:                   messages,
		`logsub_dropped_messages_total{reason="no_match"}`:              1,
		`logsub_dropped_messages_total{reason="queue_full"}`:            0,
		`logsub_dropped_bytes_total{reason="too_long"}`:                 0,
		"logsub_log_lines_total" + log + "}":                            1,
		"logsub_log_bytes_total" + log + "}":                            36,
		"logsub_log_left_out_lines_total" + log + `,reason="no_match"}`: 1,
		"logsub_log_left_out_lines_total" + log + `,reason="filtered"}`: 0,
		fmt.Sprintf(`logsub_log_lines_total{file=%q,group="b"}`, hosts): 4,
		`logsub_sink_written_lines_total{sink="files"}`:                 5,
		`logsub_sink_written_bytes_total{sink="files"}`:                 36 + 8,
		`logsub_sink_queue_lines{sink="files"}`:                         0,
		`logsub_sink_queue_limit_bytes{sink="files"}`:                   64 << 20,
		`logsub_sink_open_files{sink="files"}`:                          3,
		`logsub_sink_evicted_files_total{sink="files"}`:                 2,
	})
	if got := p.Values["logsub_log_line_timestamp_seconds"+log+"}"]; got != float64(now.Unix()-60) {
		t.Errorf("the last line is of %v, want %v", got, now.Unix()-60)
	}
	if got := p.Values["logsub_log_delay_seconds"+log+"}"]; got < 60 || got > 60+patience.Seconds() {
		t.Errorf("a delay of %v", got)
	}
	if got := p.Values[`logsub_last_message_timestamp_seconds{daemon="4803"}`]; got < float64(now.Unix()) || got > float64(time.Now().Unix()+1) {
		t.Errorf("the last message came at %v", got)
	}
	d.SetDown(true)
	wait(t, url, map[string]float64{`logsub_connected{daemon="4803"}`: 0, `logsub_joined_groups{daemon="4803"}`: 0})
	s.Reopen()
	wait(t, url, map[string]float64{"logsub_reopens_total": 1})
	d.SetDown(false)
	wait(t, url, map[string]float64{`logsub_connects_total{daemon="4803"}`: 2, `logsub_joined_groups{daemon="4803"}`: 2})
}

// sample has something to tell in every series.
func sample() logsub.Stats {
	reasons, lost, failures := make(map[string]int64), make(map[string]int64), make(map[string]int64)
	if s, err := logsub.New(logsub.Config{Connections: []logsub.Connection{{Address: "4803"}}}); err == nil {
		maps.Copy(reasons, s.Stats().Dropped)
		failures = s.Stats().Heal.Failures
	}
	if q, err := queue.Open(queue.Config{}); err == nil {
		lost = q.Stats().Dropped
		maps.Copy(reasons, lost)
	}
	lost["too_long"] = 49
	failures["files"] = 57
	at := time.Unix(1_700_000_000, 0)
	return logsub.Stats{
		Messages: 1, Bytes: 2, Truncated: 3, Reopens: 4, Dropped: reasons, DroppedBytes: reasons,
		Publishers: map[string]logsub.PublisherStats{
			"web1": {Lines: 5, Repeats: 6, Missing: 7, Late: 8, Conflicts: 59}, logsub.OtherPublishers: {Lines: 9},
		},
		Archives: archive.Stats{Compressed: 10, Removed: 11, Errors: 12},
		Heal:     logsub.HealStats{Healings: 52, Lines: 53, Bytes: 54, Reordered: 58, SentBytes: 55, RefusedConns: 56, Failures: failures},
		Daemons:  []logsub.DaemonStats{{Address: "4803", Connects: 13, Failures: 14, Groups: 15, Joined: 16, Messages: 17, Bytes: 18, Last: at}},
		Lists:    []logsub.ListStats{{File: "groups", Problem: "it does not exist"}},
		Logs: []logsub.LogStats{
			{Group: "g", File: "f", Lines: 19, Bytes: 20, NoMatch: 21, Filtered: 22, NotInSample: 23, Newest: at, Delay: 24 * time.Second},
			{Group: "g", File: "f", Lines: 100, Bytes: 200, Newest: at.Add(time.Second), Delay: 23 * time.Second},
			{Group: "g", File: "f", Newest: at.Add(time.Second), Delay: 23 * time.Second},
			{Group: "g", File: "h"},
		},
		Sinks: []logsub.SinkStats{{
			Label: "files", QueueLines: 25, QueueBytes: 26, QueueLimit: 27, QueueDropped: 28, QueueDroppedBytes: 29,
			Stats:     sink.Stats{Records: 30, Bytes: 31, DroppedRecords: 32, DroppedBytes: 33, Altered: 51, Errors: 34, Reopens: 35, Waiting: 36, Failing: 38},
			OpenFiles: 37, Evictions: 39, Cuts: 40,
		}, {
			Label: "|gzip",
			Stats: sink.Stats{Queue: &queue.Stats{
				Put: 41, Delivered: 42, Spooled: 43, Recovered: 44, Errors: 45, WaitingBytes: 46, SpoolLines: 47, SpoolBytes: 48, Dropped: lost,
			}},
		}},
	}
}

// TestSlots: every counter goes under its name.
func TestSlots(t *testing.T) {
	p := promtest.Scrape(t, promtest.Serve(t, New(sample)))
	p.Want(t, map[string]float64{
		"logsub_received_messages_total":                                             1,
		"logsub_received_bytes_total":                                                2,
		"logsub_truncated_messages_total":                                            3,
		"logsub_reopens_total":                                                       4,
		`logsub_publisher_lines_total{publisher="web1"}`:                             5,
		`logsub_publisher_repeated_lines_total{publisher="web1"}`:                    6,
		`logsub_publisher_missing_lines_total{publisher="web1"}`:                     7,
		`logsub_publisher_late_lines_total{publisher="web1"}`:                        8,
		`logsub_publisher_conflicting_lines_total{publisher="web1"}`:                 59,
		`logsub_publisher_lines_total{publisher="other"}`:                            9,
		"logsub_archive_compressed_files_total":                                      10,
		"logsub_archive_removed_files_total":                                         11,
		"logsub_archive_errors_total":                                                12,
		`logsub_connects_total{daemon="4803"}`:                                       13,
		`logsub_connect_failures_total{daemon="4803"}`:                               14,
		`logsub_groups{daemon="4803"}`:                                               15,
		`logsub_joined_groups{daemon="4803"}`:                                        16,
		`logsub_daemon_messages_total{daemon="4803"}`:                                17,
		`logsub_daemon_bytes_total{daemon="4803"}`:                                   18,
		`logsub_last_message_timestamp_seconds{daemon="4803"}`:                       1_700_000_000,
		`logsub_log_lines_total{file="f",group="g"}`:                                 119,
		`logsub_log_bytes_total{file="f",group="g"}`:                                 220,
		`logsub_log_left_out_lines_total{file="f",group="g",reason="no_match"}`:      21,
		`logsub_log_left_out_lines_total{file="f",group="g",reason="filtered"}`:      22,
		`logsub_log_left_out_lines_total{file="f",group="g",reason="not_in_sample"}`: 23,
		`logsub_log_line_timestamp_seconds{file="f",group="g"}`:                      1_700_000_001, // the later one, once
		`logsub_log_delay_seconds{file="f",group="g"}`:                               23,
		`logsub_log_line_timestamp_seconds{file="h",group="g"}`:                      0,
		`logsub_sink_queue_lines{sink="files"}`:                                      25,
		`logsub_sink_queue_bytes{sink="files"}`:                                      26,
		`logsub_sink_queue_limit_bytes{sink="files"}`:                                27,
		`logsub_sink_dropped_lines_total{sink="files"}`:                              28,
		`logsub_sink_dropped_bytes_total{sink="files"}`:                              29,
		`logsub_sink_written_lines_total{sink="files"}`:                              30,
		`logsub_sink_written_bytes_total{sink="files"}`:                              31,
		`logsub_sink_lost_lines_total{sink="files"}`:                                 32,
		`logsub_sink_lost_bytes_total{sink="files"}`:                                 33,
		`logsub_sink_altered_lines_total{sink="files"}`:                              51,
		`logsub_sink_errors_total{sink="files"}`:                                     34,
		`logsub_sink_reopens_total{sink="files"}`:                                    35,
		`logsub_sink_waiting_bytes{sink="files"}`:                                    36,
		`logsub_sink_open_files{sink="files"}`:                                       37,
		`logsub_sink_failing_files{sink="files"}`:                                    38,
		`logsub_sink_evicted_files_total{sink="files"}`:                              39,
		`logsub_backlog_lines_total{sink="|gzip"}`:                                   41,
		`logsub_backlog_delivered_lines_total{sink="|gzip"}`:                         42,
		`logsub_backlog_spooled_lines_total{sink="|gzip"}`:                           43,
		`logsub_backlog_recovered_lines_total{sink="|gzip"}`:                         44,
		`logsub_backlog_spool_errors_total{sink="|gzip"}`:                            45,
		`logsub_backlog_waiting_bytes{sink="|gzip"}`:                                 46,
		`logsub_backlog_spool_lines{sink="|gzip"}`:                                   47,
		`logsub_backlog_spool_bytes{sink="|gzip"}`:                                   48,
		`logsub_backlog_dropped_lines_total{reason="too_long",sink="|gzip"}`:         49,
		`logsub_sink_cut_files_total{sink="files"}`:                                  40,
		`logsub_healings_total`:                                                      52,
		`logsub_healed_lines_total`:                                                  53,
		`logsub_healed_bytes_total`:                                                  54,
		`logsub_healed_reordered_files_total`:                                        58,
		`logsub_healing_sent_bytes_total`:                                            55,
		`logsub_healing_refused_connections_total`:                                   56,
		`logsub_healing_failures_total{reason="files"}`:                              57,
	})
	for _, name := range p.Names("logsub") {
		if !slices.ContainsFunc(families(), func(f family) bool { return f.Name == name }) {
			t.Errorf("%s is served by nobody", name)
		}
	}
}

// TestDocs: docs/operate/metrics.md lists what is served, all of it and nothing else, and what it
// says elsewhere is of metrics that there are.
func TestDocs(t *testing.T) {
	p := promtest.Scrape(t, promtest.Serve(t, New(sample)))
	promtest.Lint(t, p)
	promtest.CheckDocs(t, p, families(), promtest.Docs{
		File: docsFile, Package: "logs/logsub/metrics", Program: "logsub", Free: free,
	})
	if n := promtest.CheckExpressions(t, p, "logsub", docsFile, free...); n < 5 {
		t.Errorf("%d metrics in expressions", n)
	}
}
