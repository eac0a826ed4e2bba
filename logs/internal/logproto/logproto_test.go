package logproto

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// message is one of Ask, Ack and Hello.
type message interface {
	Append(b []byte) []byte
	Decode(body []byte) error
}

func newMessage(k Kind) message {
	switch k {
	case KindAsk:
		return &Ask{}
	case KindAck:
		return &Ack{}
	case KindHello:
		return &Hello{}
	}
	return nil
}

// TestPublisher: a daemon finds the name of the publisher in all messages that have one, so that nobody
// can send one past its rules.
func TestPublisher(t *testing.T) {
	const name = "web1.example"
	header := envelope.Header{Publisher: name, Epoch: 1, Seq: 1}
	lines := append(header.Append(nil), "line\n"...)
	ask := (&Ask{Publisher: name, Number: 1, Epochs: []Epoch{{Epoch: 1}}}).Append(nil)
	for _, message := range [][]byte{lines, ask} {
		if got, claims := envelope.Publisher(message); string(got) != name || !claims {
			t.Errorf("%q: publisher %q, %v", message, got, claims)
		}
		for n := range message {
			got, claims := envelope.Publisher(message[:n])
			if claims && len(got) > 0 && string(got) != name {
				t.Errorf("%q: publisher %q", message[:n], got)
			}
			var h envelope.Header
			var a Ask
			_, err := h.Decode(message[:n])
			kind, body, serr := Split(message[:n])
			if isAsk := serr == nil && kind == KindAsk && a.Decode(body) == nil; (err == nil || isAsk) && string(got) != name {
				t.Errorf("%q: publisher %q, %v", message[:n], got, claims)
			}
		}
		for i := range 4 { // another version, whose publisher cannot be read, or another kind of message
			other := bytes.Clone(message)
			other[i]++
			if got, claims := envelope.Publisher(other); len(got) > 0 || claims != (i == 3) {
				t.Errorf("%q: publisher %q, %v", other, got, claims)
			}
		}
	}
	for _, m := range []message{&Ack{Host: name, Instance: 7}, &Hello{Host: name, Instance: 1, Address: "h:1"}} {
		if got, claims := envelope.Publisher(m.Append(nil)); claims {
			t.Errorf("%T: publisher %q", m, got)
		}
	}
}

