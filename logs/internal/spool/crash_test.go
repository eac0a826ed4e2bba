//go:build unix

package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// crashDir is the environment variable that makes the test binary a process which uses a
// spool until it is killed.
const crashDir = "SPOOL_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		err := untilKilled(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // what stands for main
	}
	m.Run()
}

// crashLength is the length of a record's data: some are larger than a page, so that a
// kill can cut a write in two.
func crashLength(id uint64) int { return int(id * 7919 % 20_000) }

// untilKilled appends, reads and acknowledges, and says on standard output what it begins
// and what it has done.
func untilKilled(dir string) error {
	s, found, err := Open(Config{Dir: dir, MaxBytes: 8 << 20, SegmentBytes: 256 << 10})
	if err != nil {
		return err
	}
	for _, d := range found.Damage {
		if !d.Torn {
			return fmt.Errorf("damage: %v", d)
		}
	}
	fmt.Fprintln(os.Stdout, "open", found.Records, s.Last())
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	id := s.Last()
	var next uint64
	for {
		if rng.IntN(5) > 0 {
			id++
			fmt.Fprintln(os.Stdout, "appending", id)
			err := s.Append(record(id, crashLength(id)))
			if errors.Is(err, ErrFull) {
				id--
			} else if err != nil {
				return err
			} else {
				fmt.Fprintln(os.Stdout, "appended", id)
			}
		}
		if rng.IntN(2) == 0 {
			continue
		}
		r, err := s.Read(next, nil)
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			return err
		}
		if want := record(r.ID, crashLength(r.ID)); !bytes.Equal(r.Data, want.Data) || r.Lines != want.Lines {
			return fmt.Errorf("record %d is not what was appended", r.ID)
		}
		next = r.ID + 1
		fmt.Fprintln(os.Stdout, "acking", r.ID)
		if err := s.Ack(r.ID); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, "acked", r.ID)
		if rng.IntN(200) == 0 {
			if err := s.Sync(); err != nil {
				return err
			}
		}
	}
}

// TestCrash kills processes that use a spool, at random moments and over a hundred
// times in all, and looks each time whether all is there that was appended and not
// acknowledged, and nothing that was acknowledged.
func TestCrash(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for i := range 4 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			crash(t, rounds)
		})
	}
}

func crash(t *testing.T, rounds int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(5, uint64(time.Now().UnixNano())))
	var done, began, acked, acking uint64 // IDs, over all lives
	torn := 0
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, limit := 0, 1+rng.IntN(400)
		for sc := bufio.NewScanner(out); sc.Scan(); lines++ {
			word, number, _ := bytes.Cut(sc.Bytes(), []byte{' '})
			number, _, _ = bytes.Cut(number, []byte{' '})
			n, err := strconv.ParseUint(string(number), 10, 64)
			if err != nil {
				t.Fatalf("it says %q", sc.Text())
			}
			switch string(word) {
			case "appending":
				began = n
			case "appended":
				done = n
			case "acking":
				acking = n
			case "acked":
				acked = n
			}
			if lines == limit {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		if lines < limit {
			t.Fatalf("round %d: it ended by itself: %s", round, &complaint)
		}

		s, found, err := Open(Config{Dir: dir, MaxBytes: 8 << 20, SegmentBytes: 256 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found.Damage {
			if !d.Torn {
				t.Fatalf("round %d: damage: %v", round, d)
			}
			torn++
		}
		var ids []uint64
		for id := uint64(1); ; {
			r, err := s.Read(id, nil)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := record(r.ID, crashLength(r.ID)); !bytes.Equal(r.Data, want.Data) || r.Lines != want.Lines {
				t.Fatalf("round %d: record %d is not what was appended", round, r.ID)
			}
			ids = append(ids, r.ID)
			id = r.ID + 1
		}
		s.closeFiles()
		first := acked + 1
		if len(ids) > 0 && ids[0] != first && acking > acked {
			first = acking + 1 // the kill came behind the write
		}
		for i, id := range ids {
			if id != first+uint64(i) {
				t.Fatalf("round %d: record %d where %d should be", round, id, first+uint64(i))
			}
		}
		last := first + uint64(len(ids)) - 1
		if last < done && (len(ids) > 0 || acking < done) || last > max(began, acking) || int64(len(ids)) != found.Records {
			t.Fatalf("round %d: records up to %d, appended %d, tried %d; acknowledged %d, tried %d; found %+v", round, last, done, began, acked, acking, found)
		}
		if len(ids) > 0 {
			acked = first - 1
		}
		acking, done = max(acked, acking), max(done, last)
	}
	t.Logf("killed %d times, %d torn writes, %d records", rounds, torn, done)
}
