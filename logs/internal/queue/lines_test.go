package queue

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// TestQueueModel holds the queue against what it should be: a list of lines with a
// bound.
func TestQueueModel(t *testing.T) {
	const limit = 8 << 10
	rng := rand.New(rand.NewPCG(1, 2))
	q := New(Config{Lines: true, LimitBytes: limit})
	to := &Target{Groups: []string{"g"}}
	seq := uint64(0)
	var want, got []byte
	full := 0
	for range 20_000 {
		if rng.IntN(2) == 0 {
			var lines []byte
			for range 1 + rng.IntN(20) {
				n := rng.IntN(100)
				if rng.IntN(50) == 0 {
					n = rng.IntN(2 * limit)
				}
				lines = append(lines, strings.Repeat(string(rune('a'+rng.IntN(26))), n)...)
				lines = append(lines, '\n')
			}
			rest := q.PutLines(lines, bytes.Count(lines, []byte{'\n'}), to, false)
			if !bytes.HasSuffix(lines, rest) {
				t.Fatal("the rest is not the end of what was put")
			}
			kept := lines[:len(lines)-len(rest)]
			if len(kept) > 0 && kept[len(kept)-1] != '\n' {
				t.Fatal("a line was cut in two")
			}
			want = append(want, kept...)
			if len(rest) > 0 {
				full++
			}
		} else if b := take(q); b != nil {
			if b.Data[len(b.Data)-1] != '\n' {
				t.Fatal("a block ends within a line")
			}
			got = append(got, b.Data...)
			for _, r := range b.Runs {
				if r.Seq != seq || r.To != to {
					t.Fatalf("a run begins with %d, want %d", r.Seq, seq)
				}
				seq += uint64(r.Lines)
			}
			release(q, b)
		}
		total := 0
		for _, b := range q.memory.blocks {
			total += cap(b.Data)
		}
		if q.memory.size != total || q.memory.size > limit && len(q.memory.blocks) > 1 {
			t.Fatalf("size %d, blocks have %d, the limit is %d", q.memory.size, total, limit)
		}
	}
	if full == 0 {
		t.Error("the queue was never full")
	}
	for b := take(q); b != nil; b = take(q) {
		got = append(got, b.Data...)
		seq += uint64(b.Lines)
		release(q, b)
	}
	if n := uint64(bytes.Count(want, []byte{'\n'})); seq != n || to.Next != n {
		t.Errorf("%d lines have numbers, the next is %d; want %d", seq, to.Next, n)
	}
	if !bytes.Equal(got, want) {
		t.Error("what was taken is not what was put")
	}
}

// take and release are what the sender does.
func take(q *Queue) *Block {
	b, _ := q.Take()
	return b
}

func release(q *Queue, b *Block) {
	id := b.ID()
	q.LetGo(b)
	q.Ack(id)
}

// TestQueueDrained: the end is reported once the block that was taken is released.
func TestQueueDrained(t *testing.T) {
	q := New(Config{Lines: true, LimitBytes: 1000})
	q.PutLines([]byte("a\nb\n"), 2, &Target{}, false)
	b := take(q)
	q.Finish()
	if q.ended || q.Stats().Waiting != 2 {
		t.Fatalf("drained with %d lines left", q.Stats().Waiting)
	}
	release(q, b)
	if !q.ended || q.Stats().Waiting != 0 {
		t.Fatalf("not drained, %d lines left", q.Stats().Waiting)
	}
}

// TestEarlierRecords: records of versions 1 and 2 are read.
func TestEarlierRecords(t *testing.T) {
	var format lineFormat
	from := &Block{Origin: Origin{"web1", "4803"}, born: time.Unix(1, 2)}
	const epoch = 1 << 60
	from.add([]byte("x\ny\n"), 2, &Target{Groups: []string{"a"}, Epoch: epoch}, false)
	now := format.encode(nil, from)
	name := recordHead + 1 + len("web1") // behind it: the daemon, the number of targets, and the epoch of the first
	second := slices.Concat([]byte{recordOneEpoch}, now[1:name], now[name+5:name+6], now[name+7:])
	first := slices.Concat([]byte{recordTimeless}, second[1:9], second[17:])
	for _, tt := range []struct {
		data []byte
		born time.Time
	}{{now, from.born}, {second, from.born}, {first, time.Time{}}} {
		var b Block
		if err := format.decode(&b, spool.Record{Data: tt.data}, 0); err != nil {
			t.Fatal(err)
		}
		if string(b.Data) != "x\ny\n" || b.Origin.Publisher != "web1" || b.Lines != 2 || b.Runs[0].To.Epoch != epoch || !b.born.Equal(tt.born) {
			t.Errorf("version %d: %+v", tt.data[0], b)
		}
		if got := format.born(tt.data[:min(len(tt.data), 16)]); !got.IsZero() {
			t.Errorf("what was cut came at %v", got)
		}
	}
}

