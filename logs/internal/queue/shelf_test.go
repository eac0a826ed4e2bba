package queue

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

// shelfQueue returns a queue that has a shelf, and what puts so many lines of 1,000 bytes into its spool and takes them.
func shelfQueue(t *testing.T, cfg Config) (q *Queue, fill func(n int) []*Block) {
	cfg.Lines, cfg.Spool, cfg.Slots = true, t.TempDir(), 8
	q = mustOpen(t, cfg)
	to := &Target{Groups: []string{"g"}}
	line := []byte(strings.Repeat("x", 999) + "\n")
	return q, func(n int) (list []*Block) {
		for range n {
			if rest := q.PutLines(line, 1, to, false); len(rest) > 0 {
				q.Save()
				if rest = q.PutLines(line, 1, to, false); len(rest) > 0 {
					break
				}
			}
		}
		for b, _ := q.Take(); b != nil; b, _ = q.Take() {
			list = append(list, &Block{
				Lines: b.Lines, Data: bytes.Clone(b.Data), Runs: append([]Run(nil), b.Runs...), first: b.first, last: b.last, born: b.born,
			})
			q.LetGo(b)
		}
		return list
	}
}

// TestShelfBound: queue and shelf together stay within the limit that [Config.SpoolBytes] states, even if the first block, which is
// not for the shelf, keeps all others in the spool of the queue, too.
func TestShelfBound(t *testing.T) {
	cfg := Config{SpoolBytes: 1 << 20, LimitBytes: 128 << 10}
	q, fill := shelfQueue(t, cfg)
	most, puts := int64(0), 0
	note := func() { most = max(most, q.Stats().SpoolBytes) }
	var first uint64
	var err error
	for range 40 {
		for _, b := range fill(100) {
			if first == 0 {
				first = b.ID()
				continue
			}
			if _, err = q.Shelf().Put(b); err != nil {
				break
			}
			note()
			puts++
			q.Sync()
			q.Pass(b.ID(), 0, 0)
			q.Shelf().Moved(b.Lines)
		}
	}
	note()
	if limit := cfg.SpoolBytes + int64(cfg.LimitBytes) + cfg.SpoolBytes/4; most > limit || !errors.Is(err, spool.ErrFull) || puts == 0 {
		t.Errorf("queue and shelf had %d bytes, of %d; %d puts, error %v", most, limit, puts, err)
	}
	// Once the first block is delivered, there is room again.
	q.Settle(first)
	if _, err := q.Shelf().Put(&Block{Lines: 1, Data: []byte("x\n"), Runs: []Run{{Bytes: 2, Lines: 1, To: &Target{Groups: []string{"g"}}}}}); err != nil {
		t.Error(err)
	}
}
