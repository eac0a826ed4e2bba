package logpub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/chain"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/receipts"
)

// ErrNotSent means that lines were left when the time to stop was over, and are lost. Run wraps it with their number.
var ErrNotSent = errors.New("lines were not sent")

// hangTime bounds how long a source may still take once it was told to stop. All need less, unless a system
// call does not return, as with a network file system whose server is down.
const hangTime = 5 * time.Second

// maxSlots is how many slots a spool directory has for the processes that share it: a process uses one
// or two.
const maxSlots = 64

// Publisher is a running logpub.
type Publisher struct {
	cfg      Config
	epochs   epochs
	epoch    uint64       // of lines that have none of their own
	chain    *chain.Chain // nil without a directory for it
	queue    *queue.Queue
	sender   sender
	count    counters
	audience audience
	asked    fsutil.Latest[askedQueue]
	full     atomic.Pointer[map[string]bool] // lists of groups that have more than their share of the spool; nil for none

	targetsMu sync.Mutex
	targets   map[string]*destination // by their groups, with spaces between
	// groups are the counters of destinations, in the order in which these were made. otherGroups counts for all
	// destinations beyond MaxGroupStats.
	groups      []*groupCount
	otherGroups groupCount
	intakes     []*Intake
	followed    map[string]bool // paths of files that are inputs, or of an input with a pattern

	cutting chan string // inputs that have cut a line for the first time, by name
}

// New checks the configuration. It does not connect.
func New(cfg Config) (*Publisher, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg: cfg,
		queue: queue.New(queue.Config{
			Lines: true, Origin: queue.Origin{Publisher: cfg.Publisher}, LimitBytes: cfg.QueueBytes,
			Spool: cfg.Spool, Slots: maxSlots, SpoolBytes: cfg.SpoolBytes, SpoolAfter: cfg.SpoolAfter, LateAcks: cfg.Delivery == Written,
			DropOldest: cfg.Policy == DropOldest, Report: cfg.Log, CheckGroups: checkGroups, Disk: cfg.Disk, Open: cfg.open,
		}),
		targets: make(map[string]*destination),
		cutting: make(chan string, 16),
	}
	p.epoch = p.epochs.next()
	client, err := newClient(&p.cfg)
	if err != nil {
		return nil, fmt.Errorf("logpub: %w", err)
	}
	p.sender = sender{
		p: p, client: client, connected: make(chan struct{}, 1), due: make(chan struct{}, 1), tidies: make(chan struct{}, 1), quiet: make(chan struct{}),
		book: receiptBook{pending: receipts.NewPending(cfg.Acks)},
	}
	return p, nil
}

// Run publishes the lines of r until r or ctx ends. Then it sends what has been read, for at most [Config.DrainTimeout], and
// returns. It may be called once.
//
// The error is that of r, except io.EOF, or wraps [ErrNotSent]. Lines that were dropped because the queue was full are only
// counted, and lines that are left in the spool or in a file with a position are not an error. After ctx has ended,
// what Run has not taken from r stays there, if r has read deadlines or, on UNIX, is a file. Of another reader, a call of Read
// that does not return then is left behind, and what it reads is lost: pass a reader that nobody else uses.
func (p *Publisher) Run(ctx context.Context, r io.Reader) error {
	return p.RunInputs(ctx, Input{Source: NewStream(r)})
}

// Input is a source and where its lines go.
type Input struct {
	Source Source
	// Groups and Route are as in Config. If both are nil, those of the Config are used.
	Groups []string
	Route  *Route
	// VHost and VHostWord are as in Config. If both are zero, those of the Config are used.
	VHost     string
	VHostWord logline.VHostWord
	// Name is the name in Stats. Empty means the source's own (String).
	Name string
}

// CheckInput returns the error that RunInputs would return for an input.
func (p *Publisher) CheckInput(in Input) error {
	_, err := p.intake(in)
	return err
}

// intake returns the intake of an input.
func (p *Publisher) intake(in Input) (*Intake, error) {
	groups, route := in.Groups, in.Route
	if groups == nil {
		groups = p.cfg.Groups
		if route == nil {
			route = p.cfg.Route
		}
	}
	most, err := p.cfg.maxLine(groups, route)
	if err != nil {
		return nil, fmt.Errorf("logpub: %v: %w", in.Source, err)
	}
	i := &Intake{p: p, input: in, maxLine: min(most, p.cfg.MaxLine), form: logline.Form{VHost: in.VHost, Word: in.VHostWord}}
	if !i.form.Changes() {
		i.form = logline.Form{VHost: p.cfg.VHost, Word: p.cfg.VHostWord}
	}
	if err := i.form.Check(); err != nil {
		return nil, fmt.Errorf("logpub: %v: %w", in.Source, err)
	}
	if route == nil {
		i.to = p.target(groups)
		return i, nil
	}
	with := *route
	if with.Default == nil {
		with.Default = groups
	}
	i.router = p.newRouter(&with)
	return i, nil
}

