package logsub

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// publisherOf sends lines of a publisher to group a, with their numbers.
type publisherOf struct {
	*testing.T
	conn spread.Connection
	name string
	next int
}

func newPublisherOf(t *testing.T, dial func(context.Context, string, string) (spread.Connection, error), address, name string) *publisherOf {
	t.Helper()
	conn, err := dial(t.Context(), address, name)
	if err != nil {
		t.Fatal(err)
	}
	return &publisherOf{t, conn, name, 0}
}

// send sends so many lines, one a message.
func (p *publisherOf) send(count int) {
	p.Helper()
	for range count {
		line := fmt.Sprintf("www%d %s GET /%d\n", p.next%2, p.name, p.next)
		if err := p.conn.Multicast(p.Context(), spread.Agreed, 0, []byte(sealed(p.name, 1, 0, uint64(p.next), line)), "a"); err != nil {
			p.Fatal(err)
		}
		p.next++
	}
}

// waitIdentical waits until the log files below directories are the same, and have so many lines in
// "all".
func waitIdentical(t *testing.T, lines int, dirs ...string) {
	t.Helper()
	waitSame(t, liveFiles, lines, dirs...)
}

func waitSame(t *testing.T, files func(dir string) map[string]string, lines int, dirs ...string) {
	t.Helper()
	var first, other map[string]string
	count := 0
	defer func() {
		if t.Failed() {
			t.Logf("%d lines of %d", count, lines)
			for name, text := range first {
				if other[name] != text {
					t.Logf("%s differs: %d and %d lines", name, strings.Count(text, "\n"), strings.Count(other[name], "\n"))
				}
			}
			for name := range other {
				if _, ok := first[name]; !ok {
					t.Logf("only the other has %s", name)
				}
			}
		}
	}()
	testkit.Wait(t, "the files are identical", func() bool {
		first = files(dirs[0])
		count = 0
		for name, text := range first {
			if strings.HasPrefix(name, "/all") {
				count += strings.Count(text, "\n")
			}
		}
		for _, dir := range dirs[1:] {
			if other = files(dir); !maps.Equal(first, other) {
				return false
			}
		}
		return count == lines
	})
}

// liveFiles are the contents of the log files below a directory, by their plain names, while they may
// be cut and compressed.
func liveFiles(dir string) map[string]string {
	m := make(map[string]string)
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name()[0] == '.' {
			return nil //nolint:nilerr // it was renamed or compressed meanwhile
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, dir), ".gz")
		open := func() (io.ReadCloser, error) { return os.Open(path) }
		if strings.HasSuffix(path, ".gz") {
			open = func() (io.ReadCloser, error) { return archive.OpenContent(fsutil.OS{}, path) }
		}
		f, err := open()
		if err != nil {
			return nil //nolint:nilerr // it was renamed or compressed meanwhile
		}
		b, _ := io.ReadAll(f)
		m[name] += string(b)
		return f.Close()
	})
	return m
}

// uncut are the contents of the log files below a directory, with the parts of files that were cut by
// size behind each other.
func uncut(dir string) map[string]string {
	m := make(map[string]string)
	parts := liveFiles(dir)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if whole := partNumber.ReplaceAllString(name, ""); whole != name {
			m[whole] += parts[name]
		}
	}
	for name, text := range parts {
		if !partNumber.MatchString(name) {
			m[name] += text
		}
	}
	return m
}

var partNumber = regexp.MustCompile(`\.[0-9]{6}$`)

// TestHealJoin: a log host that was away, whose connection ended, or that is new, has the same files
// as the other one in the end, while lines are in full flow: cut by size, compressed, by virtual host.
func TestHealJoin(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two, three := t.TempDir(), t.TempDir(), t.TempDir()
	_, stopOne := runHost(t, indexedHost(t, d, one))
	_, stopTwo := runHost(t, indexedHost(t, d, two))
	p := newPublisherOf(t, dialer(d), "4803", "web")
	p.send(200)
	waitIdentical(t, 200, one, two)
	stopTwo()
	p.send(700)
	second, stopTwo := runHost(t, indexedHost(t, d, two))
	p.send(300)
	waitIdentical(t, 1200, one, two)
	// The connection of the second ends.
	for range 3 {
		own := ""
		testkit.Wait(t, "the second is connected", func() bool {
			own = second.receivers[0].client.PrivateGroup()
			return own != ""
		})
		d.Drop(strings.Split(own, "#")[1])
		p.send(150)
	}
	// A connection that ended during a healing has left lines behind a gap.
	waitSame(t, uncut, 1650, one, two)
	_, stopThree := runHost(t, indexedHost(t, d, three))
	p.send(100)
	waitSame(t, uncut, 1750, one, two, three)
	for _, stop := range []func(){stopOne, stopTwo, stopThree} {
		stop() // what is being compressed is there twice for a moment
	}
	for _, dir := range []string{one, two, three} {
		if sum := verify(t, dir); sum.Repeats != 0 || sum.Damaged != 0 || len(sum.Missing) != 0 || sum.Lines != 2*1750 {
			t.Errorf("%+v", sum)
		}
	}
	if n := second.healer.lines.Load(); n < 2*700 {
		t.Errorf("only %d lines were fetched", n)
	}
}

