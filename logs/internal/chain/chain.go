package chain

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Limits of what has ended.
const (
	// MaxEpochs holds a month of a web server with eight logs that are rotated once a day.
	MaxEpochs = 256
	// MaxStreams bounds the streams of all of them.
	MaxStreams = 8192
	// KeepFor is longer than a log host may be away without an operator who looks after it.
	KeepFor = 30 * 24 * time.Hour
)

const (
	dirName = "epochs"
	fileExt = ".epochs"
	maxFile = 64 << 20 // bytes that are read of one
)

// Config says whose epochs they are, and where.
type Config struct {
	// Dir is the directory in which "epochs" is made.
	Dir       string
	Publisher string
	// Epoch is that of this process.
	Epoch uint64
	// Disk has the directory. Nil means [fsutil.OS].
	Disk fsutil.FS
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time
}

// Former is what is known of an epoch that has ended.
type Former struct {
	Epoch   uint64
	Ended   int64 // when, in seconds since 1970
	Streams []Stream
}

// Stream is a list of groups in an epoch.
type Stream struct {
	Stream uint32
	Groups string // with spaces between
	Next   uint64 // number behind the last line
}

// Chain is the file of this process. Its methods may be called by any goroutine.
type Chain struct {
	cfg  Config
	path string

	dirty      chan struct{} // counters have changed
	countersMu sync.Mutex    // is never held while the disk is used
	counters   []*Counter
	known      atomic.Pointer[known] // what others see of ended; nil for nothing

	mu        sync.Mutex  // is held while the disk is used
	f         fsutil.File // locked; nil if it cannot be written
	size      int64
	own       Former
	offsets   []int64  // of the entries of the streams of own
	ended     []Former // oldest first
	changes   int
	forgotten int
	err       error // the last failure
}

// known is what Ended returns.
type known struct {
	epochs  []Former
	version int
}

// Open takes over what earlier processes of the publisher have left, and makes a file for this one. After an error the chain
// works in memory.
func Open(cfg Config) (*Chain, error) {
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Dir = filepath.Join(cfg.Dir, dirName)
	c := &Chain{cfg: cfg, path: filepath.Join(cfg.Dir, fmt.Sprintf("%016x%s", cfg.Epoch, fileExt)), own: Former{Epoch: cfg.Epoch}, dirty: make(chan struct{}, 1)}
	err := fsutil.MkdirAll(cfg.Disk, cfg.Dir, 0o700)
	if err == nil {
		err = c.Adopt()
	}
	if err != nil {
		return c, fmt.Errorf("chain of epochs in %s: %w", cfg.Dir, err)
	}
	return c, nil
}

// Adopt takes over what processes have left that have ended since.
func (c *Chain) Adopt() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, err := c.cfg.Disk.ReadDir(c.cfg.Dir)
	if err != nil {
		return err
	}
	var taken []fsutil.File
	defer func() {
		for _, f := range taken {
			_ = f.Close()
		}
	}()
	var errs []error
	for _, e := range entries {
		path := filepath.Join(c.cfg.Dir, e.Name())
		if path == c.path || !strings.HasSuffix(path, fileExt) {
			continue
		}
		f, err := c.adopt(path)
		if errors.Is(err, errDamaged) {
			err = fmt.Errorf("%s: %w; what is missing of its lines may not be noticed", path, err)
		} else if errors.Is(err, fsutil.ErrLocked) {
			err = nil
		}
		errs = append(errs, err)
		if f != nil {
			taken = append(taken, f)
		}
	}
	if len(taken) > 0 || c.f == nil {
		if err := c.rewrite(); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	for _, f := range taken { // still locked
		errs = append(errs, c.cfg.Disk.Remove(f.Name()))
	}
	return errors.Join(errs...)
}

