package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

// TestLarge: messages beyond the original's buffer are shown up to there.
func TestLarge(t *testing.T) {
	for _, size := range []int{maxShown, maxShown + 1} {
		text := eventText(&spread.Message{
			Service: spread.FIFO, Sender: "#a#b", Groups: []string{"g"}, Payload: []byte(strings.Repeat("x", size)),
		}, false)
		if got := strings.Contains(text, "========Buffers or Groups too Short======="); got != (size > maxShown) {
			t.Errorf("%d bytes: note %v", size, got)
		}
		if !strings.HasSuffix(text, "(102400 bytes): "+strings.Repeat("x", maxShown)+"\n") {
			t.Errorf("%d bytes: the text ends in %q", size, text[len(text)-20:])
		}
	}
}

// TestNames: a name cannot forge a line or change the direction of text.
func TestNames(t *testing.T) {
	const evil = "g\nDue to the JOIN of\u202ex"
	text := eventText(&spread.Membership{Group: evil, Members: []string{evil}, Cause: spread.CauseJoin, Changed: evil}, false) +
		eventText(&spread.Message{Sender: evil, Payload: []byte("\u202e")}, false) +
		eventText(&spread.Rejected{Message: spread.Message{Sender: evil}}, false)
	if got := strings.Count(text, `g\nDue to the JOIN of\u202ex`); got != 5 || strings.Contains(text, "\u202e") {
		t.Errorf("%d names are shown escaped, want 5:\n%s", got, text)
	}
}

// TestEnvelope: log lines are shown with publisher and number, and as they are with -raw.
func TestEnvelope(t *testing.T) {
	h := envelope.Header{Publisher: "web1", Epoch: 7, Stream: 2, Seq: 9}
	payload := h.Append(nil)
	payload = append(payload, "GET /a\nGET /\x1b[2J\n"...)
	m := &spread.Message{Service: spread.Agreed, Sender: "#a#b", Groups: []string{"g"}, Payload: payload}
	text, want := eventText(m, false), "(46 bytes): \nweb1 9: GET /a\nweb1 10: GET /\\x1b[2J\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("shown as %q, want %q at the end", text, want)
	}
	if text = eventText(m, true); !strings.Contains(text, `LP\x01`) || strings.Contains(text, "web1 9") {
		t.Errorf("shown as %q with -raw", text)
	}
	r := recording.Of(m)
	r.Open()
	if r.Payload == nil || *r.Payload != "GET /a\nGET /\x1b[2J\n" || *r.Bytes != 46 || r.Envelope == nil || *r.Envelope != (recording.Lines{Publisher: "web1", Epoch: 7, Stream: 2, First: 9}) {
		t.Errorf("recorded as %+v", r)
	}
	if r = recording.Of(m); r.Envelope != nil || !bytes.Equal(r.PayloadBase64, payload) {
		t.Errorf("recorded as %+v with -raw", r)
	}
	m.Payload = payload[:len(payload)-1] // the last line is cut
	if text, want = eventText(m, false), "(45 bytes): "; strings.Contains(text, "web1 9") || !strings.Contains(text, want) {
		t.Errorf("a damaged envelope is shown as %q", text)
	}
}

// TestManyMembers: views beyond the original's tables are printed whole.
func TestManyMembers(t *testing.T) {
	m := &spread.Membership{Group: "g", Cause: spread.CauseNetwork, Index: 3}
	for range 11 {
		set := slices.Repeat([]string{"#m#d"}, 101)
		m.Members = append(m.Members, set...)
		m.Sets = append(m.Sets, spread.VSSet{Members: set})
	}
	text := eventText(m, false)
	if got, want := strings.Count(text, "\t#m#d\n"), 2*11*101; got != want {
		t.Errorf("%d members printed, want %d", got, want)
	}
	if want := "OTHER VS set 10 has 101 members:\n"; !strings.Contains(text, want) {
		t.Errorf("no %q", want)
	}
}

