package syslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		// nginx, with and without a host; the text may have a colon in it.
		{"<190>Nov 21 10:00:00 web1 nginx: 10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5", `190 "Nov 21 10:00:00" "web1" "nginx" "10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5"`},
		{"<190>Nov  1 10:00:00 nginx: a b: c", `190 "Nov  1 10:00:00" "" "nginx" "a b: c"`},
		// HAProxy in its default form, and in RFC 5424's.
		{"<134>Nov 21 10:00:00 haproxy[4711]: 10.0.0.1:5000 [21/Nov/2026:10:00:00.000] f b/s 0/0/0/1/1 200\n", `134 "Nov 21 10:00:00" "" "haproxy" "10.0.0.1:5000 [21/Nov/2026:10:00:00.000] f b/s 0/0/0/1/1 200"`},
		{"<134>1 2026-11-21T10:00:00.000000+00:00 lb1 haproxy 4711 - - 10.0.0.1 GET", `134 "2026-11-21T10:00:00.000000+00:00" "lb1" "haproxy" "10.0.0.1 GET"`},
		{"<134>1 - - - - - [a@1 b=\"x\\\"]\"][c] \xef\xbb\xbftext", `134 "" "" "" "text"`},
		{"<134>1 2026-11-21T10:00:00Z h a p m -", `134 "2026-11-21T10:00:00Z" "h" "a" ""`},
		{"<0>2026-11-21T10:00:00+01:00 web app: x", `0 "2026-11-21T10:00:00+01:00" "web" "app" "x"`},
		{"<13>Nov 21 10:00:00 web no tag here", `13 "Nov 21 10:00:00" "web" "" "no tag here"`},
		{"<13>no time", `13 "" "" "" "no time"`},
		{"<13>1 not five", `13 "" "" "" "1 not five"`},
		{"<192>x", `-1 "" "" "" "<192>x"`},
		{"<>x", `-1 "" "" "" "<>x"`},
		{"{\"msg\":\"caddy\"}\x00", `-1 "" "" "" "{\"msg\":\"caddy\"}"`},
		{"", `-1 "" "" "" ""`},
	} {
		m := Parse([]byte(tt.in))
		if got := fmt.Sprintf("%d %q %q %q %q", m.Pri, m.Time, m.Host, m.Tag, m.Text); got != tt.want {
			t.Errorf("%q is\n%s, want\n%s", tt.in, got, tt.want)
		}
	}
}

func frames(r io.Reader, most int) (got []string, faults Faults, err error) {
	f := newFramer(r, most)
	for {
		m, cut, err := f.next()
		if err != nil {
			return got, f.faults, err
		}
		s := string(m)
		if cut {
			s += "…"
		}
		got = append(got, s)
	}
}

func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"<1>a\n<1>b\x00\n\n<1>c", []string{"<1>a", "<1>b", "<1>c"}},
		{"<1>a\r\n\r\n<1>b\r\n", []string{"<1>a\r", "<1>b\r"}},
		{"5 <1>ab6 <1>\nbc", []string{"<1>ab", "<1>\nbc"}},
		{"4 <1>a\n4 <1>b\n", []string{"<1>a", "<1>b"}},
		{"5 <1>a\n5 <1>b\n", []string{"<1>a", "<1>b"}},
		{"005 <1>ab5<1>cd", []string{"<1>ab", "<1>cd"}}, // leading zeros, no blank
		{"127.0.0.1 - -\n5 x\n", []string{"127.0.0.1 -…", "5 x"}},
		{"10 x\n", []string{"10 x"}},
		{"<1>23456789012345\n<2>\n", []string{"<1>23456789…", "<2>"}},
		{"14 <1>234567890ab4 <1>a", []string{"<1>23456789…", "<1>a"}},
	} {
		for what, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, faults, err := frames(r, 11)
			if !slices.Equal(got, tt.want) || faults != (Faults{}) || !errors.Is(err, io.EOF) {
				t.Errorf("%s: %q gives %q, %+v and %v, want %q", what, tt.in, got, faults, err, tt.want)
			}
		}
	}
}

