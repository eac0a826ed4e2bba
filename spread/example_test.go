package spread_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// daemon replaces a spreadd, so that the examples run anywhere. Programs omit the option.
func daemon() (option spread.Option, stop func()) {
	d := spreadtest.New("alpha")
	return spread.WithDialer(d.Dial), d.Close
}

// A program joins a group, sends a message to it, and receives its own message.
func Example() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	conn, err := spread.Dial(ctx, "4803", spread.WithName("alice"), viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	if err := conn.Join(ctx, "chat"); err != nil {
		log.Fatal(err)
	}
	if err := conn.Multicast(ctx, spread.Agreed, 1, []byte("hello"), "chat"); err != nil {
		log.Fatal(err)
	}
	for event, err := range conn.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if m, ok := event.(*spread.Message); ok {
			fmt.Printf("%s says %q\n", m.Sender, m.Payload)
			break
		}
	}
	// Output: #alice#alpha says "hello"
}

// The name of a connection is unique on its daemon.
func ExampleDial() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	first, err := spread.Dial(ctx, "4803", spread.WithName("alice"), viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer first.Close()

	_, err = spread.Dial(ctx, "4803", spread.WithName("alice"), viaTest)
	if errors.Is(err, spread.ErrRejectNotUnique) {
		fmt.Println(err)
	}
	// Without a name, the daemon chooses one.
	second, err := spread.Dial(ctx, "4803", viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer second.Close()
	fmt.Println(second.PrivateGroup())
	// Output:
	// spread: dial "4803": connection rejected: name not unique on this daemon
	// #r1#alpha
}

// Membership messages show who is in a group, and why that changed.
func ExampleMembership() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	alice, err := spread.Dial(ctx, "4803", spread.WithName("alice"), spread.WithMembership(true), viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	bob, err := spread.Dial(ctx, "4803", spread.WithName("bob"), viaTest)
	if err != nil {
		log.Fatal(err)
	}

	if err := alice.Join(ctx, "chat"); err != nil {
		log.Fatal(err)
	}
	for event, err := range alice.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		m, ok := event.(*spread.Membership)
		if !ok {
			continue
		}
		fmt.Println(m.Cause, m.Changed, m.Members)
		switch {
		case m.Cause == spread.CauseJoin && m.Changed == alice.PrivateGroup():
			err = bob.Join(ctx, "chat")
		case m.Cause == spread.CauseJoin:
			err = bob.Close()
		case m.Cause == spread.CauseDisconnect:
			return
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// join #alice#alpha [#alice#alpha]
	// join #bob#alpha [#alice#alpha #bob#alpha]
	// disconnect #bob#alpha [#alice#alpha]
}

// strangers returns the members of a new view that have not received the same messages as this one:
// they have joined, or come from another part of the network. The members of this one's own virtual
// synchrony set need nothing, because they have delivered the same messages in the same order.
func strangers(m *spread.Membership) []string {
	switch m.Cause {
	case spread.CauseJoin:
		return []string{m.Changed}
	case spread.CauseNetwork:
		var all []string
		for _, set := range m.Sets {
			if !set.Own {
				all = append(all, set.Members...)
			}
		}
		return all
	case spread.CauseLeave, spread.CauseDisconnect, spread.Transitional, spread.SelfLeave:
	}
	return nil
}

// Members that build a state from the group's messages send it only to members that cannot have it.
// The virtual synchrony sets show which those are.
func ExampleVSSet() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	alice, err := spread.Dial(ctx, "4803", spread.WithName("alice"), spread.WithMembership(true), viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	bob, err := spread.Dial(ctx, "4803", spread.WithName("bob"), viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()

	if err := alice.Join(ctx, "state"); err != nil {
		log.Fatal(err)
	}
	for event, err := range alice.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		m, ok := event.(*spread.Membership)
		if !ok || !m.Regular() {
			continue
		}
		if m.Changed != alice.PrivateGroup() {
			fmt.Println("join:", strangers(m), "in a set of", len(m.Sets[0].Members))
			break
		}
		if err := bob.Join(ctx, "state"); err != nil {
			log.Fatal(err)
		}
	}

	// When two parts of a network meet, the view has a set for each.
	merge := &spread.Membership{
		Group:   "state",
		Cause:   spread.CauseNetwork,
		Members: []string{"#alice#alpha", "#bob#alpha", "#carol#beta", "#dave#gamma"},
		Sets: []spread.VSSet{
			{Own: true, Members: []string{"#alice#alpha", "#bob#alpha"}},
			{Members: []string{"#carol#beta", "#dave#gamma"}},
		},
	}
	fmt.Println("merge:", strangers(merge))
	// Output:
	// join: [#bob#alpha] in a set of 1
	// merge: [#carol#beta #dave#gamma]
}

// A publisher need not be a member. It flushes to know that the kernel has its messages.
func ExampleConn_Multicast() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	conn, err := spread.Dial(ctx, "4803", viaTest)
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range []string{"one", "two"} {
		if err := conn.Multicast(ctx, spread.Reliable, 0, []byte(line), "weblogs", "audit"); err != nil {
			log.Fatal(err)
		}
	}
	if err := conn.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	err = conn.Multicast(ctx, spread.Reliable|spread.Safe, 0, nil, "weblogs")
	fmt.Println(err)
	fmt.Println(conn.Close())
	// Output:
	// spread: multicast: illegal service: RELIABLE|SAFE: want exactly one service, with or without SelfDiscard
	// <nil>
}

// A consumer that works in batches reuses one message, and ends a batch when nothing more has
// arrived.
func ExampleConn_ReceiveInto() {
	viaTest, stop := daemon()
	defer stop()

	ctx := context.Background()
	conn, err := spread.Dial(ctx, "4803", viaTest)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for i := range 3 {
		if err := conn.Multicast(ctx, spread.FIFO, int16(i), []byte("to myself"), conn.PrivateGroup()); err != nil {
			log.Fatal(err)
		}
	}

	var (
		message spread.Message
		bytes   int
	)
	for range 3 {
		event, err := conn.ReceiveInto(ctx, &message)
		if err != nil {
			log.Fatal(err)
		}
		if event == &message {
			bytes += len(message.Payload)
		}
		if !conn.Ready() {
			continue // here the batch would be written out
		}
	}
	fmt.Println(bytes, "bytes")
	// Output: 27 bytes
}
