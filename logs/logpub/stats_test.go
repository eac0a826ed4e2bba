package logpub

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

// TestLag: the age of the oldest line that waits is known in memory, in the spool, over a restart, and while
// the spool is emptied.
func TestLag(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, spooling(dir))
		lag := func(what string, p *Publisher, want, tolerance time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := p.Stats().Lag; got < want || got > want+tolerance {
				t.Errorf("%s: a lag of %v, want %v", what, got, want)
			}
		}
		lag("nothing yet", p, 0, 0)
		write, end := piped(t, p)
		write(numbered(1, 1))
		time.Sleep(time.Hour)
		lag("a line in memory", p, time.Hour, 0)
		write(numbered(2, 3000)) // more than the queue holds
		time.Sleep(time.Hour)
		lag("on disk", p, 2*time.Hour, 0)
		st := p.Stats()
		if st.SpoolLines != 3000 || st.SpoolSegments == 0 || st.SpoolBytes == 0 || st.SpoolLimit != DefaultSpoolBytes ||
			st.SpoolFailing || st.QueueBytes == 0 || st.QueueBytes > st.QueueLimit || st.QueueLimit != 4096 {
			t.Errorf("there is %+v", st.Gauges)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)

		p = newPublisher(t, &d, spooling(dir))
		write, end = piped(t, p)
		write(numbered(3001, 3001))
		time.Sleep(time.Minute)
		// To end took until the time to stop was over.
		lag("after a restart", p, 3*time.Hour+time.Minute, DefaultDrainTimeout)
		release := d.stall()
		d.setDown(false)
		time.Sleep(time.Minute)
		lag("the first block is under way", p, 3*time.Hour+2*time.Minute, DefaultDrainTimeout)
		release()
		time.Sleep(time.Minute)
		lag("all is sent", p, 0, 0)
		if err := end(); err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, numbered(1, 3001)) {
			t.Errorf("%d lines arrived", len(got))
		}
	})
}

// TestLagAdvances: while a spool is sent the lag falls with each block.
func TestLagAdvances(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, spooling(dir))
		write, end := piped(t, p)
		for i := range 100 {
			write(numbered(100*i, 100*i+99))
			time.Sleep(time.Minute)
		}
		var lags []time.Duration
		release := d.stall()
		d.setDown(false)
		for range 5 {
			time.Sleep(time.Second)
			lags = append(lags, p.Stats().Lag.Round(time.Minute))
			release()
			synctest.Wait()
			release = d.stall()
			write(numbered(1, 1))
		}
		release()
		if lags[0] != 100*time.Minute || !slices.IsSortedFunc(lags, func(a, b time.Duration) int { return int(b - a) }) {
			t.Errorf("lags are %v", lags)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// TestGroupStats: groups that lines name have counters of their own up to a bound, and those of the configuration
// have them whatever lines name.
func TestGroupStats(t *testing.T) {
	var d fakeDaemon
	p := newPublisher(t, &d, func(c *Config) { c.Groups = []string{"rest", "too"}; c.Route = &Route{Field: 1} })
	var in strings.Builder
	const hosts = MaxGroupStats + 50
	for range 3 {
		for i := range hosts {
			fmt.Fprintf(&in, "host%d x\n", i)
		}
	}
	in.WriteString("-\n")
	if err := p.Run(t.Context(), strings.NewReader(in.String())); err != nil {
		t.Fatal(err)
	}
	groups := p.Stats().Groups
	if len(groups) != MaxGroupStats+1 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, want := range map[int]GroupStats{
		0:             {Groups: "rest too", Lines: 1, Bytes: 2, Sent: 1},
		1:             {Groups: "host0", Lines: 3, Bytes: 24, Sent: 3},
		MaxGroupStats: {Groups: OtherGroups, Lines: 3 * (hosts - MaxGroupStats + 1), Bytes: 3 * (9 + 10*(hosts-100)), Sent: 3 * (hosts - MaxGroupStats + 1)},
	} {
		if !reflect.DeepEqual(groups[i], want) {
			t.Errorf("group %d: %+v, want %+v", i, groups[i], want)
		}
	}
}

// TestStatsLists: daemons and inputs have counters of their own.
func TestStatsLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{gone: map[string]bool{"1": true}}
		p := newPublisher(t, &d, func(c *Config) { c.Address, c.Fallbacks = "1", []string{"2"} })
		inputs := []Input{{Source: NewStream(strings.NewReader("a\nbb\n")), Name: "stdin"}, {Source: NewStream(strings.NewReader(strings.Repeat("x", 200_000)))}}
		if err := p.RunInputs(t.Context(), inputs...); err != nil {
			t.Fatal(err)
		}
		st := p.Stats()
		if want := []InputStats{{Name: "stdin", Lines: 2, Bytes: 5}, {Name: "stream", Lines: 1, Bytes: int64(p.cfg.MaxLine), Truncated: 1}}; !slices.Equal(st.Inputs, want) {
			t.Errorf("inputs: %+v, want %+v", st.Inputs, want)
		}
		if want := []DaemonStats{{Address: "1", Failures: 1}, {Address: "2", Connects: 1}}; !slices.Equal(st.Daemons, want) {
			t.Errorf("daemons: %+v, want %+v", st.Daemons, want)
		}
		if st.TookBytes != st.Bytes || st.TookBytes != 5+int64(p.cfg.MaxLine) {
			t.Errorf("%d bytes came and %d went", st.TookBytes, st.Bytes)
		}
	})
}

