package logsub

import (
	"testing"

	"github.com/spreadd/spreadd/logs/logpub"
)

// TestWrittenLostFiles: with acks = 2, lines that a log host had acknowledged before it lost its files are sent to it again, as long as
// the publisher has them.
func TestWrittenLostFiles(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) { c.Acks = 2 })
	one := h.start("log1", t.TempDir(), nil)
	h.send(300)
	h.want(one.file)
	one.end() // it acknowledges all
	one = h.start("log1", t.TempDir(), nil)
	h.want(one.file)
	if st := h.pub.Stats(); st.Sent != 0 {
		t.Errorf("%d lines are forgotten that one log host has", st.Sent)
	}
	two := h.start("log2", t.TempDir(), nil)
	h.want(two.file)
	h.wantSent()
	if err := h.close(); err != nil {
		t.Error(err)
	}
}
