package daemon

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// TestFullRing: messages that a full ring refuses are kept in order until it accepts them. In this
// test the ring has not started when they arrive.
func TestFullRing(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	for _, l := range d.listeners {
		go func() { served <- d.sessions.Serve(l.Listener) }()
	}
	c := connect(t, d, 1, "bob", 0)
	c.write(c.request(wire.Join, nil, "grp"))
	const count = ring.DefaultQueueMessages + 100
	go func() {
		for i := range count {
			b := c.request(wire.Agreed, binary.BigEndian.AppendUint32(nil, uint32(i)), "grp")
			if _, err := c.conn.Write(b); err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
		}
	}()
	for d.owner.held == nil {
		d.owner.take(<-d.sessions.Inbox())
	}
	if d.owner.engine.Accepting() {
		t.Error("a batch is held though the ring accepts")
	}
	d.owner.engine.Start(d.owner.moment(), 1000, &d.owner.out)
	d.owner.carryOut()
	b := d.owner.held
	d.owner.held = nil
	d.owner.take(b)
	for got := 0; got < count; {
		select {
		case b := <-d.sessions.Inbox():
			d.owner.take(b)
		default:
		}
		if d.Stats().Sessions.Queued > int64(got) {
			if n := binary.BigEndian.Uint32(c.message().Payload); n != uint32(got) {
				t.Fatalf("message %d arrives in place %d", n, got)
			}
			got++
		}
	}
	if n := d.Stats().Submitted; n[0] != count+1 {
		t.Errorf("outcomes %v, want %d accepted", fmt.Sprint(n), count+1)
	}
	if err := d.sessions.Close(0); err != nil {
		t.Error(err)
	}
	for range d.listeners {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	for _, c := range d.owner.clients {
		d.sessions.End(c.Session)
	}
	if n := d.pool.Out(); n != 0 {
		t.Errorf("%d blocks were not given back", n)
	}
	d.removeSockets()
}
