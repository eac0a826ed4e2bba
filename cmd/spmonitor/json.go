package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/wire"
)

// Record is one line of the output of -json: a report, or an error. New fields may be added;
// existing ones keep their names and meanings.
type Record struct {
	// Time is when the line was printed, in RFC 3339 with nanoseconds.
	Time time.Time `json:"time"`
	// Daemon is the name of the daemon; empty if the report is of an unknown daemon.
	Daemon string `json:"daemon,omitempty"`
	// Error is an error such as "no answer". There is no report then.
	Error string `json:"error,omitempty"`
	// Report is the report of the daemon.
	Report *ReportRecord `json:"report,omitempty"`
}

// ReportRecord is a report of a daemon. Counters are 32 bits wide, those of
// daemons and sessions 16, and they wrap (monitor-protocol §4).
type ReportRecord struct {
	Version         string `json:"version"`
	UptimeSeconds   int32  `json:"uptime_seconds"`
	MembershipState string `json:"membership_state"` // "OP" is normal
	GroupsState     string `json:"groups_state"`     // "GOP" is normal
	Leader          string `json:"leader"`           // its name, or its id as a number
	Daemons         int16  `json:"daemons"`          // in the membership
	Segments        int16  `json:"segments"`
	Sessions        int16  `json:"sessions"`
	Groups          int16  `json:"groups"`

	MembershipChanges int16 `json:"membership_changes"`
	TokenRounds       int32 `json:"token_rounds"` // in this membership
	TokenHurries      int32 `json:"token_hurries"`

	MessagesDelivered int32 `json:"messages_delivered"`
	PacketsDelivered  int32 `json:"packets_delivered"`
	PacketsSent       int32 `json:"packets_sent"`
	PacketsReceived   int32 `json:"packets_received"`

	Retransmissions          int32 `json:"retransmissions"`
	RetransmissionsToDaemon  int32 `json:"retransmissions_to_daemon"`
	RetransmissionsToSegment int32 `json:"retransmissions_to_segment"`
	RetransmissionsToAll     int32 `json:"retransmissions_to_all"`

	Aru             int32 `json:"aru"`
	OwnAru          int32 `json:"own_aru"`
	HighestSequence int32 `json:"highest_sequence"`

	Window            int16 `json:"window"`
	PersonalWindow    int16 `json:"personal_window"`
	AcceleratedWindow int16 `json:"accelerated_window"`
	Accelerated       bool  `json:"accelerated"`
}

func reportRecord(conn Conn, s *wire.Status) *ReportRecord {
	return &ReportRecord{
		Version:         fmt.Sprintf("%d.%d.%d", s.MajorVersion, s.MinorVersion, s.PatchVersion),
		UptimeSeconds:   s.Seconds,
		MembershipState: monitor.StateName(s.State),
		GroupsState:     monitor.GroupsStateName(s.GroupState),
		Leader:          conn.DaemonName(s.Leader),
		Daemons:         s.Daemons, Segments: s.Segments, Sessions: s.Sessions, Groups: s.Groups,
		MembershipChanges: s.MembershipChanges, TokenRounds: s.TokenRounds, TokenHurries: s.TokenHurries,
		MessagesDelivered: s.MessagesDelivered, PacketsDelivered: s.PacketsDelivered, PacketsSent: s.PacketsSent, PacketsReceived: s.PacketsReceived,
		Retransmissions: s.Retrans, RetransmissionsToDaemon: s.RetransDaemon, RetransmissionsToSegment: s.RetransSegment, RetransmissionsToAll: s.RetransAll,
		Aru: s.Aru, OwnAru: s.MyAru, HighestSequence: s.HighestSeq,
		Window: s.Window, PersonalWindow: s.PersonalWindow, AcceleratedWindow: s.AcceleratedWindow, Accelerated: s.Accelerated != 0,
	}
}

var errNoAnswer = errors.New("no answer")

// runJSON asks all daemons again and again, and prints what they answer, until
// ctx ends or the rounds are over. The last round ends when all have answered.
// The error is an errNoAnswer that names the daemons that did not answer in it, or
// says why reports cannot be received or printed.
func runJSON(ctx context.Context, cfg config) error {
	settings, err := cfg.Load()
	if err != nil {
		return err
	}
	conn, err := settings.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	j := &reporter{conn: conn, json: json.NewEncoder(cfg.Out), reports: make(chan received)}
	j.json.SetEscapeHTML(false)
	done := make(chan struct{})
	defer close(done)
	go pump(conn, j.reports, done)
	for n := 1; ; n++ {
		last := n == cfg.Rounds
		if err := j.round(ctx, cfg.Interval, last); err != nil || last {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

type reporter struct {
	conn    Conn
	json    *json.Encoder
	reports chan received
}

// round asks all daemons, and waits for the interval or, in the last round,
// until all have answered.
func (j *reporter) round(ctx context.Context, interval time.Duration, last bool) error {
	daemons := j.conn.Daemons()
	silent := make([]bool, len(daemons))
	for i := range daemons {
		silent[i] = true
		if err := j.conn.Query(i); err != nil {
			silent[i] = false
			if err := j.print(Record{Daemon: daemons[i].Name, Error: err.Error()}); err != nil {
				return err
			}
		}
	}
	unasked := len(chosen(silent)) < len(daemons)
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for !last || slices.Contains(silent, true) {
		select {
		case r := <-j.reports:
			if r.err != nil {
				return r.err
			}
			if err := j.report(&r.report); err != nil {
				return err
			}
			if i := r.report.Daemon; i >= 0 {
				silent[i] = false
			}
			continue
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		break
	}
	var names []string
	for _, i := range chosen(silent) {
		names = append(names, daemons[i].Name)
		if err := j.print(Record{Daemon: daemons[i].Name, Error: errNoAnswer.Error()}); err != nil {
			return err
		}
	}
	switch {
	case !last:
		return nil
	case len(names) > 0:
		return fmt.Errorf("%w from %s", errNoAnswer, strings.Join(names, ", "))
	case unasked:
		return fmt.Errorf("%w: some daemons could not be queried", errNoAnswer)
	}
	return nil
}

func (j *reporter) report(r *monitor.Report) error {
	if r.Daemon < 0 {
		return j.print(Record{Error: fmt.Sprintf("a report from %v names the daemon %d, which is not configured there", r.From, int32(r.Self))})
	}
	return j.print(Record{Daemon: j.conn.Daemons()[r.Daemon].Name, Report: reportRecord(j.conn, &r.Status)})
}

func (j *reporter) print(r Record) error {
	r.Time = time.Now().UTC()
	if err := j.json.Encode(r); err != nil {
		return fmt.Errorf("cannot print a report: %w", err)
	}
	return nil
}