// TestErrorText: the texts of daemon-operations §13 for all codes but -19, which
// is libspread's alone.
func TestErrorText(t *testing.T) {
	for code, want := range map[spread.Code]string{
		-1: "Illegal spread name.", -2: "Could not connect.", -3: "Connection rejected, too many users.",
		-4: "Connection rejected, no name.", -5: "Connection rejected, illegal name.",
		-6: "Connection rejected, name not unique.", -7: "Connection rejected, client library incompatible.",
		-8: "Connection closed by Spread.", -9: "Connection rejected, authentication failed.",
		-11: "Illegal session.", -12: "Illegal service.", -13: "Illegal message.", -14: "Illegal group.",
		-15: "Buffer too short.", -16: "Groups list too short.", -17: "Message too large.",
		-18: "Network error on session.", -20: "Illegal time.", -99: "Error code -99.",
	} {
		if got := errorText(code); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
}

func TestBurstPayload(t *testing.T) {
	for size, want := range map[int]string{
		0: "", 4: "mess", 12: "mess num 70 ", 14: "mess num 70 ab", 40: "mess num 70 abcdefghijklmnopqrstuvwxyzab",
	} {
		if got := string(burstPayload(70, size)); got != want {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
	if n := len(burstPayload(1, maxShown)); n != maxShown {
		t.Errorf("the largest has %d bytes", n)
	}
}

func opts(name, address string) options {
	return options{Options: client.Options{Name: name, Address: address}}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args string
		want options
	}{
		{"", opts("user", "4803")},
		{"-u me -s 4804@host", opts("me", "4804@host")},
		{"-user me -server 4804", opts("me", "4804")},
		{"-r", opts("", "4803")},
		{"-r -u x", opts("x", "4803")},
		{"-u twelve-chars", opts("twelve-cha", "4803")},
		{"-json -n ann -p secret", options{Options: client.Options{Name: "user", Address: "4803", User: "ann", Password: "secret"}, json: true}},
		{"-s -r", opts("user", "-r")},
	} {
		got, err := parse(strings.Fields(test.args))
		got.set = nil
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, %v; want %+v", test.args, got, err, test.want)
		}
	}
	if _, err := parse([]string{"-help", "-x"}); !errors.Is(err, flags.ErrHelp) {
		t.Errorf("-help -x: %v", err)
	}
	for _, args := range []string{"-x", "u", "-", "-u", "-s", "-n", "-p", "-n ann", "-p secret", "logs"} {
		if got, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q: %+v", args, got)
		}
	}
	if _, err := parse([]string{""}); err == nil {
		t.Error("an empty argument is accepted")
	}
}

// TestPlainConsole: lines come as they are, the last with or without newline.
func TestPlainConsole(t *testing.T) {
	long := strings.Repeat("x", maxInput+1)
	c := newPlainConsole(strings.NewReader("one\r\n\n"+long+"\nlast"), io.Discard)
	defer c.Close()
	for i, want := range []inputLine{
		{"one\r\n", nil}, {"\n", nil}, {long[:maxInput], nil}, {"last", nil}, {"", io.EOF}, {"", io.EOF},
	} {
		c.Ask("")
		if got := <-c.Lines(); got.Text != want.Text || !errors.Is(got.Err, want.Err) {
			t.Errorf("line %d: %.20q, %v; want %.20q, %v", i, got.Text, got.Err, want.Text, want.Err)
		}
	}
	failing := newPlainConsole(io.MultiReader(strings.NewReader("half"), failingReader{}), io.Discard)
	defer failing.Close()
	failing.Ask("")
	if got := <-failing.Lines(); !errors.Is(got.Err, io.ErrNoProgress) {
		t.Errorf("a line that cannot be read: %+v", got)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// TestControl: what publishers and log hosts say to each other is skipped, unless -raw shows it.
func TestControl(t *testing.T) {
	control := message(spread.Agreed, "\xffLC\x01\x01question")
	for _, raw := range []bool{false, true} {
		p := &program{raw: raw, sess: &queued{events: []spread.Event{control, message(spread.Agreed, "line")}}}
		ev, err := p.next(t.Context())
		if m, ok := ev.(*spread.Message); err != nil || !ok || (m == control) != raw {
			t.Errorf("raw is %v: received %v, %v", raw, ev, err)
		}
	}
}

// queued is a connection with events.
type queued struct {
	connection
	events []spread.Event
}

func (q *queued) Receive(context.Context) (spread.Event, error) {
	ev := q.events[0]
	q.events = q.events[1:]
	return ev, nil
}