// TestWrongFrames: after a message whose frame is wrong come the next ones, and nothing is lost
// without being counted.
func TestWrongFrames(t *testing.T) {
	long := strings.Repeat("x", 30)
	for _, tt := range []struct {
		in     string
		want   []string
		faults Faults
	}{
		// The length is too small, by any amount.
		{"4 <1>ab5 <1>cd", []string{"<1>ab", "<1>cd"}, Faults{WrongLength: 1}},
		{"3 <1>abcdef\n5 <1>cd", []string{"<1>abcdef", "<1>cd"}, Faults{WrongLength: 1}},
		{"5 <1>abx", []string{"<1>ab"}, Faults{WrongLength: 1, Skipped: 1}},
		{"5 <1>ab12", []string{"<1>ab"}, Faults{WrongLength: 1, Skipped: 2}},
		// Too large: the next message begins inside.
		{"9 <1>ab5 <1>cd5 <1>ef", []string{"<1>ab", "<1>cd", "<1>ef"}, Faults{WrongLength: 1}},
		{"6 <1>ab10 <1>1234567", []string{"<1>ab", "<1>1234567"}, Faults{WrongLength: 1}},
		{"9 <1>ab\n<1>cdef\n<1>gh\n", []string{"<1>ab", "<1>cdef", "<1>gh"}, Faults{WrongLength: 1, Mixed: 1}},
		{"30 <1>ab5 <1>cd", []string{"<1>ab", "<1>cd"}, Faults{WrongLength: 1}},
		{"30 <1>ab", []string{"<1>ab"}, Faults{CutShort: 1}},
		{"5 <1>", []string{"<1>"}, Faults{CutShort: 1}},
		{"40 <1>" + long, []string{"<1>" + long[:17] + "…"}, Faults{CutShort: 1}},
		{"60 <1>" + long + "5 <1>ab5 <1>cd", []string{"<1>" + long[:17] + "…", "<1>ab", "<1>cd"}, Faults{WrongLength: 1}},
		// It cannot be right.
		{"5 <1>ab0 <1>cd\n5 <1>ef", []string{"<1>ab", "<1>cd", "<1>ef"}, Faults{WrongLength: 1, Mixed: 1, Skipped: 2}},
		{"99999999999 <1>ab\n<1>cd\n", []string{"<1>ab", "<1>cd"}, Faults{WrongLength: 1, Skipped: 12}},
		{"999999999 <1>ab5 <1>cd", []string{"<1>ab", "<1>cd"}, Faults{WrongLength: 1, Mixed: 2, Skipped: 10}},
		{"99 <1>" + long + "5 <1>ab5 <1>cd", []string{"<1>" + long[:17] + "…", "<1>ab", "<1>cd"}, Faults{WrongLength: 1, Mixed: 2, Skipped: 3}},
		// Digits in front of a length belong to the message if the length fits better without them.
		{"6 <1>a15 <1>bc5 <1>d2", []string{"<1>a1", "<1>bc", "<1>d2"}, Faults{WrongLength: 1}},
		{"7 <1>a15 <1>bc5 <1>d2", []string{"<1>a1", "<1>bc", "<1>d2"}, Faults{WrongLength: 1}},
		{"4 <1>a15 <1>bc5 <1>d2", []string{"<1>a1", "<1>bc", "<1>d2"}, Faults{WrongLength: 1}},
		{"4 <1>a115 <1>bc5 <1>d2", []string{"<1>a11", "<1>bc", "<1>d2"}, Faults{WrongLength: 1}},
		// Both framings in one stream.
		{"5 <1>ab<1>cd\n5 <1>ef\n<1>gh\n", []string{"<1>ab", "<1>cd", "<1>ef", "<1>gh"}, Faults{Mixed: 3}},
		{"<1>ab\n5 <1>cd{}\n", []string{"<1>ab", "<1>cd{}"}, Faults{WrongLength: 1, Mixed: 1}},
		{"5 <1>ab\n{}\n<1>cd5 <1>ef", []string{"<1>ab", "{}", "<1>cd", "<1>ef"}, Faults{Mixed: 3}},
	} {
		got, faults, err := frames(strings.NewReader(tt.in), 20)
		if !slices.Equal(got, tt.want) || faults != tt.faults || !errors.Is(err, io.EOF) {
			t.Errorf("%q gives %q, %+v and %v,\nwant %q, %+v", tt.in, got, faults, err, tt.want, tt.faults)
		}
		// In pieces less can be put together, but every fault is seen.
		pieces, faults, err := frames(iotest.OneByteReader(strings.NewReader(tt.in)), 20)
		if faults == (Faults{}) || len(pieces) == 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%q in pieces gives %q, %+v and %v", tt.in, pieces, faults, err)
		}
	}
}

// wrongFirst returns messages that end in digits, of which the first has a length that is off, as they
// are sent.
func wrongFirst(off int) (sent, messages []string) {
	for i := range 31 {
		m := fmt.Sprintf("<13>Nov 29 19:00:00 host tag: GET /%d 200 1234", i)
		n := len(m)
		if i == 0 {
			n += off
		}
		sent, messages = append(sent, fmt.Sprintf("%d %s", n, m)), append(messages, m)
	}
	return sent, messages
}