// TestEarlierSpool: a spool of the version that gave an ID to each block, not to each line, is read, and what that
// version had delivered does not come again.
func TestEarlierSpool(t *testing.T) {
	dir := t.TempDir()
	s, _, err := spool.Open(spool.Config{Dir: filepath.Join(dir, "0")})
	if err != nil {
		t.Fatal(err)
	}
	to := &Target{Groups: []string{"g"}}
	const blocks, lines = 5, 100
	for i := range blocks {
		b := &Block{Origin: Origin{"web1", "4803"}}
		for n := range lines {
			b.add(fmt.Appendf(nil, "line %d\n", lines*i+n), 1, to, false)
		}
		rec := spool.Record{ID: uint64(i + 1), Lines: lines, Data: lineFormat{}.encode(nil, b)}
		if err := s.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Ack(2), s.Close()); err != nil {
		t.Fatal(err)
	}
	for delivered := range 2 { // by the earlier version, and by a process of this one
		q := mustOpen(t, Config{Lines: true, Spool: dir, Slots: 2})
		from := (2 + delivered) * lines
		q.PutLines([]byte("new\n"), 1, to, false)
		q.Finish()
		if st := q.Stats(); st.Recovered != blocks*lines-int64(from)+int64(delivered) {
			t.Errorf("%d lines recovered", st.Recovered)
		}
		var got []byte
		acked := false
		for b := take(q); b != nil; b = take(q) {
			got = append(got, b.Data...)
			id := b.ID()
			q.LetGo(b)
			if !acked || delivered == 1 {
				q.Ack(id)
				acked = true
			}
		}
		var want []byte
		for n := from; n < blocks*lines; n++ {
			want = fmt.Appendf(want, "line %d\n", n)
		}
		want = append(want, strings.Repeat("new\n", 1+delivered)...)
		if !bytes.Equal(got, want) {
			t.Errorf("took %.40q and so on, want %.40q", got, want)
		}
		if st := q.Stats(); delivered == 0 && st.Delivered != lines || delivered == 1 && st.Delivered != int64(bytes.Count(want, []byte{'\n'})) {
			t.Errorf("%d lines delivered", st.Delivered)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzRecord: a record that is decoded is one that is written like that.
func FuzzRecord(f *testing.F) {
	var format lineFormat
	a, b := &Target{Groups: []string{"a"}}, &Target{Groups: []string{"b", "c"}, Stream: 7, Epoch: 1 << 60, Next: 1 << 40}
	from := &Block{Origin: Origin{"web1", "4803"}}
	from.add([]byte("x\n\n"), 2, a, false)
	from.add([]byte("yy\n"), 1, b, false)
	from.add([]byte("z\n"), 1, a, false)
	f.Add(format.encode(nil, from))
	f.Add(format.encode(nil, &Block{}))
	f.Add([]byte{recordVersion, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff})
	blind.Fuzz(f, func(t *testing.T, data []byte) {
		var b, again Block
		if format.decode(&b, spool.Record{Data: data}, 0) != nil {
			return
		}
		written := format.encode(nil, &b)
		if err := format.decode(&again, spool.Record{Data: written}, 0); err != nil {
			t.Fatal(err)
		}
		if again.Origin != b.Origin || string(again.Data) != string(b.Data) || len(again.Runs) != len(b.Runs) || again.Lines != b.Lines {
			t.Errorf("%+v became %+v", b, again)
		}
		for i, r := range b.Runs {
			if s := again.Runs[i]; s.Bytes != r.Bytes || s.Seq != r.Seq || s.Lines != r.Lines || s.To.Stream != r.To.Stream || s.To.Epoch != r.To.Epoch || !slices.Equal(s.To.Groups, r.To.Groups) {
				t.Errorf("run %d: %+v became %+v", i, r, s)
			}
		}
	})
}
