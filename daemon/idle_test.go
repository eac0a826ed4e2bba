package daemon

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestIdleMemory: 10,000 idle clients take less than 100 MB.
func TestIdleMemory(t *testing.T) {
	const count, each = 1000, 10_000
	d := start(t, testConfig(t, "alpha", alphaID))
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	clients := make([]*rawClient, count)
	for i := range clients {
		clients[i] = connect(t, d, 1, fmt.Sprintf("c%d", i), wire.FlagMembership)
	}
	for i, c := range clients {
		c.join(fmt.Sprintf("g%d", i%10*100+i/10%100))
	}
	if !d.call(func(o *owner) { o.sessions.Reclaim() }) {
		t.Fatal("the daemon has stopped")
	}
	after := used()
	t.Logf("%d bytes for a client, of them %d pooled", (after-before)/count, d.pool.OutBytes()/count)
	if perClient := (after - before) / count; perClient > each {
		t.Errorf("%d bytes for an idle client, want at most %d", perClient, each)
	}
	runtime.KeepAlive(clients)
}