// TestHealBoth: of two log hosts first one is away, then the other, and they are never there
// together before the end: each gets the other's lines.
func TestHealBoth(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two := t.TempDir(), t.TempDir()
	host := func(dir string) Config {
		cfg := indexedHost(t, d, dir)
		cfg.Connections[0].Logs[0] = Log{Group: "a", File: filepath.Join(dir, "all"), Envelope: EnvelopeIndex}
		return cfg
	}
	p := newPublisherOf(t, dialer(d), "4803", "web")
	lines := func(s *Subscriber, n int) {
		t.Helper()
		before := s.Stats().Publishers["web"].Lines
		p.send(n)
		testkit.Wait(t, "the lines have come", func() bool { return s.Stats().Publishers["web"].Lines == before+int64(n) })
	}
	s, stop := runHost(t, host(one))
	lines(s, 100)
	stop()
	s, stop = runHost(t, host(two))
	lines(s, 100)
	stop()
	s, _ = runHost(t, host(one))
	lines(s, 100)
	began := time.Now()
	runHost(t, host(two))
	waitIdentical(t, 300, one, two)
	t.Logf("after %v", time.Since(began))
}

// shyConn is a connection that keeps hellos back until met is closed.
type shyConn struct {
	spread.Connection
	met <-chan struct{}
}

