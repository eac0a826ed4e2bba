package spread_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// A chat that survives restarts of the daemon. Lines that others say while the client is not
// connected are missing, and the program knows when that is.
func ExampleClient_chat() {
	daemon := spreadtest.New("alpha") // replaces a spreadd, so that the example runs anywhere
	defer daemon.Close()

	ctx := context.Background()
	alice, err := spread.NewClient([]string{"4803", "4803@backup"}, spread.WithName("alice"), spread.WithDialer(daemon.Dial))
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	if err := alice.Join(ctx, "chat"); err != nil {
		log.Fatal(err)
	}
	said := 0
	for event, err := range alice.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch e := event.(type) {
		case *spread.Joined:
			if said == 0 {
				fmt.Println("welcome,", e.PrivateGroup)
			} else {
				fmt.Println("back again; something may be missing here")
			}
			if err := alice.Multicast(ctx, spread.Agreed, 0, []byte("hello"), "chat"); err != nil {
				log.Fatal(err)
			}
		case *spread.Message:
			fmt.Printf("%s: %s\n", e.Sender, e.Payload)
			if said++; said == 2 {
				return
			}
			daemon.SetDown(true)
			daemon.SetDown(false)
		case *spread.Disconnected:
			fmt.Println("the daemon has gone away")
		}
	}
	// Output:
	// welcome, #alice#alpha
	// #alice#alpha: hello
	// the daemon has gone away
	// back again; something may be missing here
	// #alice#alpha: hello
}

// A leader among the members of a group: the first one in the list, which is the same for all. When
// the network splits, each part has a leader of its own.
func ExampleClient_leader() {
	daemon := spreadtest.New("alpha") // replaces a spreadd, so that the example runs anywhere
	defer daemon.Close()

	ctx := context.Background()
	var members []*spread.Client
	defer func() {
		for _, c := range members {
			c.Close()
		}
	}()
	for _, name := range []string{"a", "b", "c"} {
		c, err := spread.NewClient([]string{"4803"}, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(daemon.Dial))
		if err != nil {
			log.Fatal(err)
		}
		if err := c.Join(ctx, "service"); err != nil {
			log.Fatal(err)
		}
		members = append(members, c)
		for len(viewOf(c).Members) < len(members) {
			if _, err := c.Receive(ctx); err != nil {
				log.Fatal(err)
			}
		}
	}

	c := members[2]
	fmt.Println("led by", viewOf(c).Members[0])
	for _, other := range members[:2] {
		if err := other.Close(); err != nil {
			log.Fatal(err)
		}
		for before := len(viewOf(c).Members); len(viewOf(c).Members) == before; {
			if _, err := c.Receive(ctx); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println("led by", viewOf(c).Members[0])
	}
	if viewOf(c).Index == 0 {
		fmt.Println("this client leads")
	}
	// Output:
	// led by #a#alpha
	// led by #b#alpha
	// led by #c#alpha
	// this client leads
}

// viewOf returns the members of the group of [ExampleClient_leader]. Without a connection there are
// none, so that a client that is cut off does not take itself for the leader.
func viewOf(c *spread.Client) spread.View {
	v, _ := c.View("service")
	return v
}

// worker takes jobs from a group. All workers receive the same jobs, results and memberships in the
// same order, so each knows without asking who does what.
type worker struct {
	client *spread.Client
	open   []string // jobs without a result, in order
	mine   []string // jobs that this worker has taken
}

// handle takes each open job whose number falls on this worker. When a worker is gone, its jobs
// fall on those who are left.
func (w *worker) handle(event spread.Event) {
	if m, ok := event.(*spread.Message); ok {
		word, job, _ := strings.Cut(string(m.Payload), " ")
		if word == "job" {
			w.open = append(w.open, job)
		} else {
			w.open = slices.DeleteFunc(w.open, func(open string) bool { return open == job })
		}
	}
	view, ok := w.client.View("jobs")
	if !ok {
		return
	}
	for _, job := range w.open {
		number := int(job[len(job)-1] - '0')
		if number%len(view.Members) == view.Index && !slices.Contains(w.mine, job) {
			w.mine = append(w.mine, job)
		}
	}
}

// A queue of work that is shared by the members of a group, without a server that hands it out. A
// job whose worker disappears is done by another one. A worker that has been away asks for the open
// jobs (not shown).
func ExampleClient_workQueue() {
	daemon := spreadtest.New("alpha") // replaces a spreadd, so that the example runs anywhere
	defer daemon.Close()

	ctx := context.Background()
	start := func(name string) *worker {
		c, err := spread.NewClient([]string{"4803"}, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(daemon.Dial))
		if err != nil {
			log.Fatal(err)
		}
		if err := c.Join(ctx, "jobs"); err != nil {
			log.Fatal(err)
		}
		return &worker{client: c}
	}
	until := func(w *worker, done func(view spread.View) bool) {
		for {
			event, err := w.client.Receive(ctx)
			if err != nil {
				log.Fatal(err)
			}
			w.handle(event)
			if view, ok := w.client.View("jobs"); ok && done(view) {
				return
			}
		}
	}
	say := func(w *worker, words ...string) {
		for _, text := range words {
			if err := w.client.Multicast(ctx, spread.Agreed, 0, []byte(text), "jobs"); err != nil {
				log.Fatal(err)
			}
		}
	}

	ann, bob := start("ann"), start("bob")
	defer ann.client.Close()
	until(ann, func(v spread.View) bool { return len(v.Members) == 1 })
	until(bob, func(v spread.View) bool { return len(v.Members) == 2 })
	until(ann, func(v spread.View) bool { return len(v.Members) == 2 })

	say(ann, "job 0", "job 1", "job 2", "job 3")
	until(ann, func(spread.View) bool { return len(ann.open) == 4 })
	until(bob, func(spread.View) bool { return len(bob.open) == 4 })
	fmt.Println("ann:", ann.mine)
	fmt.Println("bob:", bob.mine)

	say(bob, "done 1") // and then it breaks down
	until(ann, func(spread.View) bool { return len(ann.open) == 3 })
	if err := bob.client.Close(); err != nil {
		log.Fatal(err)
	}
	until(ann, func(v spread.View) bool { return len(v.Members) == 1 })
	fmt.Println("ann:", ann.mine)
	// Output:
	// ann: [0 2]
	// bob: [1 3]
	// ann: [0 2 3]
}