// adopt takes over a file. It returns the file, locked, if it can be removed once ours is written.
func (c *Chain) adopt(path string) (fsutil.File, error) {
	f, err := c.cfg.Disk.OpenFile(path, os.O_RDWR, 0, false)
	if err != nil {
		return nil, nil //nolint:nilerr // another process has removed it, or owns it
	}
	if err := f.Lock(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	st, statErr := f.Stat()
	if err = cmp.Or(err, statErr); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if now, err := c.cfg.Disk.Stat(path); err != nil || !fsutil.SameFile(st, now) {
		return nil, f.Close() // its owner has replaced it, or another process has removed it
	}
	publisher, epochs, err := parse(b)
	if len(epochs) > 0 && publisher != c.cfg.Publisher {
		return nil, f.Close()
	}
	for _, e := range epochs {
		if e.Ended == 0 {
			e.Ended = st.ModTime().Unix()
		}
		c.add(e)
	}
	return f, err
}

// add adds an epoch to those that have ended.
func (c *Chain) add(e Former) {
	if len(e.Streams) == 0 {
		return
	}
	c.changes++
	if i := slices.IndexFunc(c.ended, func(o Former) bool { return o.Epoch == e.Epoch }); i >= 0 {
		c.ended = slices.Delete(c.ended, i, i+1) // the later one knows more
	}
	c.ended = append(c.ended, e)
	slices.SortStableFunc(c.ended, func(a, b Former) int { return cmp.Compare(a.Epoch, b.Epoch) })
	streams := 0
	for _, e := range c.ended {
		streams += len(e.Streams)
	}
	old := c.cfg.Now().Add(-KeepFor).Unix()
	for len(c.ended) > 0 && (len(c.ended) > MaxEpochs || streams > MaxStreams && len(c.ended) > 1 || c.ended[0].Ended < old) {
		streams -= len(c.ended[0].Streams)
		c.ended = c.ended[1:]
		c.forgotten++
	}
	c.known.Store(&known{slices.Clone(c.ended), c.changes})
}

// End adds an epoch that gets no further numbers.
func (c *Chain) End(epoch uint64, streams []Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(Former{epoch, c.cfg.Now().Unix(), slices.Clone(streams)})
	return c.rewrite()
}

// Ended returns the epochs that have ended, oldest first, and a number that changes with them. It does not wait for the disk.
func (c *Chain) Ended() (epochs []Former, version int) {
	if k := c.known.Load(); k != nil {
		return slices.Clone(k.epochs), k.version
	}
	return nil, 0
}

// Version returns the number that Ended returns.
func (c *Chain) Version() int {
	if k := c.known.Load(); k != nil {
		return k.version
	}
	return 0
}

// Forgotten returns how many epochs were forgotten since the start.
func (c *Chain) Forgotten() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forgotten
}

// rewrite replaces the file. The new one is locked before it has its name.
func (c *Chain) rewrite() error {
	b := []byte(magic)
	own := Former{Epoch: c.own.Epoch}
	b = own.append(b, c.cfg.Publisher)
	offsets := make([]int64, len(c.own.Streams))
	for i := range c.own.Streams {
		offsets[i] = int64(len(b))
		b = c.own.Streams[i].append(b)
	}
	// Entries of streams follow their epoch, so the own ones, which are appended to, come last.
	head := []byte(magic)
	for i := range c.ended {
		head = c.ended[i].append(head, c.cfg.Publisher)
	}
	for i := range offsets {
		offsets[i] += int64(len(head) - len(magic))
	}
	b = append(head, b[len(magic):]...)
	f, err := c.write(b)
	if err != nil {
		c.err = err
		return err
	}
	if c.f != nil {
		_ = c.f.Close() // it is replaced
	}
	c.f, c.size, c.offsets = f, int64(len(b)), offsets
	return nil
}

func (c *Chain) write(b []byte) (fsutil.File, error) {
	tmp := c.path + ".new"
	f, err := c.cfg.Disk.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600, false)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Lock()); err == nil {
		err = c.cfg.Disk.Rename(tmp, c.path)
	}
	if err == nil {
		err = c.cfg.Disk.SyncDir(c.cfg.Dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Counter counts the lines of a stream of the own epoch. Nil counts nothing.
type Counter struct {
	c      *Chain
	stream uint32
	groups string
	next   atomic.Uint64
}

// Stream adds a stream to the own epoch. Like Add, it does not wait for the disk.
func (c *Chain) Stream(stream uint32, groups string) *Counter {
	n := &Counter{c: c, stream: stream, groups: groups}
	c.countersMu.Lock()
	defer c.countersMu.Unlock()
	c.counters = append(c.counters, n)
	return n
}

// Add notes that n lines get numbers. Run writes it.
func (n *Counter) Add(lines int) {
	if n == nil {
		return
	}
	n.next.Add(uint64(lines))
	select {
	case n.c.dirty <- struct{}{}:
	default:
	}
}

// Run writes what counters note until ctx ends.
func (c *Chain) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.dirty:
			c.flush()
		}
	}
}

// flush writes the numbers that have changed.
func (c *Chain) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.countersMu.Lock()
	counters := c.counters
	c.countersMu.Unlock()
	for i, n := range counters {
		next := n.next.Load()
		if i == len(c.own.Streams) {
			s := Stream{Stream: n.stream, Groups: n.groups, Next: next}
			c.own.Streams, c.offsets = append(c.own.Streams, s), append(c.offsets, c.size)
			b := s.append(nil)
			c.put(b, c.size)
			c.size += int64(len(b))
		} else if s := &c.own.Streams[i]; s.Next != next {
			s.Next = next
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], next)
			c.put(b[:], c.offsets[i]+offValue)
		}
	}
}

// put writes. After a failure the file is given up until the next rewrite: it has what was known before.
func (c *Chain) put(b []byte, at int64) {
	if c.f == nil {
		return
	}
	if _, err := c.f.WriteAt(b, at); err != nil {
		c.err = err
		_ = c.f.Close()
		c.f = nil
	}
}

// Err returns the last failure, and forgets it.
func (c *Chain) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.err
	c.err = nil
	return err
}

// Close lets the next process take the file over.
func (c *Chain) Close() error {
	c.flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f == nil {
		return nil
	}
	var err error
	if len(c.own.Streams) == 0 && len(c.ended) == 0 {
		err = c.cfg.Disk.Remove(c.path)
	}
	err = errors.Join(err, c.f.Close())
	c.f = nil
	return err
}
