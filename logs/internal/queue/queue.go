package queue

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// Defaults of [Config].
const (
	// DefaultLimitBytes holds a second of 300,000 lines of 200 bytes.
	DefaultLimitBytes = 64 << 20
	// DefaultBatchLines is what a database takes in one transaction without a noticeable cost per transaction.
	DefaultBatchLines = 1000
	// DefaultBatchBytes makes the cost of a write small compared with that of its bytes.
	DefaultBatchBytes = 256 << 10
	// DefaultSpoolAfter avoids disk writes while lines are taken as they come.
	DefaultSpoolAfter = time.Second
	// linesBytes is the size of a block of whole lines: what a pipe holds, some 300 lines, and as many as may be sent
	// twice when a session ends. A small queue has smaller blocks.
	linesBytes    = 64 << 10
	minLinesBytes = 512
	// DefaultRetryLast retries soon enough for those who wait for a database, and rarely enough for its host.
	DefaultRetryLast = 30 * time.Second
)

// Config of a queue. The zero value has no spool and otherwise the defaults.
type Config struct {
	// Lines makes a queue for [Queue.PutLines]: blocks of whole lines. Otherwise it is one for [Queue.Put].
	Lines bool
	// Origin says who numbers the lines of a queue of Lines, and for whom.
	Origin Origin
	// Epoch is that of the entries of [Queue.Put]. Zero means a random one.
	Epoch uint64
	// LimitBytes bounds the lines in memory. Zero means DefaultLimitBytes.
	LimitBytes int
	// BatchLines and BatchBytes bound a block; one line always fits. Zero means the defaults. Blocks of a queue of
	// Lines have no bound in lines.
	BatchLines, BatchBytes int
	// BatchDelay is how long a line may wait for others to fill its block.
	BatchDelay time.Duration
	// Spool is the directory for lines that wait for longer. Empty means none.
	Spool string
	// Slots is how many processes may share Spool, each with a subdirectory of its own. Zero means that the
	// directory belongs to this queue alone.
	Slots int
	// SpoolBytes bounds what this queue has on disk. Zero means [spool.DefaultMaxBytes]. Queue and [Shelf] together may have
	// LimitBytes and a quarter of it more.
	SpoolBytes int64
	// SpoolAfter is the age, beyond BatchDelay, at which lines are written to the spool even though memory has
	// room. Zero means DefaultSpoolAfter; negative means at once. See [Queue.SaveSoon].
	SpoolAfter time.Duration
	// LateAcks has Run note in the spool what is delivered, so that nobody waits for a disk that hangs. After a kill more of that comes
	// again.
	LateAcks bool
	// DropOldest makes a full spool drop its oldest lines rather than refuse new ones.
	DropOldest bool
	// RetryLast bounds the pause of Deliver after a failure, which starts at 0.1 s and doubles. Zero means
	// DefaultRetryLast.
	RetryLast time.Duration
	// Report gets one message when the spool fails, and one when it works again. Nil discards them.
	Report Reporter
	// CheckGroups checks groups that were read from the spool of a queue of Lines. Nil takes all.
	CheckGroups func(groups []string) error

	// Disk has the spool. Nil means [fsutil.OS].
	Disk fsutil.FS
	// Open opens the spool; nil means spool.Open. Tests plant faults with it.
	Open func(spool.Config) (Store, spool.Recovery, error)
}

// Reporter logs what an operator has to know. A *slog.Logger is one. Messages are constants; args are pairs of a name and a
// value.
type Reporter interface {
	Info(message string, args ...any)
	Warn(message string, args ...any)
	Error(message string, args ...any)
}

type silent struct{}

// Info implements Reporter.
func (silent) Info(string, ...any) {}

// Warn implements Reporter.
func (silent) Warn(string, ...any) {}

// Error implements Reporter.
func (silent) Error(string, ...any) {}

// Store is what a queue needs of a *spool.Spool.
type Store interface {
	Append(r spool.Record) error
	Read(id uint64, buf []byte) (spool.Record, error)
	Ack(id uint64) error
	Acked() uint64
	DropOldest() (spool.Dropped, error)
	Segments() int
	Waiting() (records, lines, size int64)
	SetMax(bytes int64)
	Last() uint64
	Damage() []spool.Damage
	Sync() error
	Close() error
}