// TestAdd: every counter of a publisher before is added, and nothing else changes.
func TestAdd(t *testing.T) {
	fill := func(v int64) *Stats {
		s := Stats{
			Dropped: map[string]int64{"drain": v}, DroppedBytes: map[string]int64{"drain": v}, Ends: map[string]int64{"lost": v},
			Daemons: []DaemonStats{{Address: "a", Connects: v, Failures: v, Connected: v == 1}},
			Inputs: []InputStats{{
				Name: "in", Lines: v, Bytes: v, Truncated: v,
				File:   &tail.Stats{Position: v, Safe: v, Behind: v, Files: int(v), Rotations: v, Truncations: v, Losses: v, NULs: v, Errors: v},
				Syslog: &syslog.Stats{Messages: v, Bytes: v, Truncated: v, Connections: int(v), Refused: v, AcceptErrors: v, KernelDrops: v},
			}},
			Groups: []GroupStats{{Groups: "g", Lines: v, Bytes: v, Sent: v}},
		}
		for _, f := range reflect.ValueOf(&s).Elem().Fields() {
			if f.Kind() == reflect.Int64 {
				f.SetInt(v)
			}
		}
		g := reflect.ValueOf(&s.Gauges).Elem()
		for _, f := range g.Fields() {
			if f.CanInt() {
				f.SetInt(v)
			}
		}
		return &s
	}
	got, want := fill(1), fill(11)
	before := fill(10)
	before.Daemons = append(before.Daemons, DaemonStats{Address: "gone", Connects: 1})
	before.Inputs = append(before.Inputs, InputStats{Name: "gone", Lines: 1})
	got.Add(before)
	want.Gauges = fill(1).Gauges
	want.Daemons[0].Connected = true
	want.Inputs[0].File.Position, want.Inputs[0].File.Safe, want.Inputs[0].File.Behind, want.Inputs[0].File.Files = 1, 1, 1, 1
	want.Inputs[0].Syslog.Connections = 1
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the sum is\n%+v, want\n%+v", got, want)
	}

	// Groups that came first keep their counters.
	var old, fresh Stats
	for i := range MaxGroupStats {
		old.Groups = append(old.Groups, GroupStats{Groups: fmt.Sprint("old", i), Lines: 1, Bytes: 2})
	}
	old.Groups = append(old.Groups, GroupStats{Groups: OtherGroups, Lines: 5, Bytes: 6})
	fresh.Groups = []GroupStats{{Groups: "new", Lines: 10, Bytes: 20}, {Groups: "old3", Lines: 100, Bytes: 200, Waiting: 3}}
	fresh.Add(&old)
	if n := len(fresh.Groups); n != MaxGroupStats+1 || !reflect.DeepEqual(fresh.Groups[3], GroupStats{Groups: "old3", Lines: 101, Bytes: 202, Waiting: 3}) ||
		!reflect.DeepEqual(fresh.Groups[n-1], GroupStats{Groups: OtherGroups, Lines: 15, Bytes: 26}) {
		t.Errorf("%d groups: %+v", n, fresh.Groups)
	}
}
