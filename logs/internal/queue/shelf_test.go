package queue

import (
	"bytes"
	"errors"
	"io"
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

// TestShelfAgain: lines of a block that stay on the shelf are put there once, even if the queue has no room for the others at first.
func TestShelfAgain(t *testing.T) {
	q, _ := shelfQueue(t, Config{})
	to := [2]*Target{{Groups: []string{"a"}}, {Groups: []string{"b"}}}
	block := func(n ...int) *Block {
		b := &Block{}
		for _, i := range n {
			b.Data, b.Lines = append(b.Data, byte('a'+i), '\n'), b.Lines+1
			b.Runs = append(b.Runs, Run{Bytes: 2, Lines: 1, To: to[i]})
		}
		return b
	}
	s := q.Shelf()
	if _, err := s.Put(block(0, 1)); err != nil {
		t.Fatal(err)
	}
	s.Moved(2)
	wantOn := func(when string, lines int64) {
		t.Helper()
		if got, _ := s.Waiting(); got != lines {
			t.Errorf("%s: %d lines are only on the shelf, want %d", when, got, lines)
		}
	}
	wantNext := func(when, text string) {
		t.Helper()
		if b, err := s.Next(); err != nil || string(b.Data) != text {
			t.Fatalf("%s: the next block is %+v, %v, want %q", when, b, err, text)
		}
	}
	wantNext("before", "a\nb\n")
	if err := s.PutAgain(block(0), block(1)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the queue has no room at first
		wantNext("one line is on the shelf again", "b\n")
		wantOn("one line is on the shelf again", 2)
	}
	id, ok := q.PutBlock(block(1))
	if !ok {
		t.Fatal("the queue has no room")
	}
	s.Gave(id)
	wantOn("the other is in the queue", 1)
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the round does not end: %v", err)
	}
	q.Save()
	if err := s.Settle(); err != nil {
		t.Error(err)
	}
	wantOn("settled", 1)
	wantNext("the next round", "a\n")
	s.Gave(0)
	wantOn("lost", 0)
	if err := s.Settle(); err != nil {
		t.Error(err)
	}
	if _, size := s.Waiting(); size != 0 {
		t.Errorf("an empty shelf has %d bytes", size)
	}
}
