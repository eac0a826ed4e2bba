package traffic

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/envelope"
)

// worstMemory is what doc.go states for the defaults, in bytes.
const worstMemory = 160 << 20

// TestMemory fills every table of the defaults to its bound with the longest of keys, and measures.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := newTraffic(t, Config{})
	long := strings.Repeat("x", 300)
	n := 0
	send := func(host, server, status int, page, agent string) {
		n++
		client := fmt.Sprintf("%d%s", n, long)
		l := fmt.Sprintf("h%d 1%s - %s [t] \"GET /%s HTTP/1.1\" %03d 1 \"-\" \"%s\"\n", host, client, long, page, status, agent)
		m.Message(start, "g", fmt.Sprintf("#a#server%d", server), []byte(l))
	}
	for host := range DefaultMaxVHosts {
		for i := range numStatus {
			send(host, i%(maxServers+5), i, fmt.Sprintf("%d%s", i, long), long)
		}
	}
	for i := range maxStreams {
		h := envelope.Header{Publisher: fmt.Sprintf("p%d", i)}
		for k := range envelope.MaxSpans {
			h.Seq = uint64(2 * k)
			m.Message(start, "g", "#a#b", append(h.Append(nil), '\n'))
		}
	}
	m.check(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d sessions, %d virtual hosts, %d streams: %d MiB", len(m.sessions.index), len(m.vhosts.index), len(m.streams.known), used>>20)
	if len(m.sessions.index) != DefaultMaxSessions || len(m.vhosts.index) != DefaultMaxVHosts || len(m.streams.known) != maxStreams || len(m.find([]byte("h0"), 0).pages.heap) != DefaultMaxPages {
		t.Error("a table is not full")
	}
	if used > worstMemory {
		t.Errorf("%d MiB are used, doc.go states %d MiB", used>>20, worstMemory>>20)
	}
	runtime.KeepAlive(m)
}
