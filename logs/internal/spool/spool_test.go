package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
)

func open(t testing.TB, cfg Config) (*Spool, Recovery) {
	t.Helper()
	s, found, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, found
}

// record returns one whose data can be told from every other's.
func record(id uint64, length int) Record {
	data := bytes.Repeat(fmt.Appendf(nil, "%d\n", id), length)[:length]
	return Record{ID: id, Lines: bytes.Count(data, []byte{'\n'}), Data: data}
}

func appendAll(t testing.TB, s *Spool, first, last uint64, length int) {
	t.Helper()
	for id := first; id <= last; id++ {
		if err := s.Append(record(id, length)); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads from id and acknowledges nothing.
func readAll(t testing.TB, s *Spool, id uint64) (ids []uint64) {
	t.Helper()
	for {
		r, err := s.Read(id, nil)
		if errors.Is(err, io.EOF) {
			return ids
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := record(r.ID, len(r.Data)); !bytes.Equal(r.Data, want.Data) || r.Lines != want.Lines {
			t.Fatalf("record %d is not what was appended", r.ID)
		}
		ids = append(ids, r.ID)
		id = r.ID + 1
	}
}

func sequence(first, last uint64) (ids []uint64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestModel holds the spool against a list, over reopenings with and without Close.
func TestModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	cfg := Config{Dir: t.TempDir(), MaxBytes: 64 << 10, SegmentBytes: 4 << 10}
	s, _ := open(t, cfg)
	var want []Record
	var last, acked uint64
	full, dropped := 0, 0
	for step := range 10_000 {
		if step/500%2 == 0 && len(want) > 0 && rng.IntN(3) == 0 { // else it fills up
			acked, want = want[0].ID, want[1:]
			if err := s.Ack(acked); err != nil {
				t.Fatal(err)
			}
		}
		switch rng.IntN(20) {
		default:
			r := record(last+1+rng.Uint64N(3), rng.IntN(600))
			switch err := s.Append(r); {
			case err == nil:
				want, last = append(want, r), r.ID
			case errors.Is(err, ErrFull):
				full++
				if rng.IntN(2) == 0 {
					d, err := s.DropOldest()
					if err != nil || d.Records == 0 && len(want) > 0 {
						t.Fatalf("dropped %+v, %v", d, err)
					}
					lines, bytes, upTo := d.Lines, d.Bytes, d.Last
					for range d.Records {
						lines -= int64(want[0].Lines)
						bytes -= int64(len(want[0].Data))
						acked, want = want[0].ID, want[1:]
						dropped++
					}
					if lines != 0 || bytes != 0 || acked > upTo {
						t.Fatalf("%d lines and %d bytes too many, up to %d", lines, bytes, upTo)
					}
				}
			default:
				t.Fatal(err)
			}
		case 0, 1:
			if len(want) == 0 {
				continue
			}
			n := 1 + rng.IntN(min(len(want), 6))
			acked, want = want[n-1].ID, want[n:]
			if err := s.Ack(acked); err != nil {
				t.Fatal(err)
			}
		case 2, 3, 4:
			i := 0
			if len(want) > 0 {
				i = rng.IntN(len(want))
			}
			for ; i < len(want) && rng.IntN(10) > 0; i++ {
				r, err := s.Read(want[i].ID, nil)
				if err != nil || r.ID != want[i].ID || !bytes.Equal(r.Data, want[i].Data) {
					t.Fatalf("read %d, %v; want %d", r.ID, err, want[i].ID)
				}
			}
		case 5:
			if rng.IntN(20) > 0 {
				continue
			}
			if rng.IntN(2) == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				s.closeFiles() // as a kill does
			}
			var found Recovery
			s, found = open(t, cfg)
			if found.Records != int64(len(want)) || len(found.Damage) > 0 {
				t.Fatalf("found %+v, want %d records", found, len(want))
			}
		}
		records, lines, size := s.Waiting()
		for _, r := range want {
			lines -= int64(r.Lines)
		}
		if records != int64(len(want)) || lines != 0 || size > cfg.MaxBytes || s.Last() < last {
			t.Fatalf("%d records, %d lines too many, %d bytes, last %d; want %d records, last %d", records, lines, size, s.Last(), len(want), last)
		}
		var onDisk int64
		if rng.IntN(100) == 0 {
			for _, name := range segments(t, cfg.Dir) {
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				onDisk += info.Size()
			}
			if onDisk != size {
				t.Fatalf("%d bytes on disk, counted %d", onDisk, size)
			}
		}
	}
	if full == 0 || dropped == 0 {
		t.Errorf("full %d times, %d dropped", full, dropped)
	}
}

// TestTorn: wherever the last segment is cut, the records in front of the cut are there,
// the cut is reported, and the spool goes on.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Config{Dir: dir})
	appendAll(t, s, 1, 5, 100)
	s.closeFiles()
	name := segments(t, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const each = recHeaderLen + 100
	for n := range whole {
		if err := os.WriteFile(name, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, found := open(t, Config{Dir: dir})
		left := uint64(max(0, n-segHeaderLen) / each)
		atEnd := n == 0 || n >= segHeaderLen && (n-segHeaderLen)%each == 0
		if found.Records != int64(left) || (len(found.Damage) == 0) != atEnd {
			t.Fatalf("cut at %d: found %+v", n, found)
		}
		if !atEnd && (!found.Damage[0].Torn || !strings.Contains(found.Damage[0].String(), "torn, cut off")) {
			t.Fatalf("cut at %d: damage is %v", n, found.Damage)
		}
		appendAll(t, s, left+1, left+2, 50)
		if got := readAll(t, s, 1); !slices.Equal(got, sequence(1, left+2)) {
			t.Fatalf("cut at %d: records %v", n, got)
		}
		s.closeFiles()
		s, found = open(t, Config{Dir: dir})
		if len(found.Damage) > 0 {
			t.Fatalf("cut at %d: damaged again: %v", n, found.Damage)
		}
		s.closeFiles()
		for _, name := range segments(t, dir) {
			_ = os.Remove(name)
		}
	}
}

// TestFlipped: a bit that is flipped anywhere costs no record but those that are
// reported, and no wrong one is read.
func TestFlipped(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentBytes: 256}
	s, _ := open(t, cfg)
	appendAll(t, s, 1, 8, 60)
	s.closeFiles()
	names := segments(t, dir)
	if len(names) != 4 {
		t.Fatalf("%d segments", len(names))
	}
	content := make(map[string][]byte)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[name] = b
	}
	for _, flipped := range names {
		for i := range content[flipped] {
			for name, b := range content {
				if name == flipped {
					b = slices.Clone(b)
					b[i] ^= 1 << (i % 8)
				}
				if err := os.WriteFile(name, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, found := open(t, cfg)
			got := readAll(t, s, 1)
			again := readAll(t, s, 1)
			damage := append(found.Damage, s.Damage()...)
			if len(damage) != 1 || len(got) < 6 || len(got) == 8 || !slices.IsSorted(got) || !slices.Equal(got, again) {
				t.Fatalf("%s at %d: records %v, damage %v", flipped, i, got, damage)
			}
			if err := s.Ack(8); err != nil {
				t.Fatal(err)
			}
			if n, _, _ := s.Waiting(); n != 0 {
				t.Fatalf("%s at %d: %d records wait after all were acknowledged", flipped, i, n)
			}
			s.closeFiles()
			if err := os.Remove(filepath.Join(dir, positionName)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFlippedWhileOpen: damage that comes while a spool is in use.
func TestFlippedWhileOpen(t *testing.T) {
	for off, want := range map[int64][]uint64{
		segHeaderLen + 2:                              {4},          // the head of 1: with it the segment goes
		segHeaderLen + recHeaderLen + 3:               {2, 3, 4},    // the data of 1
		segHeaderLen + recHeaderLen + 60 + offDataCRC: {1, 4},       // the head of 2
		segHeaderLen + 2*(recHeaderLen+60) + 30:       {1, 2, 4},    // the data of 3
		segHeaderLen - 1:                              {1, 2, 3, 4}, // nobody looks there
	} {
		dir := t.TempDir()
		s, _ := open(t, Config{Dir: dir})
		appendAll(t, s, 1, 3, 60)
		f, err := os.OpenFile(segments(t, dir)[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{0xee}, off); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		got := readAll(t, s, 1)
		appendAll(t, s, 4, 4, 60)
		if got = append(got, readAll(t, s, 4)...); !slices.Equal(got, want) {
			t.Errorf("damage at %d: records %v, want %v", off, got, want)
		}
		var lost int64
		for _, d := range s.Damage() {
			lost += d.Lines
		}
		if each := int64(record(1, 60).Lines); lost != each*int64(4-len(want)) {
			t.Errorf("damage at %d: %d lines lost", off, lost)
		}
		if err := s.Ack(4); err != nil {
			t.Error(err)
		}
		if n, lines, _ := s.Waiting(); n != 0 || lines != 0 {
			t.Errorf("damage at %d: %d records with %d lines wait in the end", off, n, lines)
		}
	}
}

// TestPosition: the position outlives the damage of either slot.
func TestPosition(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Config{Dir: dir})
	appendAll(t, s, 1, 9, 10)
	for id := range uint64(7) {
		if err := s.Ack(id + 1); err != nil {
			t.Fatal(err)
		}
	}
	s.closeFiles()
	name := filepath.Join(dir, positionName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, found := open(t, Config{Dir: dir})
		if got := readAll(t, s, 1); len(found.Damage) > 0 || got[0] != 7 && got[0] != 8 {
			t.Errorf("byte %d: records %v, damage %v", i, got, found.Damage)
		}
		s.closeFiles()
	}
	for _, bad := range [][]byte{whole[:5], bytes.Repeat([]byte{1}, 40)} {
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, found := open(t, Config{Dir: dir})
		if len(found.Damage) != 1 || found.Records != 9 || s.Last() != 9 {
			t.Errorf("position %x: found %+v", bad, found)
		}
		s.closeFiles()
	}
}

// TestLocked: a directory is for one at a time.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Config{Dir: dir})
	if _, _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Dir: dir})
}

// TestFull: the bound holds, and what is acknowledged makes room.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Config{Dir: dir, MaxBytes: MinBytes, SegmentBytes: MinBytes})
	id := uint64(1)
	for ; ; id++ {
		if err := s.Append(record(id, 1000)); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := uint64(MinBytes-segHeaderLen)/(1000+recHeaderLen) + 1; id != n {
		t.Errorf("full at record %d, want %d", id, n)
	}
	if err := s.Append(record(id, MinBytes)); !errors.Is(err, ErrFull) {
		t.Errorf("error %v", err)
	}
	if err := s.Ack(id - 1); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, id, id, 1000)
	if got := readAll(t, s, 0); !slices.Equal(got, []uint64{id}) {
		t.Errorf("records %v", got)
	}
	for what, r := range map[string]Record{
		"an ID twice": record(id, 1), "too long": {ID: id + 1, Data: make([]byte, MaxRecord+1)}, "lines": {ID: id + 1, Lines: -1},
	} {
		if err := s.Append(r); err == nil || errors.Is(err, ErrFull) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

// TestDiskErrors: what fails leaves the spool as it was, and works again later.
func TestDiskErrors(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root writes where it may not: the directory is taken away instead")
	}
	dir := filepath.Join(t.TempDir(), "d")
	s, _ := open(t, Config{Dir: dir, SegmentBytes: 260})
	appendAll(t, s, 1, 2, 60)
	if err := os.Rename(dir, dir+"x"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, 3, 3, 10) // into the open file
	var e *Error
	if err := s.Append(record(4, 150)); !errors.As(err, &e) || e.Op != "create segment" {
		t.Errorf("error %v", err)
	}
	if _, err := s.Read(1, nil); !errors.As(err, &e) || e.Op != "open segment" {
		t.Errorf("error %v", err)
	}
	if err := os.Rename(dir+"x", dir); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, 4, 4, 150)
	if got := readAll(t, s, 1); !slices.Equal(got, sequence(1, 4)) {
		t.Errorf("records %v", got)
	}
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	if _, _, err := Open(Config{Dir: filepath.Join(dir, "lock")}); !errors.As(err, &e) {
		t.Errorf("error %v", err)
	}
}

// FuzzSegment: whatever a segment's file holds, opening and reading it neither panics nor
// hangs, and what is read has its checksums.
func FuzzSegment(f *testing.F) {
	seg := append([]byte(magic), 0, 0, 0, 0, 0, 0, 0, 1)
	f.Add([]byte{})
	f.Add(seg)
	two := appendRecord(appendRecord(slices.Clone(seg), record(1, 10)), record(2, 20))
	f.Add(two)
	f.Add(two[:len(two)-3])                                               // torn
	f.Add(append(slices.Clone(two), two[segHeaderLen:]...))               // IDs again
	f.Add(appendRecord(slices.Clone(seg), Record{ID: 1<<64 - 1}))         // the last ID of all
	f.Add(appendRecord(slices.Clone(seg), Record{ID: 7, Lines: 1 << 30})) // many lines
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		const dir = "/spool"
		s, found, err := Open(Config{Dir: dir, Disk: onMemory(t, segmentPath(dir, 1), b)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		n, last := int64(0), uint64(0)
		for {
			r, err := s.Read(last+1, nil)
			if err != nil {
				break
			}
			if !bytes.Contains(b, appendRecord(nil, r)) || r.ID <= last {
				t.Fatalf("record %d is not in the file", r.ID)
			}
			last = r.ID
			n++
		}
		if d := s.Damage(); n+int64(len(d)) != found.Records || n == 0 && (len(b) > 0 && !bytes.Equal(b, seg)) != (len(found.Damage)+len(d) > 0) {
			t.Errorf("read %d records, found %+v", n, found)
		}
		if s.Last() < 1<<64-2 {
			appendAll(t, s, s.Last()+1, s.Last()+1, 5)
		}
	})
}

// onMemory returns a disk with a file.
func onMemory(t *testing.T, path string, b []byte) *crashfs.Disk {
	d := crashfs.New()
	err := d.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		var f fsutil.File
		if f, err = d.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600, false); err == nil {
			_, err = f.Write(b)
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzPosition: a position is found exactly if a slot is whole.
func FuzzPosition(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	f.Add(bytes.Repeat([]byte{0}, 32), uint64(5))
	blind.Fuzz(f, func(t *testing.T, b []byte, id uint64) {
		got, slot, ok := decodePosition(b)
		if slot < 0 || slot >= slots || !ok && got != 0 {
			t.Errorf("slot %d, ID %d", slot, got)
		}
		const name = "/spool/p"
		d := onMemory(t, name, b)
		p, before, _, err := openPosition(d, name)
		if err != nil || before != got {
			t.Fatalf("ID %d, %v", before, err)
		}
		defer func() { _ = p.f.Close() }()
		if err := p.write(max(id, before)); err != nil {
			t.Fatal(err)
		}
		after, err := d.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, ok := decodePosition(after); !ok || got != max(id, before) {
			t.Errorf("ID %d after %d was written", got, max(id, before))
		}
	})
}

func BenchmarkAppendReadAck(b *testing.B) {
	s, _ := open(b, Config{Dir: b.TempDir()})
	buf := make([]byte, 64<<10)
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	id := uint64(0)
	for b.Loop() {
		id++
		if err := s.Append(Record{ID: id, Lines: 300, Data: data}); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Read(id, buf); err != nil {
			b.Fatal(err)
		}
		if err := s.Ack(id); err != nil {
			b.Fatal(err)
		}
	}
}
