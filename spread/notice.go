package spread

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Notice is what the daemon explains about this session or about the ring: an extension of spreadd,
// which C daemons do not have. It is sent only with [WithNotices].
type Notice struct {
	Kind NoticeKind
	// Text is one sentence for people, such as "h3 left: stopped in order, 18 ms, nothing lost".
	Text string
	// Took is how long a change took, and Lost is how many packets it lost.
	Took time.Duration
	Lost int64
	// Waiting is how many bytes wait for a slow client, and Limit is the bound at which the daemon
	// disconnects it.
	Waiting, Limit int64
}

func (*Notice) event() {}

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=NoticeKind -linecomment

// NoticeKind says what a [Notice] is about. Later versions may add kinds.
type NoticeKind uint8

// The kinds of notices.
const (
	// NoticeChange: daemons have joined or left the ring.
	NoticeChange = NoticeKind(wire.NoticeChange) // change
	// NoticeSlow: the daemon is about to disconnect this client, because it does not receive.
	NoticeSlow = NoticeKind(wire.NoticeSlow) // slow
	// NoticeEnding: the daemon ends this session.
	NoticeEnding = NoticeKind(wire.NoticeEnding) // ending
)

// noticeAge is for how long a notice about a session explains its end.
const noticeAge = time.Minute

// notice decodes a notice and remembers one that may explain the end of the session. It returns nil for
// a layout that is not known.
func (r *receiver) notice(payload []byte) *Notice {
	var w wire.Notice
	if w.Decode(payload) != nil {
		return nil
	}
	n := &Notice{Kind: NoticeKind(w.Kind), Text: string(w.Text)}
	switch n.Kind {
	case NoticeChange:
		n.Took, n.Lost = time.Duration(w.Value)*time.Microsecond, w.Limit
	case NoticeSlow:
		n.Waiting, n.Limit = w.Value, w.Limit
		r.reason, r.reasonAt = n.Text, time.Now()
	case NoticeEnding:
		r.reason, r.reasonAt = n.Text, time.Now()
	}
	return n
}

// explained adds to an error what the daemon said about the session shortly before.
func (r *receiver) explained(err error) error {
	if r.reason == "" || time.Since(r.reasonAt) > noticeAge {
		return err
	}
	return fmt.Errorf("%w; before that the daemon said: %s", err, r.reason)
}
