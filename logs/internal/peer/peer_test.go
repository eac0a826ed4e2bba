package peer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// host is a log host with one log, "%{vhost}.log" in a directory.
type host struct {
	dir     string
	ready   func(ctx context.Context, q *Ready) ([]Log, error)
	invited chan string
}

func (h *host) Logs() []Served {
	return []Served{{Log: Log{Name: "%{vhost}.log", Config: "c", Latest: time.Unix(7, 0)}, Files: lineindex.OSDir(h.dir)}}
}

func (h *host) Ready(ctx context.Context, q *Ready) ([]Log, error) {
	if h.ready == nil {
		return []Log{{Name: "r"}}, nil
	}
	return h.ready(ctx, q)
}

func (h *host) Invite(address string) { h.invited <- address }

// serve serves a host and returns a client.
func serve(t *testing.T, h *host, cfg ServerConfig) (*Server, *Client) {
	t.Helper()
	h.invited = make(chan string, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Handler = h
	s := Serve(l, cfg)
	t.Cleanup(func() { _ = s.Close() })
	c := NewClient(t.Context(), l.Addr().String(), nil)
	t.Cleanup(c.Close)
	return s, c
}

// write writes lines of a publisher, some numbers of them, to a file with an index.
func write(t *testing.T, dir, name string, numbers ...uint64) {
	t.Helper()
	l, err := lineindex.OpenLedger(fsutil.OS{}, filepath.Join(dir, "%{vhost}.log"), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := logfile.New(filepath.Join(dir, name), logfile.Options{Journal: l.Writer()})
	st := l.Stream(lineindex.Name{Label: "g", Key: (&envelope.Origin{Publisher: "web", Epoch: 1}).Key()}, time.Now())
	for _, n := range numbers {
		st.Have.Add(n)
		f.AppendTagged(fmt.Appendf(nil, "line %d\n", n), logfile.Tag{Source: st.Source, Number: n})
	}
	if err := errors.Join(f.Close(), l.Close(true, time.Now())); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestFill: a log host is filled from another one over the network, which also answers all other
// requests.
func TestFill(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	write(t, ours, "a.log", 1, 4)
	write(t, theirs, "a.log", 1, 2, 3, 4)
	write(t, theirs, "b.log", 11, 12)
	h := &host{dir: theirs}
	s, c := serve(t, h, ServerConfig{})
	logs, err := c.Logs()
	if err != nil || len(logs) != 1 || logs[0] != (Log{"%{vhost}.log", "c", time.Unix(7, 0)}) {
		t.Fatalf("logs: %+v, %v", logs, err)
	}
	for range 3 {
		if logs, err := c.Ready(&Ready{Host: "log1"}); err != nil || len(logs) != 1 || logs[0].Name != "r" {
			t.Errorf("ready: %v, %v", logs, err)
		}
	}
	if err := c.Invite("log1:4807"); err != nil || <-h.invited != "log1:4807" {
		t.Error(err)
	}
	d, err := c.Digest(logs[0].Name, lineindex.Entry{Name: "a.log"}, 14)
	if err != nil || d.Bytes != 14 || d.Lines != 2 {
		t.Errorf("digest: %+v, %v", d, err)
	}
	sum, err := lineindex.Fill(lineindex.OSDir(ours), c.Source(logs[0].Name), func(f *lineindex.Finding) { t.Error(f) })
	if err != nil || sum.Lines != 4 || sum.Left != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, name := range []string{"a.log", "b.log"} {
		if a, b := read(t, filepath.Join(ours, name)), read(t, filepath.Join(theirs, name)); a != b {
			t.Errorf("%s: %q, want %q", name, a, b)
		}
	}
	if s.Sent() == 0 || len(c.links) > 3 {
		t.Errorf("sent %d bytes over %d connections", s.Sent(), len(c.links))
	}
	// A failure leaves the connection as it is.
	n := len(c.links)
	if _, err := c.Source("x").List(); !errors.Is(err, ErrNoLog) {
		t.Errorf("another log: %v", err)
	}
	if _, err := c.Source(logs[0].Name).Index(lineindex.Entry{Name: "a.log", Generation: 1}); !errors.Is(err, lineindex.ErrChanged) {
		t.Errorf("another generation: %v", err)
	}
	if _, err := c.Source(logs[0].Name).Index(lineindex.Entry{Name: "c.log"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if len(c.links) != n {
		t.Errorf("%d connections, were %d", len(c.links), n)
	}
}

// TestRenamed: a file that was cut after it was listed is read as it was listed.
func TestRenamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.log", 1, 2)
	_, c := serve(t, &host{dir: dir}, ServerConfig{})
	src := c.Source("%{vhost}.log")
	entries, err := src.List()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, ext := range []string{"", ".index"} {
		from, to := filepath.Join(dir, "a.log"), filepath.Join(dir, "a.log.000001")
		if ext != "" {
			from, to = lineindex.Path(from), lineindex.Path(to)
		}
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "a.log", 3)
	r, err := src.Content(entries[0], 7)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "line 2\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestRefused: nothing outside of the directory is served, and nothing to other addresses.
func TestRefused(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, dir, "a.log", 1)
	write(t, outside, "secret", 2)
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "b.log")); err != nil {
		t.Skip(err)
	}
	if err := errors.Join(os.Symlink(lineindex.Path(filepath.Join(outside, "secret")), lineindex.Path(filepath.Join(dir, "b.log"))), os.Symlink(outside, filepath.Join(dir, "sub"))); err != nil {
		t.Fatal(err)
	}
	var allowed atomic.Bool
	allowed.Store(true)
	s, c := serve(t, &host{dir: dir}, ServerConfig{Allow: func(net.Addr) bool { return allowed.Load() }})
	src := c.Source("%{vhost}.log")
	back, err := filepath.Rel(dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b.log", "sub/secret", "../x", filepath.ToSlash(back) + "/secret", outside + "/secret", ".a.log.index", "", "."} {
		for what, open := range map[string]func() (io.ReadCloser, error){
			"index":   func() (io.ReadCloser, error) { return src.Index(lineindex.Entry{Name: name}) },
			"content": func() (io.ReadCloser, error) { return src.Content(lineindex.Entry{Name: name}, 0) },
		} {
			if r, err := open(); err == nil {
				b, _ := io.ReadAll(r)
				t.Errorf("%s of %q: %q", what, name, b)
			}
		}
	}
	allowed.Store(false)
	other := NewClient(t.Context(), c.address, nil)
	defer other.Close()
	if _, err := other.Logs(); err == nil || !strings.Contains(err.Error(), "does not serve log files to this host") {
		t.Errorf("another address: %v", err)
	}
	if s.Refused() != 1 {
		t.Errorf("refused %d", s.Refused())
	}
}

// TestEnds: a client that is closed, and a server that is, end what waits.
func TestEnds(t *testing.T) {
	waiting := make(chan struct{}, 2)
	h := &host{dir: t.TempDir(), ready: func(ctx context.Context, _ *Ready) ([]Log, error) {
		waiting <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	s, c := serve(t, h, ServerConfig{})
	second := NewClient(t.Context(), c.address, nil)
	defer second.Close()
	errs := make(chan error, 2)
	for _, c := range []*Client{c, second} {
		go func() {
			_, err := c.Ready(&Ready{})
			errs <- err
		}()
	}
	<-waiting
	<-waiting
	c.Close()
	if err := <-errs; err == nil {
		t.Error("no error after Close of the client")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-errs; err == nil {
		t.Error("no error after Close of the server")
	}
}

// TestRate: bytes come no faster than the rate allows.
func TestRate(t *testing.T) {
	r := rate{perSecond: 1 << 20}
	began := time.Now()
	for range 5 {
		if err := r.wait(t.Context(), 64<<10); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d < 240*time.Millisecond || d > testkit.Patience {
		t.Errorf("4 blocks took %v", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.wait(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// FuzzServer: whatever a client sends, the server answers or ends the connection.
func FuzzServer(f *testing.F) {
	file := request{"%{vhost}.log", lineindex.Entry{Name: "a.log", Generation: 3}, 5}
	f.Add(appendFrame([]byte(magic), reqLogs, nil))
	f.Add(appendFrame([]byte(magic), reqReady, (&Ready{"h", []View{{"g", "1 2 3", true}}}).append))
	f.Add(appendFrame(appendFrame([]byte(magic), reqFiles, file.append), reqContent, file.append))
	f.Add(appendFrame(appendFrame([]byte(magic), reqDigest, file.append), reqIndex, file.append))
	f.Add(appendFrame([]byte(magic), reqInvite, func(b []byte) []byte { return append(b, 1, 'h') }))
	h := &host{dir: f.TempDir(), invited: make(chan string, 1000)}
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		s := &Server{cfg: ServerConfig{Handler: h}, ctx: t.Context()}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c := &serving{s: s, conn: server, in: bufio.NewReader(server)}
			_ = c.run(t.Context())
			_ = server.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		_, _ = client.Write(b)
		_ = client.Close()
		<-done
		for len(h.invited) > 0 {
			<-h.invited
		}
	})
}

// FuzzClient: whatever a server answers, the decoders of a client take it without panic, and what
// they take is what the server writes like that.
func FuzzClient(f *testing.F) {
	f.Add(appendLog(nil, &Log{"n", "c", time.Unix(5, 0)}))
	f.Add(appendEntry(nil, &lineindex.Entry{Name: "a", Generation: 1 << 63, Age: time.Second}))
	f.Add((&Digest{Bytes: 1, Lines: 2}).append(nil))
	f.Add(appendFailure(nil, lineindex.ErrChanged))
	f.Add(appendFrame(nil, ansData, nil))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		_, _, _, _ = readFrame(bytes.NewReader(b), nil)
		_ = decodeFailure(b)
		var d, d2 Digest
		if d.decode(b) == nil {
			if err := d2.decode(d.append(nil)); err != nil || d2 != d {
				t.Errorf("%+v became %+v, %v", d, d2, err)
			}
		}
		var q, q2 Ready
		if q.decode(b) == nil {
			if err := q2.decode(q.append(nil)); err != nil || q2.Host != q.Host || !slices.Equal(q2.Views, q.Views) {
				t.Errorf("%+v became %+v, %v", q, q2, err)
			}
		}
		var r, r2 request
		if r.decode(b) == nil {
			if err := r2.decode(r.append(nil)); err != nil || !reflect.DeepEqual(r2, r) {
				t.Errorf("%+v became %+v, %v", r, r2, err)
			}
		}
	})
}

// fakeServer accepts one connection after the other, and lets talk speak. It returns a client.
func fakeServer(t *testing.T, talk func(net.Conn)) *Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talk(conn)
			_ = conn.Close()
		}
	}()
	c := NewClient(t.Context(), l.Addr().String(), nil)
	t.Cleanup(c.Close)
	return c
}

// TestEndlessList: a log host that lists files without end is refused.
func TestEndlessList(t *testing.T) {
	c := fakeServer(t, func(conn net.Conn) {
		_, err := conn.Write([]byte(magic))
		for i := 0; err == nil; i++ {
			_, err = conn.Write(appendFrame(nil, ansData, func(b []byte) []byte {
				return appendEntry(b, &lineindex.Entry{Name: fmt.Sprint(i)})
			}))
		}
	})
	c.maxList = 100 * (entryCost + 30)
	if entries, err := c.Source("a").List(); !errors.Is(err, errMalformed) || len(entries) < 90 || len(entries) > 200 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// TestWrongServer: what answers as no log host does, or ends the connection, is named.
func TestWrongServer(t *testing.T) {
	for answer, want := range map[string]error{"HTTP/1.1 400 Bad Request\r\n\r\n": errNotServer, "": errClosed} {
		c := fakeServer(t, func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, len(magic)))
			_, _ = io.WriteString(conn, answer)
		})
		if _, err := c.Logs(); !errors.Is(err, want) {
			t.Errorf("%q: %v, not %v", answer, err, want)
		}
	}
}
