package daemon

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// TestIdleMemory: 10,000 idle clients take less than 100 MB.
func TestIdleMemory(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector needs memory of its own for each client")
	}
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
	var perClient int64
	testkit.Wait(t, "the joins are answered, and the stacks of the clients have shrunk", func() bool {
		if !d.call(func(o *owner) { o.sessions.Reclaim() }) {
			t.Fatal("the daemon has stopped")
		}
		perClient = (int64(used()) - int64(before)) / count
		return perClient <= each
	})
	t.Logf("%d bytes for a client, of them %d pooled", perClient, d.pool.OutBytes()/count)
	runtime.KeepAlive(clients)
}
