package daemon

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
)

// owner is the state of the goroutine that runs the engine. No other goroutine touches it once Run
// has begun.
type owner struct {
	*shared

	// cfg is the configuration of the ring that is installed now.
	cfg Config
	// next is the configuration that was accepted last. It takes effect with the next ring.
	next Config
	// start is the zero of the daemon's monotonic clock.
	start time.Time

	// engine decides everything that the daemon does.
	engine *engine.Engine
	// out receives the effects of each step and is empty between steps.
	out engine.Effects
	// ring holds the sockets of the ring. It is nil for a daemon that runs without a ring address.
	ring *transport.Transport
	// sealer seals the ring's datagrams. It is nil for a daemon without a ring address.
	sealer *transport.Sealer
	// past holds the counters of sockets that a reload has closed.
	past transport.Stats

	// clients holds the sessions that the engine knows.
	clients map[engine.SessionID]*client
	// touched lists the clients with staged messages.
	touched []*client
	// slow lists the clients that have exceeded their bound in this step.
	slow []*client

	// shedding is the client that was disconnected last because all together have too much waiting.
	shedding *session.Session

	// held is a batch of which the ring has not accepted all messages yet.
	held *session.Batch
	// heldToken is a token that waits for receivers that are behind.
	heldToken *transport.Datagrams
	// pacing decides for how long publishers and the ring wait for receivers.
	pacing pacing
	// wait says who waits in this turn of the loop.
	wait pause

	// forming watches for how long there is no ring.
	forming forming
	// history is what is remembered of the past.
	history history
	// lastSummary is what monitors were answered last.
	lastSummary lastSummary
	// ids keeps the times of ids for the daemon's next life.
	ids idFile
	// refused remembers which refused datagrams the log has reported.
	refused refused
	// reportEvery is the time between two such reports.
	reportEvery time.Duration
	// former is the configuration before the last reload that changed it, or nil. It has the names
	// of daemons that were taken out.
	former *topology.Topology
	// monitors bounds what monitors may ask for.
	monitors monitors
	// origins are the dues of clients that come from one place.
	origins originDues
	// rejects counts the messages that went back to their senders, which monitors see as delivered.
	rejects uint64
	// killed is true when a monitor has stopped this daemon.
	killed bool
	// fatal is the error that keeps the daemon from running on, or nil.
	fatal error
}

// client is the owner's view of a session.
type client struct {
	*session.Session
	// id is the number by which the engine knows the session.
	id engine.SessionID
	// budget is for how long publishers may still wait for this client.
	budget budget
	// moved is when the client was last seen to have taken something.
	moved clock.Time
	// touched is true while the client is listed in owner.touched.
	touched bool
	// rights are what the client may do, and forbidden is true once that was not enough, which was logged.
	rights    *access.Rights
	forbidden bool
	// joinsRejected is true once a join was rejected because of a bound, which was logged.
	joinsRejected bool
	// dues are what its joins and leaves have cost, and delayed is true once it had to wait for that,
	// which was logged.
	dues    dues
	delayed bool
	// from pays for what its end and its leaves cost, and stake is about what its end would cost.
	from  origin
	stake int64
	// slow is true once the client is being disconnected because it does not read, and cause is the
	// limit that it reached while waited was queued.
	slow   bool
	cause  string
	waited session.Waiting
}

// init makes the owner of a daemon.
func (o *owner) init(s *shared, cfg Config) (err error) {
	ecfg := cfg.Engine
	ecfg.Pool, ecfg.Seed = &s.pool, rand.Uint64()
	o.shared = s
	o.cfg = cfg
	o.clients, o.origins = make(map[engine.SessionID]*client), make(originDues)
	o.pacing = pacing{grace: cfg.Grace, ringGrace: cfg.ringGrace()}
	o.reportEvery = refusedInterval
	o.engine, err = engine.New(ecfg)
	return err
}

// resume has the engine make ids above those of the daemon's former lives.
func (o *owner) resume() {
	var last int32
	o.ids, last = openIDs(&o.cfg, o.log)
	o.engine.Resume(last)
}

// begin starts the clock and the engine.
func (o *owner) begin() {
	o.start = time.Now()
	o.history.configured = o.start
	o.history.sample(o)
	now, wall := o.now()
	o.forming.changed(now, false, &o.cfg.Engine.Timeouts)
	o.engine.Start(now, wall, &o.out)
	o.carryOut()
}

// leave tells the other daemons that this one stops, so that they need not wait for its token.
func (o *owner) leave() {
	if o.cfg.Linger > 0 {
		o.engine.Stop(o.moment(), &o.out)
		o.send(o.out.Sends)
	}
}

// close closes the sockets of the ring and returns all blocks, after all sessions have ended.
func (o *owner) close() (err error) {
	if o.ring != nil {
		err = o.ring.Close()
	}
	for _, c := range o.clients {
		o.sessions.End(c.Session)
	}
	if o.held != nil {
		o.held.Done()
	}
	if o.heldToken != nil {
		o.heldToken.Done()
	}
	return errors.Join(err, o.ids.close())
}

// now returns the time on the daemon's monotonic clock, which is never zero, and the wall clock in
// seconds since 1970.
func (o *owner) now() (now clock.Time, wall int32) {
	t := time.Now()
	return clock.Time(t.Sub(o.start)) + 1, int32(t.Unix())
}

// moment is now without the wall clock.
func (o *owner) moment() clock.Time { return clock.Time(time.Since(o.start)) + 1 }