func openSpool(cfg spool.Config) (Store, spool.Recovery, error) {
	s, found, err := spool.Open(cfg)
	if err != nil {
		return nil, found, err // not a Store that is a nil pointer
	}
	return s, found, nil
}

// format converts blocks to and from records of the spool.
type format interface {
	// encode appends a block to buf.
	encode(buf []byte, b *Block) []byte
	// decode fills in a block, which points into the record. done is the ID up to which lines are delivered.
	decode(b *Block, rec spool.Record, done uint64) error
	// born returns when the first line of a record came; zero if the record does not have that.
	born(data []byte) time.Time
}

// Queue is one queue. The package comment has a figure of its cursors.
type Queue struct {
	cfg    Config
	format format
	count  counters

	wake      chan struct{} // the taker may find something
	room      chan struct{} // memory may have room
	due       chan struct{} // a block may have to be saved
	hasty     chan struct{} // the spool is to be synced
	dropping  chan struct{} // lines were dropped because memory or spool is full
	interrupt chan struct{} // ends a wait of Next and Deliver
	drained   chan struct{} // closed when nothing is left and nothing more comes

	reader  reader
	saveBuf []byte      // of the saver: a block as it is written
	adopted []*adoption // of Run, and of Close after it
	shelf   Shelf

	mu       sync.Mutex
	memory   memory
	disk     disk
	next     uint64 // ID of the next line
	cursor   uint64 // Take continues with this ID
	done     uint64 // up to this ID lines are delivered or dropped
	taken    []flight
	base     uint64 // lines of this process are numbered from here on
	hurried  uint64 // up to this ID lines are saved at once
	batch    *Batch // of Next: the one that is not done
	kept     int64  // lines that are left to their sources at the end
	finished bool   // nothing is put any more
	ended    bool   // drained is closed
	saving   bool   // Run saves
	adopting bool   // what other processes have left was not looked for yet
}

// disk is what a queue knows about its spool. The queue's mutex guards it.
type disk struct {
	store   Store     // nil without a spool
	saved   uint64    // up to this ID blocks are in the spool
	evicted uint64    // up to this ID they are in the spool only
	owed    uint64    // up to this ID it is to note that lines are delivered; 0 for nothing
	synced  uint64    // up to this ID they were in the spool, or delivered, before its last sync
	trouble error     // the last failure; nil once a block could be saved
	born    time.Time // when the oldest record in it was made, as far as Oldest knows
}

// flight is a block that was taken and is not acknowledged.
type flight struct {
	last  uint64
	lines int
	bytes int
	over  bool // its lines were lost or are settled; it only has to be passed over in its turn
	stays bool // its lines are settled, and in the spool until its turn
}

// New returns a queue in memory.
func New(cfg Config) *Queue {
	cfg.LimitBytes = cmp.Or(cfg.LimitBytes, DefaultLimitBytes)
	cfg.BatchLines = cmp.Or(cfg.BatchLines, DefaultBatchLines)
	if cfg.Lines {
		cfg.BatchBytes = cmp.Or(cfg.BatchBytes, min(linesBytes, max(cfg.LimitBytes/4, minLinesBytes)))
	}
	cfg.BatchBytes = cmp.Or(cfg.BatchBytes, DefaultBatchBytes)
	cfg.SpoolBytes = cmp.Or(cfg.SpoolBytes, spool.DefaultMaxBytes)
	cfg.SpoolAfter = max(0, cmp.Or(cfg.SpoolAfter, DefaultSpoolAfter))
	cfg.RetryLast = cmp.Or(cfg.RetryLast, DefaultRetryLast)
	// Positive, because databases have no unsigned numbers.
	cfg.Epoch = cmp.Or(cfg.Epoch, rand.Uint64()>>1|1)
	if cfg.Report == nil {
		cfg.Report = silent{}
	}
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	if cfg.Open == nil {
		cfg.Open = openSpool
	}
	q := &Queue{
		cfg: cfg, format: entryFormat{}, memory: memory{limit: cfg.LimitBytes}, next: 1, cursor: 1,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), due: make(chan struct{}, 1), hasty: make(chan struct{}, 1),
		dropping: make(chan struct{}, 1), interrupt: make(chan struct{}, 1), drained: make(chan struct{}),
	}
	q.shelf.q = q
	if cfg.Lines {
		q.format, q.memory.common = lineFormat{cfg.CheckGroups}, cfg.BatchBytes
	}
	return q
}

