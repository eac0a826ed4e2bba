package wire

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// FuzzNotice decodes what a daemon could send as the payload of a notice. What is decoded, and fits,
// comes out of a message of its own again.
func FuzzNotice(f *testing.F) {
	for _, n := range []Notice{
		{Kind: NoticeChange, Value: 18_000, Text: []byte("h3 left: stopped in order, 18 ms, nothing lost")},
		{Kind: NoticeSlow, Value: 56 << 20, Limit: 64 << 20, Text: []byte("you do not read")},
		{Kind: NoticeEnding, Cause: EndingShutdown},
		{Kind: 200, Value: -1, Limit: -1, Text: []byte(strings.Repeat("long", MaxNotice))},
	} {
		var m Message
		if _, err := m.Decode(n.Message()); err != nil {
			f.Fatal(err)
		}
		if !m.IsNotice() {
			f.Errorf("%+v is no notice", m)
		}
		f.Add(m.Payload)
	}
	f.Add([]byte{noticeVersion})
	f.Add(append([]byte{noticeVersion + 1}, make([]byte, noticeLen)...))
	blind.Fuzz(f, func(t *testing.T, payload []byte) {
		var n Notice
		checkAllocs(t, func() error { return n.Decode(payload) })
		if err := n.Decode(payload); err != nil {
			checkFailure(t, err, payload)
			return
		}
		var m Message
		if _, err := m.Decode(n.Message()); err != nil {
			t.Fatal(err)
		}
		if len(m.Payload) > MaxNotice {
			t.Errorf("a payload of %d bytes", len(m.Payload))
		}
		var again Notice
		if err := again.Decode(m.Payload); err != nil {
			t.Fatal(err)
		}
		text := n.Text[:min(len(n.Text), MaxNotice-noticeLen)]
		if again.Kind != n.Kind || again.Cause != n.Cause || again.Value != n.Value || again.Limit != n.Limit || string(again.Text) != string(text) {
			t.Errorf("%+v became %+v", n, again)
		}
	})
}

// FuzzNoticeRequest finds requests for notices among whole messages of clients.
func FuzzNoticeRequest(f *testing.F) {
	request := NoticeRequest(MakeName("#a#x"))
	f.Add(request)
	f.Add(request[:HeaderLen])
	seed(f, unitMessage, func(u *unit) { f.Add(u.raw) })
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var m Message
		n, err := m.Decode(b)
		if err != nil {
			return
		}
		h := m.Header
		if IsNoticeRequest(&h, b[:n]) && (m.NumGroups != 1 || Name(m.GroupFields).Clean() != NoticeGroup()) {
			t.Errorf("%+v asks for notices", m)
		}
	})
}

// TestNoticeRequest: the request of a client is seen as one, and no message to another group is.
func TestNoticeRequest(t *testing.T) {
	b := NoticeRequest(MakeName("#a#x"))
	var h Header
	if err := h.Decode(b); err != nil {
		t.Fatal(err)
	}
	if !IsNoticeRequest(&h, b) {
		t.Error("the request is not seen")
	}
	copy(b[HeaderLen:], "#noticed#")
	if IsNoticeRequest(&h, b) {
		t.Error("a message to another group is seen as a request")
	}
}
