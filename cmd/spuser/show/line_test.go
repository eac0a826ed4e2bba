package show

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
)

// TestHostileRecording: nothing that a file says reaches the terminal as a control character or looks
// like another line, words of spuser itself included.
func TestHostileRecording(t *testing.T) {
	const bad = "\x1b[2J\nx"
	for _, kind := range []string{
		recording.Message, recording.Membership, recording.Start, recording.Connected, recording.Disconnected,
		"rejected", "notice", "slow", "error", bad,
	} {
		e := recording.Event{
			Event: kind, Service: bad, Sender: bad, Groups: []string{bad}, Group: bad, Cause: bad, ID: &[3]uint32{1, 2, 3},
			Members: []string{bad}, Changed: bad, Daemon: bad, PrivateGroup: bad, Request: bad, Text: bad,
		}
		if got := new(Printer).Event(&e); strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") {
			t.Errorf("%q is shown as %q", kind, got)
		}
	}
}