// RunInputs is Run for any number of inputs. Each runs until it or ctx ends.
func (p *Publisher) RunInputs(ctx context.Context, inputs ...Input) error {
	intakes := make([]*Intake, len(inputs))
	for i, in := range inputs {
		var err error
		if intakes[i], err = p.intake(in); err != nil {
			return err
		}
	}
	p.targetsMu.Lock()
	p.intakes, p.followed = slices.Clone(intakes), make(map[string]bool)
	for _, in := range inputs {
		if f, ok := in.Source.(*File); ok {
			p.followed[f.path()] = true
		}
	}
	p.targetsMu.Unlock()
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()
	// Half of the time is for reading what is on its way, so that some is left for sending it.
	half := p.cfg.DrainTimeout / 2
	unwatch := context.AfterFunc(ctx, func() {
		_ = pause.For(sending, half)
		stopReading()
		_ = pause.For(sending, p.cfg.DrainTimeout-half)
		stopSending()
	})
	defer unwatch()

	if err := p.queue.OpenSpool(); err != nil {
		p.cfg.Log.Error("cannot open spool, keeping lines in memory; will keep retrying", slog.Any("error", err))
	}
	p.openChain()
	var wg sync.WaitGroup
	wg.Go(func() { p.tendChain(sending) })
	wg.Go(func() { p.sender.run(sending) })
	wg.Go(func() { p.report(sending.Done()) })
	wg.Go(func() { p.audience.run(sending, p) })
	wg.Go(func() { p.queue.Run(sending) })

	err := p.read(ctx, reading, inputs, intakes)
	p.queue.Finish()
	timeout := time.NewTimer(p.cfg.DrainTimeout)
	defer timeout.Stop()
	select {
	case <-p.queue.Drained():
	case <-p.sender.quiet:
	case <-timeout.C:
	case <-sending.Done():
	}
	stopSending()
	wg.Wait()
	return errors.Join(err, p.finish())
}

// read runs the sources until all have ended. Those that hang are left behind.
func (p *Publisher) read(ending, reading context.Context, inputs []Input, intakes []*Intake) error {
	type end struct {
		input int
		err   error
	}
	ended := make(chan end, len(inputs))
	for i, in := range intakes {
		in.ending, in.stop = ending.Done(), reading.Done()
		go func() { ended <- end{i, inputs[i].Source.Run(reading, in)} }()
	}
	errs := make([]error, len(inputs))
	running, stop := slices.Clone(intakes), reading.Done()
	var late <-chan time.Time
	for n := len(inputs); n > 0; {
		select {
		case e := <-ended:
			errs[e.input], running[e.input] = e.err, nil
			n--
		case <-stop:
			stop, late = nil, time.After(hangTime)
		case <-late:
			n = 0
		}
	}
	for i, in := range running {
		if in != nil {
			in.leave()
			p.cfg.Log.Error("input does not end because a system call does not return; what it has not passed on comes again if it has a position",
				slog.Any("input", inputs[i].Source))
		}
	}
	return errors.Join(errs...)
}

// finish saves what has not been sent, and counts it as dropped if it cannot be saved.
func (p *Publisher) finish() (err error) {
	p.queue.Save()
	p.sender.endMoves()
	for _, g := range p.sender.unheard() {
		p.cfg.Log.Warn("no log host acknowledges lines; they are left", slog.String("groups", g.Groups), slog.Int64("lines", g.Lines),
			slog.String("in", cmp.Or(p.cfg.Spool, "memory")))
	}
	if n := p.queue.Stats().SpoolLines; n > 0 {
		p.cfg.Log.Warn("lines left in spool for the next start", slog.Int64("lines", n))
	}
	p.targetsMu.Lock()
	intakes := slices.Clone(p.intakes)
	p.targetsMu.Unlock()
	for _, in := range intakes {
		if s, ok := in.input.Source.(positioned); ok && !in.left.Load() && !s.finish() {
			p.queue.Forsake()
		}
	}
	if p.chain != nil {
		if err := p.chain.Close(); err != nil {
			p.chainFailed(err)
		}
	}
	err = p.queue.Close()
	if lost, ok := errors.AsType[*queue.LostError](err); ok {
		err = fmt.Errorf("logpub: %w: %d left after %v; is the daemon at %q up?", ErrNotSent, lost.Lines, p.cfg.DrainTimeout, p.cfg.Address)
	} else if err != nil {
		p.cfg.Log.Error("cannot close spool", slog.Any("error", err))
		err = nil
	}
	if n := p.queue.Stats().Kept; n > 0 {
		p.cfg.Log.Warn("unsent lines wait in their files for the next start", slog.Int64("lines", n))
	}
	p.logStats("stopped")
	return err
}