// TestGolden holds the bytes: programs of other versions read them.
func TestGolden(t *testing.T) {
	const head = "ff4c4301"
	for _, tt := range []struct {
		m    message
		want string
	}{
		{
			&Ask{Publisher: "w", Number: 300, Epochs: []Epoch{
				{Epoch: 5, Ended: true, Streams: []Stream{{Stream: 0, Kept: 9, Next: 9}}},
				{Epoch: 6, Streams: []Stream{{Stream: 1, Kept: 0, Next: 2}, {Stream: math.MaxUint32, Kept: math.MaxUint64, Next: math.MaxUint64}}},
			}},
			head + "01" + "0177" + "ac02" + "02" + "05" + "01" + "01" + "000900" +
				"06" + "00" + "02" + "010002" + "ffffffff0f" + "ffffffffffffffffff01" + "00",
		},
		{&Ask{Publisher: "w", Number: 1}, head + "01" + "0177" + "01" + "00"},
		{
			&Ack{Host: "log1", Instance: 7, Receipts: []Receipt{
				{Origin: envelope.Origin{Publisher: "w", Epoch: 5, Stream: 2}, Ask: 3, Until: 20, Spans: []envelope.Span{{First: 0, Last: 9}, {First: 11, Last: 11}}},
				{Origin: envelope.Origin{Publisher: "w", Epoch: 6, Stream: 2}, Spans: []envelope.Span{{First: 4, Last: math.MaxUint64}}},
				{Origin: envelope.Origin{Publisher: "x", Epoch: 1}, Ask: 1, Until: 1},
			}},
			head + "02" + "046c6f6731" + "07" + "03" + "0177" + "05" + "02" + "03" + "14" + "02" + "0009" + "0100" +
				"00" + "06" + "02" + "00" + "00" + "01" + "04" + "fbffffffffffffffff01" +
				"0178" + "01" + "00" + "01" + "01" + "00" + "00",
		},
		{&Ack{Host: "a", Instance: 7, Store: 300}, head + "02" + "0161" + "07" + "00" + "ac02"},
		{&Hello{Host: "log1", Instance: 128, Address: "h:1"}, head + "03" + "046c6f6731" + "8001" + "03683a31"},
		{&Hello{Host: "a"}, head + "03" + "0161" + "00" + "00"},
	} {
		b := tt.m.Append(nil)
		if got := hex.EncodeToString(b); got != tt.want {
			t.Errorf("%+v is %s, want %s", tt.m, got, tt.want)
		}
		kind, body, err := Split(b)
		if err != nil {
			t.Fatal(err)
		}
		// A later version may append fields.
		again := newMessage(kind)
		if err := again.Decode(append(slices.Clip(body), 1, 2, 3)); err != nil || !reflect.DeepEqual(again, tt.m) {
			t.Errorf("decoded as %+v, %v, want %+v", again, err, tt.m)
		}
		if ack, ok := tt.m.(*Ack); ok { // up to version 0.2.0 the store is missing
			last := len(binary.AppendUvarint(nil, ack.Store))
			if err := newMessage(kind).Decode(body[:len(body)-last]); err != nil {
				t.Errorf("an ack without a store: %v", err)
			}
			body = body[:len(body)-last]
		}
		for n := range body {
			if err := newMessage(kind).Decode(body[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%x without its last %d bytes: error %v", b, len(body)-n, err)
			}
		}
		if _, _, _, err := envelope.Split(b); !errors.Is(err, envelope.ErrControl) {
			t.Errorf("package envelope takes it for %v", err)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	for text, want := range map[string]error{
		"": ErrNone, "GET /\n": ErrNone, "\xffLP\x01": ErrNone, "\xffL": ErrNone,
		"\xffLC": ErrMalformed, "\xffLC\x01": ErrMalformed, "\xffLC\x02\x01": ErrVersion, "\xffLC\x01\x63": nil,
	} {
		if _, _, err := Split([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: error %v, want %v", text, err, want)
		}
	}
}

// TestBounds: a message at a limit is read, and one beyond it is not.
func TestBounds(t *testing.T) {
	origin := envelope.Origin{Publisher: "w"}
	spans := func(n int) (list []envelope.Span) {
		for i := range n {
			list = append(list, envelope.Span{First: 2 * uint64(i), Last: 2 * uint64(i)})
		}
		return list
	}
	receipts := func(n int) (list []Receipt) {
		for range n {
			list = append(list, Receipt{Origin: origin})
		}
		return list
	}
	for what, of := range map[string]func(more int) message{
		"epochs":   func(more int) message { return &Ask{Publisher: "w", Number: 1, Epochs: make([]Epoch, MaxEpochs+more)} },
		"receipts": func(more int) message { return &Ack{Host: "h", Receipts: receipts(MaxReceipts + more)} },
		"address":  func(more int) message { return &Hello{Host: "h", Address: strings.Repeat("a", MaxAddress+more)} },
		"name":     func(more int) message { return &Hello{Host: strings.Repeat("a", envelope.MaxPublisher+more)} },
		"streams": func(more int) message {
			return &Ask{Publisher: "w", Number: 1, Epochs: []Epoch{{Streams: make([]Stream, MaxStreams-1)}, {Streams: make([]Stream, 1+more)}}}
		},
		"spans": func(more int) message {
			return &Ack{Host: "h", Receipts: []Receipt{{Origin: origin, Spans: spans(1)}, {Origin: origin, Spans: spans(MaxSpans - 1 + more)}}}
		},
	} {
		for more, want := range []error{nil, ErrMalformed} {
			kind, body, err := Split(of(more).Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := newMessage(kind).Decode(body); !errors.Is(err, want) {
				t.Errorf("%s, %d too many: error %v, want %v", what, more, err, want)
			}
		}
	}
}

// FuzzDecode: what is decoded is what Append writes, apart from longer forms of numbers.
func FuzzDecode(f *testing.F) {
	f.Add((&Ask{Publisher: "w", Number: 1, Epochs: []Epoch{{Epoch: 1, Streams: []Stream{{1, 2, 3}}}}}).Append(nil))
	f.Add((&Ack{Host: "h", Receipts: []Receipt{{Origin: envelope.Origin{Publisher: "w"}, Ask: 1, Until: 9, Spans: []envelope.Span{{First: 1, Last: 2}}}}}).Append(nil))
	f.Add((&Hello{Host: "h", Address: "[::1]:4804"}).Append(nil))
	f.Add([]byte("\xffLC\x02\x01"))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		kind, body, err := Split(b)
		if err != nil {
			return
		}
		m := newMessage(kind)
		if m == nil || m.Decode(body) != nil {
			return
		}
		again, once := newMessage(kind), m.Append(nil)
		if err := again.Decode(once[len(head)+1:]); err != nil {
			t.Fatalf("%x became %x: %v", b, once, err)
		}
		if !bytes.Equal(again.Append(nil), once) {
			t.Errorf("%x became %x", once, again.Append(nil))
		}
	})
}