// Open returns a queue with its spool, whose lines come first.
func Open(cfg Config) (*Queue, error) {
	q := New(cfg)
	return q, q.OpenSpool()
}

// OpenSpool opens the spool, if there is to be one. It must come before the first line. After an error
// the queue works in memory; with [Config.Slots] Run keeps retrying.
func (q *Queue) OpenSpool() error {
	if q.cfg.Spool == "" {
		return nil
	}
	st, dir, found, err := q.openSlot(nil)
	if err != nil {
		return err
	}
	q.mu.Lock()
	q.adopting = q.cfg.Slots > 0
	q.mu.Unlock()
	q.count.recovered.Add(found.Lines)
	for _, d := range found.Damage {
		q.count.damaged.Add(1)
		q.cfg.Report.Warn("found damage in spool", "damage", d.String())
	}
	if found.Records > 0 {
		q.cfg.Report.Info("found lines in spool, sending them first", "lines", found.Lines, "dir", dir)
	}
	q.attach(st)
	return nil
}

// attach puts a store behind the queue. Its lines are older than those in memory. It returns false if the store has
// used IDs of blocks in memory.
func (q *Queue) attach(st Store) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := st.Last()
	if len(q.memory.blocks) > 0 && q.memory.blocks[0].first <= last {
		return false
	}
	if q.next == 1 {
		q.base = last
	}
	q.next = max(q.next, last+1)
	q.disk = disk{store: st, saved: last}
	if _, lines, _ := st.Waiting(); lines > 0 {
		q.disk.evicted = last
		q.done = st.Acked()
		q.cursor = q.done + 1
	} else {
		q.cursor = max(q.cursor, last+1)
	}
	signal(q.due)
	return true
}

func (q *Queue) behind() Store {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.disk.store
}

// signal sends to a channel that holds one value, unless it holds one already.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// fits makes room for n bytes, as far as that needs only blocks that are in the spool, too. The first block
// always fits. Otherwise a limit below a line's length would let nothing pass. It needs q.mu.
func (q *Queue) fits(n int) bool {
	for q.memory.size > 0 && q.memory.size+n > q.memory.limit {
		if !q.evict() {
			return false
		}
	}
	return true
}

// evict removes from memory the oldest block, if the spool has it and nobody reads it.
func (q *Queue) evict() bool {
	for i, b := range q.memory.blocks {
		if !b.saved {
			break
		}
		if b.users == 0 {
			q.disk.evicted = max(q.disk.evicted, b.last)
			q.memory.remove(i, 1)
			return true
		}
	}
	return false
}

// newBlock appends an empty block. It needs q.mu and room for the cost.
func (q *Queue) newBlock(capacity, cost int) *Block {
	b := q.memory.add(capacity, cost)
	b.first, b.last, b.born, b.Origin = q.next, q.next-1, time.Now(), q.cfg.Origin
	if q.disk.store != nil {
		signal(q.due)
	}
	return b
}

// grow notes n new lines at the end of a block. It needs q.mu.
func (q *Queue) grow(b *Block, n int) {
	b.Lines += n
	b.last += uint64(n)
	q.next += uint64(n)
}

// DropOldest drops the oldest block in memory that nobody has taken and the spool does not have. It returns
// false if there is none.
func (q *Queue) DropOldest() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, b := range q.memory.blocks {
		if b.users == 0 && !b.saved && b.last >= q.cursor {
			q.count.drop(DropQueue, int64(b.Lines), int64(len(b.Data)))
			q.memory.remove(i, 1)
			signal(q.dropping)
			return true
		}
	}
	return false
}

// DropShare counts lines that are dropped because others need the room.
func (q *Queue) DropShare(lines, bytes int) {
	q.count.drop(DropShare, int64(lines), int64(bytes))
	signal(q.dropping)
}

