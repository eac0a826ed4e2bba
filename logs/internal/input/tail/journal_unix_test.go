//go:build unix

package tail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// journalScript stands for journalctl: it prints the lines of a file, and ends when it is told to by a file.
const journalScript = `#!/bin/sh
after=0 last= tail=
for a in "$@"; do
	case $a in
	--after-cursor=*) after=${a#*=c} ;;
	--lines=1) last=1 ;;
	--follow) tail=1 ;;
	esac
done
J=%s
if [ -n "$last" ]; then tail -n 1 "$J"; exit; fi
while :; do
	total=$(wc -l < "$J")
	if [ "$after" -lt "$total" ]; then
		sed -n "$((after + 1)),${total}p" "$J"
		after=$total
	fi
	if [ -e "$J.end" ]; then rm "$J.end"; echo "planted end" >&2; exit 1; fi
	sleep 0.02
done
`

// journalTaker keeps lines with their numbers. What it took is safe once safe is set.
type journalTaker struct {
	mu    sync.Mutex
	lines []string // with epoch and number
	safe  bool
	mark  uint64
}

// Take implements Taker.
func (k *journalTaker) Take(names *LineNames, lines []byte) (n int, mark uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for line := range strings.Lines(string(lines)) {
		if len(names.Streams) == 0 {
			names.Add("g")
		}
		k.lines = append(k.lines, fmt.Sprintf("%d %d %s", names.Epoch, names.Streams[0].Next, line))
		names.Count(0, 1)
		k.mark++
	}
	return len(lines), k.mark
}

// Safe implements Taker.
func (k *journalTaker) Safe() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.safe {
		return k.mark
	}
	return 0
}

func (k *journalTaker) got() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.lines)
}

// journalRig is a made-up journal.
type journalRig struct {
	dir, file, command string
	n                  int
	events             testkit.Output
}

func newJournalRig(t *testing.T) *journalRig {
	dir := t.TempDir()
	r := &journalRig{dir: dir, file: filepath.Join(dir, "journal"), command: filepath.Join(dir, "journalctl")}
	if err := os.WriteFile(r.command, fmt.Appendf(nil, journalScript, r.file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, r.file, "")
	return r
}

func (r *journalRig) add(t *testing.T, messages ...string) {
	t.Helper()
	for _, m := range messages {
		r.n++
		write(t, r.file, fmt.Sprintf("{\"__CURSOR\":\"c%d\",\"MESSAGE\":%s}\n", r.n, m))
	}
}

// run follows until end is called. With kill, it writes no position at the end.
func (r *journalRig) run(t *testing.T, to *journalTaker) (end func(kill bool)) {
	t.Helper()
	j, err := NewJournalFollower(JournalConfig{Command: r.command, State: filepath.Join(r.dir, "state"), OnEvent: func(what string, err error) {
		fmt.Fprintln(&r.events, what, err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	epoch := uint64(time.Now().UnixNano())
	j.Name(Naming{Epoch: func() uint64 { epoch++; return epoch }, Rules: "r"})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.Run(ctx, to)
	}()
	return func(kill bool) {
		t.Helper()
		if kill {
			j.Leave()
		}
		stop()
		<-ended
		j.Close()
	}
}

// TestJournal: over restarts of journalctl, ends and kills of the follower, each entry comes, and one that comes again has the
// name that it had.
func TestJournal(t *testing.T) {
	r := newJournalRig(t)
	r.add(t, `"old"`)
	var first journalTaker
	first.safe = true
	end := r.run(t, &first)
	state := filepath.Join(r.dir, "state")
	testkit.Wait(t, "the position before the first line", func() bool { names, _ := os.ReadDir(state); return len(names) == 1 })
	r.add(t, `"one"`, `"two\nlines\n"`, `null`, `[116,104,114,101,101,255]`)
	testkit.Wait(t, "lines", func() bool { return len(first.got()) == 3 })
	write(t, r.file+".end", "")
	testkit.Wait(t, "the end of journalctl", func() bool { return strings.Contains(r.events.String(), "journalctl: planted end") })
	r.add(t, `"four"`)
	testkit.Wait(t, "a line after a restart of journalctl", func() bool { return len(first.got()) == 4 })
	end(false)

	r.add(t, `"five"`)
	var second journalTaker
	end = r.run(t, &second)
	testkit.Wait(t, "a line of the time between", func() bool { return len(second.got()) == 1 })
	end(true) // it is not safe

	var third journalTaker
	third.safe = true
	end = r.run(t, &third)
	r.add(t, `"six"`)
	testkit.Wait(t, "lines after a kill", func() bool { return len(third.got()) == 2 })
	end(false)

	var got []string
	epoch, _, _ := strings.Cut(first.got()[0], " ")
	for _, k := range []*journalTaker{&first, &second, &third} {
		for _, line := range k.got() {
			got = append(got, strings.TrimPrefix(line, epoch+" "))
		}
	}
	want := []string{"0 one\n", "1 two lines\n", "2 three\xff\n", "3 four\n", "4 five\n", "4 five\n", "5 six\n"}
	if !slices.Equal(got, want) {
		t.Errorf("came %q, want %q; events %s", got, want, &r.events)
	}
}

// TestNoJournalctl: it is reported once that journalctl cannot be run.
func TestNoJournalctl(t *testing.T) {
	r := newJournalRig(t)
	r.command = filepath.Join(r.dir, "missing")
	var to journalTaker
	end := r.run(t, &to)
	r.events.Wait(t, "cannot follow the journal; will keep retrying")
	end(false)
	if n := strings.Count(r.events.String(), "cannot follow"); n != 1 {
		t.Errorf("reported %d times", n)
	}
}