// TestWrongLengthBehindDigits: where messages end in digits, a wrong length does not spread to the
// lengths of the next ones.
func TestWrongLengthBehindDigits(t *testing.T) {
	for off := -12; off < 48; off++ { // with 48 all of the second is within the first
		sent, want := wrongFirst(off)
		got, faults, _ := frames(strings.NewReader(strings.Join(sent, "")), 64<<10)
		wrong := int64(1)
		if off == 0 {
			wrong = 0
		}
		if !slices.Equal(got, want) || faults != (Faults{WrongLength: wrong}) {
			t.Errorf("a first length that is off by %d gives %q and %+v", off, got, faults)
		}
		// One at a time, the first two may suffer. What is complete does not wait for the end.
		for what, pieces := range map[string][]string{"messages": sent, "lengths and messages": strings.Split(strings.ReplaceAll(strings.Join(sent, ""), "<", "|<"), "|")} {
			r, w := io.Pipe()
			go func() {
				for _, p := range pieces {
					_, _ = io.WriteString(w, p)
				}
				_ = w.CloseWithError(errors.New("open"))
			}()
			got, faults, _ := frames(r, 64<<10)
			if len(got) < 29 || !slices.Equal(got[len(got)-29:], want[2:]) || (faults.WrongLength > 0) != (off != 0) {
				t.Errorf("in %s, a first length that is off by %d gives %q and %+v", what, off, got, faults)
			}
		}
	}
}

// collector keeps lines.
type collector struct {
	mu  sync.Mutex
	got []string
	cut int

	miscounted bool
}

func (c *collector) add(lines []byte, n, cut int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.got)
	c.got = slices.AppendSeq(c.got, strings.Lines(string(lines)))
	if len(c.got)-before != n {
		c.miscounted = true
	}
	c.cut += cut
}

func (c *collector) wait(t *testing.T, n int) (got []string) {
	t.Helper()
	testkit.Wait(t, fmt.Sprintf("%d messages", n), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		got = slices.Clone(c.got)
		if c.miscounted {
			t.Error("a wrong number of lines was told")
		}
		return len(got) >= n
	})
	return got
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	for network, address := range map[string]string{
		"udp": "127.0.0.1:0", "tcp": "127.0.0.1:0", "unixgram": filepath.Join(dir, "g"), "unix": filepath.Join(dir, "s"),
	} {
		t.Run(network, func(t *testing.T) {
			s, err := Listen(t.Context(), Config{Network: network, Address: address})
			if err != nil {
				t.Fatal(err)
			}
			var c collector
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx, c.add) }()
			if network == "tcp" || network == "udp" {
				address = s.Addr().String()
			}
			conn, err := net.Dial(network, address)
			if err != nil {
				t.Fatal(err)
			}
			end := ""
			if network == "tcp" || network == "unix" {
				end = "\n"
			}
			for _, m := range []string{"<190>Nov 21 10:00:00 web nginx: one", "<134>1 - - - - - - two", "three"} {
				if _, err := io.WriteString(conn, m+end); err != nil {
					t.Fatal(err)
				}
			}
			if got := c.wait(t, 3); !slices.Equal(got, []string{"one\n", "two\n", "three\n"}) {
				t.Errorf("received %q", got)
			}
			// What is on its way at the end comes.
			if _, err := io.WriteString(conn, "last"+end); err != nil {
				t.Fatal(err)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if got := c.wait(t, 4); got[3] != "last\n" {
				t.Errorf("received %q", got)
			}
			st := s.Stats()
			if st.KernelDrops = 0; st != (Stats{Messages: 4, Bytes: int64(len("<190>Nov 21 10:00:00 web nginx: one<134>1 - - - - - - twothreelast"))}) {
				t.Errorf("the server counts %+v", st)
			}
			_ = conn.Close()
			if _, err := os.Stat(address); err == nil {
				t.Error("the socket's file is left")
			}
		})
	}
}