// Dropping returns a channel that has a value after lines were dropped because memory or spool was full.
func (q *Queue) Dropping() <-chan struct{} { return q.dropping }

// Mark returns the ID of the line that was put last.
func (q *Queue) Mark() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next - 1
}

// Safe returns an ID up to which all lines are delivered, dropped or in the spool. [Queue.Sync] makes the latter
// durable.
func (q *Queue) Safe() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.safe()
}

// safe needs q.mu.
func (q *Queue) safe() uint64 {
	if b := q.memory.unsaved(); b != nil {
		return b.first - 1
	}
	return q.next - 1
}

// Durable returns an ID up to which all lines are delivered, dropped, or in the spool in a way that a power cut does not undo.
func (q *Queue) Durable() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.disk.store == nil {
		return q.safe()
	}
	return max(q.done, q.disk.synced)
}

// Oldest returns when the oldest line came that is not delivered. It returns the zero time if there is none, or if it was left by
// a process that did not store the time. It reads the spool.
func (q *Queue) Oldest() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if st, first := q.disk.store, q.done+1; st != nil && first <= q.disk.evicted {
		q.mu.Unlock()
		rec, err := st.Read(first, nil)
		q.damaged(st)
		q.mu.Lock()
		if err == nil {
			q.disk.born = q.format.born(rec.Data)
		}
		if !errors.Is(err, io.EOF) {
			return q.disk.born // the one before, while the disk fails
		}
	}
	var born time.Time
	for _, b := range q.memory.blocks {
		if b.last > q.done && (born.IsZero() || b.born.Before(born)) { // adopted ones are older
			born = b.born
		}
	}
	return born
}

// Finish says that nothing more is put.
func (q *Queue) Finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	signal(q.wake)
	q.checkDrained()
}

// Drained returns a channel that is closed after Finish, once every line is delivered or dropped.
func (q *Queue) Drained() <-chan struct{} { return q.drained }

// checkDrained needs q.mu.
func (q *Queue) checkDrained() {
	if q.finished && !q.ended && !q.adopting && len(q.memory.blocks) == 0 && len(q.taken) == 0 && (q.disk.store == nil || q.cursor > q.disk.evicted) {
		q.ended = true
		close(q.drained)
	}
}

// Forsake makes Close count lines that are kept as lost, because a source cannot pass them again.
func (q *Queue) Forsake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.memory.blocks {
		for i := range b.Runs {
			b.Runs[i].Kept = false
		}
	}
}

// Close ends the queue, after Run has ended and nothing is taken or put any more. Lines that are not delivered go to
// the spool; if they cannot, those that are kept still wait. The error is a [*LostError] if some are lost, or that of closing the spool.
func (q *Queue) Close() error {
	q.Save()
	err := q.shelf.close()
	if st := q.behind(); st != nil {
		err = errors.Join(err, st.Close())
	}
	for _, a := range q.adopted {
		err = errors.Join(err, q.settle(a), a.st.Close())
	}
	q.adopted = nil
	q.mu.Lock()
	defer q.mu.Unlock()
	var lines, bytes int64
	for _, b := range q.memory.blocks {
		if b.saved {
			continue
		}
		n, kept, keptBytes := b.waiting(q.done)
		lines += n - kept
		q.kept += kept
		if n > kept {
			bytes += int64(len(b.Data)) - keptBytes
		}
	}
	q.memory.blocks, q.memory.size, q.batch, q.finished = nil, 0, nil, true
	if lines > 0 {
		q.count.drop(DropEnd, lines, bytes)
		return &LostError{Lines: lines, Err: cmp.Or(err, q.disk.trouble)}
	}
	return err
}

// LostError says how many lines were neither delivered nor in the spool at the end.
type LostError struct {
	Lines int64
	Err   error // what is wrong with the spool; nil if there is none
}

// Error implements error.
func (e *LostError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%d lines are lost: set a spool directory to keep lines that wait at the end", e.Lines)
	}
	return fmt.Sprintf("%d lines are lost: %v", e.Lines, e.Err)
}

// Unwrap returns what is wrong with the spool.
func (e *LostError) Unwrap() error { return e.Err }