// Multicast implements [spread.Connection].
func (c shyConn) Multicast(ctx context.Context, service spread.Service, kind int16, payload []byte, groups ...string) error {
	if k, _, err := logproto.Split(payload); err == nil && k == logproto.KindHello {
		select {
		case <-c.met:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.Connection.Multicast(ctx, service, kind, payload, groups...)
}

// TestHealLateHello: a log host whose hello comes too late for the healing at the join is asked then.
func TestHealLateHello(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two := t.TempDir(), t.TempDir()
	met := make(chan struct{})
	shy := indexedHost(t, d, one)
	shy.Dial = func(ctx context.Context, address, name string) (spread.Connection, error) {
		c, err := dialer(d)(ctx, address, name)
		return shyConn{c, met}, err
	}
	runHost(t, shy)
	p := newPublisherOf(t, dialer(d), "4803", "web")
	p.send(100)
	waitIdentical(t, 100, one)
	second, _ := runHost(t, indexedHost(t, d, two), func(s *Subscriber) { s.healer.helloWait = 20 * time.Millisecond })
	p.send(100)
	waitIdentical(t, 100, two) // it has gone on without the first
	close(met)
	waitIdentical(t, 200, one, two)
	testkit.Wait(t, "the healing is counted", func() bool {
		st := second.Stats().Heal
		return st.Healings == 1 && st.Lines == 2*100 && st.Bytes > 0
	})
}

// failedHeals is how many attempts at healing have failed.
func failedHeals(s *Subscriber) (n int64) {
	for i := range s.healer.failures {
		n += s.healer.failures[i].Load()
	}
	return n
}

// TestInvitations: another log host that invites without end, to addresses where nobody answers,
// costs a bounded number of attempts, and afterwards invitations are taken again.
func TestInvitations(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	s, _ := runHost(t, indexedHost(t, d, t.TempDir()))
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.healer.Invite(mute.Addr().String())
	conn, err := mute.Accept() // the writer waits for an answer
	if err != nil {
		t.Fatal(err)
	}
	if err := mute.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		s.healer.Invite(mute.Addr().String())
		s.healer.Invite(fmt.Sprintf("127.0.0.1:%d", 70000+i)) // no port
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "the invitations are tried", func() bool { return failedHeals(s) >= 1+maxInvitations })
	s.healer.Invite(mute.Addr().String())
	testkit.Wait(t, "a later one is tried", func() bool { return failedHeals(s) >= 2+maxInvitations })
	if n := failedHeals(s); n > (healRetries+1)*(2+maxInvitations) {
		t.Errorf("%d attempts", n)
	}
}

// orderedHost is a log host with a name, whose order counts if that is the lower one.
func orderedHost(t *testing.T, d *spreadtest.Daemon, dir, name string) Config {
	t.Helper()
	cfg := indexedHost(t, d, dir)
	cfg.Host = name
	for i := range cfg.Connections[0].Logs {
		cfg.Connections[0].Logs[i].Keep = Keeping{}
	}
	return cfg
}

// TestHealOrder: two log hosts have the same lines in another order, as when a publisher sent lines
// again that one of them had written before. When both are there, both have the same files: those of
// the log host with the lower name, whichever of them came later.
func TestHealOrder(t *testing.T) {
	for _, names := range [][2]string{{"one", "two"}, {"two", "one"}} {
		t.Run(names[0]+" first", func(t *testing.T) {
			d := spreadtest.New("h1")
			defer d.Close()
			dirs := map[string]string{"one": t.TempDir(), "two": t.TempDir()}
			pubs := make(map[string]*publisherOf)
			for _, name := range []string{"a", "b"} {
				pubs[name] = newPublisherOf(t, dialer(d), "4803", name)
			}
			for i, name := range names {
				s, stop := runHost(t, orderedHost(t, d, dirs[name], name))
				pubs["a"].next, pubs["b"].next = 0, 0
				send := func(name string, n int) { // one after the other, so that the orders differ for certain
					pubs[name].send(n)
					testkit.Wait(t, "the lines have come", func() bool {
						return s.Stats().Publishers[name].Lines == int64(pubs[name].next)
					})
				}
				if i == 1 {
					send("b", 20)
				}
				for range 10 {
					send("a", 10)
					send("b", 5)
				}
				stop()
			}
			runHost(t, orderedHost(t, d, dirs[names[0]], names[0]))
			pubs["a"].send(10)
			s, _ := runHost(t, orderedHost(t, d, dirs[names[1]], names[1]))
			pubs["a"].send(10)
			waitIdentical(t, 190, dirs["one"], dirs["two"])
			if names[1] == "two" { // counted at the end of the healing, after the files are there
				testkit.Wait(t, "two has put files into another order", func() bool { return s.Stats().Heal.Reordered > 0 })
			} else if n := s.Stats().Heal.Reordered; n > 0 {
				t.Errorf("%s has put %d files into another order", names[1], n)
			}
		})
	}
}

// TestHelloOfStranger: only a member of the log groups can pretend to be a log host, and so have the
// files of others. Publishers send to these groups, and are no members.
func TestHelloOfStranger(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	s, _ := runHost(t, indexedHost(t, d, t.TempDir()))
	own := ""
	testkit.Wait(t, "the log host is connected", func() bool {
		own = s.receivers[0].client.PrivateGroup()
		return own != "" && s.Stats().Daemons[0].Joined == 1
	})
	conn, err := dialer(d)(t.Context(), "4803", "lp1")
	if err != nil {
		t.Fatal(err)
	}
	send := func(host string, groups ...string) {
		t.Helper()
		hello := logproto.Hello{Host: host, Instance: 1, Address: "192.0.2.1:1"}
		if err := conn.Multicast(t.Context(), spread.Agreed, 0, hello.Append(nil), groups...); err != nil {
			t.Fatal(err)
		}
	}
	hosts := func() (list []string) {
		s.healer.mu.Lock()
		defer s.healer.mu.Unlock()
		for _, k := range s.healer.peers {
			list = append(list, k.Host)
		}
		return list
	}
	send("stranger", "a")
	send("stranger", own)
	if err := conn.Join(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	send("private", own)
	testkit.Wait(t, "the member's hello is noted", func() bool { return slices.Contains(hosts(), "private") })
	send("group", "a") // as versions up to 0.2.0 do
	testkit.Wait(t, "the member's hello is noted", func() bool { return slices.Contains(hosts(), "group") })
	if list := hosts(); slices.Contains(list, "stranger") {
		t.Errorf("noted: %q", list)
	}
}