// TestTakeOver: a second server takes the path, and the first leaves it alone.
func TestTakeOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	first, err := Listen(t.Context(), Config{Network: "unixgram", Address: path, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	// In another process the name it is bound under differs; here it has been renamed.
	second, err := Listen(t.Context(), Config{Network: "unixgram", Address: path, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	first.close()
	var c collector
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- second.Serve(ctx, c.add) }()
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "<1>x\ny\n"); err != nil {
		t.Fatal(err)
	}
	if got := c.wait(t, 1); got[0] != "<1>x y \n" {
		t.Errorf("received %q", got)
	}
	_ = conn.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPauseFor: what 100,000 messages a second bring in four pauses fits in.
func TestPauseFor(t *testing.T) {
	for capacity, want := range map[int]time.Duration{0: 0, 100: 250 * time.Microsecond, 332: 830 * time.Microsecond, 1 << 30: longestPause} {
		if got := pauseFor(capacity); got != want {
			t.Errorf("%d messages: %v, want %v", capacity, got, want)
		}
	}
}

// TestBusyEnd: a server ends in time though messages come without end.
func TestBusyEnd(t *testing.T) {
	s, err := Listen(t.Context(), Config{Network: "udp", Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var began sync.Once
	go func() { ended <- s.Serve(ctx, func([]byte, int, int) { began.Do(stop) }) }()
	for {
		if _, err := io.WriteString(conn, "<190>more"); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			_ = conn.Close()
			return
		default:
		}
	}
}

func TestListenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]Config{
		"not a socket":      {Network: "unixgram", Address: file},
		"want udp, tcp, un": {Network: "pigeon"},
		"listen on tcp x":   {Network: "tcp", Address: "x"},
	} {
		if _, err := Listen(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// FuzzParse: parts are parts of the message, and a line is one.
func FuzzParse(f *testing.F) {
	f.Add([]byte("<190>Nov 21 10:00:00 web nginx: text"))
	f.Add([]byte("<134>1 - - - - - [a b=\"\\\\"))
	f.Add([]byte("<1>Nov 21 10:00:00 "))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		m := Parse(b)
		for _, part := range [][]byte{m.Time, m.Host, m.Tag, m.Text} {
			if !bytes.Contains(b, part) {
				t.Errorf("%q is not in %q", part, b)
			}
		}
		if m.Pri < -1 || m.Pri > maxPri {
			t.Errorf("priority %d", m.Pri)
		}
		if line := AppendLine(nil, m.Text); bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("line %q", line)
		}
	})
}

// FuzzFrames: the pieces in which a stream without faults comes do not matter, and no frame is too
// long.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		"5 <1>ab6 <1>\nbc", "<1>a\n<1>b\x00c", "99999999 <", "4 <1>ab5 <1>cd", "9 <1>ab5 <1>cd5 <1>ef", "9 <1>ab\n<1>cdef\n<1>gh\n",
		"30 <1>ab", "60 <1>abcdefghijklmnopqrstuvwxyz5 <1>ab", "99999999999 <1>ab\n<1>cd\n", "005 <1>ab5<1>cd", "5 <1>ab<1>cd\n5 <1>ef\n{}\n",
		"99 <1>abcdefghijklmnopqrstuvwxyz5 <1>ab5 <1>cd",
		"6 <1>a15 <1>bc5 <1>d2", "7 <1>a15 <1>bc5 <1>d2", "4 <1>a115 <1>bc5 <1>d2", "5 <1>ab115 <1>cd5 <1>ef5 <1>gh",
	} {
		f.Add([]byte(seed))
	}
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		whole, faults, err := frames(bytes.NewReader(b), 20)
		pieces, faults2, err2 := frames(iotest.OneByteReader(bytes.NewReader(b)), 20)
		if !errors.Is(err, io.EOF) || !errors.Is(err2, io.EOF) {
			t.Errorf("%q: %v, in pieces %v", b, err, err2)
		}
		if faults == (Faults{}) && faults2 == (Faults{}) && !slices.Equal(whole, pieces) {
			t.Errorf("%q: %q, in pieces %q", b, whole, pieces)
		}
		size := 0
		for _, m := range whole {
			m = strings.TrimSuffix(m, "…")
			if size += len(m); len(m) > 20 {
				t.Errorf("%d bytes", len(m))
			}
		}
		if size+int(faults.Skipped) > len(b) {
			t.Errorf("%q: %d bytes of messages and %+v", b, size, faults)
		}
	})
}

// TestFramingReported: faults of a connection are counted, and reported once with the peer.
func TestFramingReported(t *testing.T) {
	type report struct{ peer, what string }
	reports := make(chan report, 10)
	s, err := Listen(t.Context(), Config{Network: "tcp", Address: "127.0.0.1:0", Report: func(peer string, what *Faults) {
		reports <- report{peer, what.String()}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var c collector
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, c.add) }()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := io.WriteString(conn, "30 <13>one11 <13>Nov 21x9 <13>three"); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.wait(t, 9); got[0] != "one\n" || got[2] != "three\n" || got[8] != "three\n" {
		t.Errorf("received %q", got)
	}
	if _, err := io.WriteString(conn, "9 <13>"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	c.wait(t, 10)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := <-reports; got.peer != conn.LocalAddr().String() || got.what != "the length does not fit the message" || len(reports) > 0 {
		t.Errorf("reported is %v, and %d more", got, len(reports))
	}
	if f := s.Stats().Faults; f.WrongLength != 3 || f.CutShort != 1 || f.Skipped != 0 {
		t.Errorf("counted are %+v", f)
	}
}
