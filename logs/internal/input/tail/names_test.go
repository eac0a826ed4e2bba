package tail

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// namer is a taker that names lines, and notes the name of each. Lines become safe by chance.
type namer struct {
	t *testing.T

	mu          sync.Mutex
	rng         *rand.Rand
	line        map[string]string // by name
	named       map[string]string // by line
	epochs      map[uint64]bool
	again       int
	marks, safe uint64
	dead        bool // takes nothing more
}

func newNamer(t *testing.T, rng *rand.Rand) *namer {
	return &namer{t: t, rng: rand.New(rand.NewPCG(rng.Uint64(), 0)), line: make(map[string]string), named: make(map[string]string), epochs: make(map[uint64]bool)}
}

func (n *namer) Take(names *LineNames, b []byte) (int, uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return 0, n.marks
	}
	n.epochs[names.Epoch] = true
	for line := range strings.Lines(string(b)) {
		groups := fmt.Sprint("g", crc32.ChecksumIEEE([]byte(line))%3)
		stream := 0
		for stream < len(names.Streams) && names.Streams[stream].Groups != groups {
			stream++
		}
		if stream == len(names.Streams) {
			names.Add(groups)
		}
		name := fmt.Sprint(names.Epoch, " ", stream, " ", names.Streams[stream].Next)
		names.Count(stream, 1)
		if before, ok := n.line[name]; ok && before != line {
			n.t.Errorf("%s is %q, and was %q", name, line, before)
		}
		if before, ok := n.named[line]; ok && before != name {
			n.t.Errorf("%q is %s, and was %s", line, name, before)
		} else if ok {
			n.again++
		}
		n.line[name], n.named[line] = line, name
	}
	n.marks++
	return len(b), n.marks
}

func (n *namer) Safe() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.safe += n.rng.Uint64N(n.marks - n.safe + 1)
	return n.safe
}

// follow runs a follower until it is killed.
func (n *namer) follow(cfg Config, naming Naming) (kill func()) {
	n.dead = false
	f, cancel, done := begin(n.t, cfg, n, naming)
	return func() {
		n.mu.Lock()
		n.dead = true
		n.mu.Unlock()
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
		state, err := os.ReadFile(f.state)
		if err != nil {
			n.t.Fatal(err)
		}
		f.Close()
		if err := os.WriteFile(f.state, state, 0o600); err != nil { // a kill writes nothing
			n.t.Fatal(err)
		}
	}
}

// TestNames: whatever is rotated, and whenever the follower is killed, each line has one name and each
// name one line. So those who receive a line again can drop it.
func TestNames(t *testing.T) {
	again := 0
	for seed := range uint64(20) {
		dir, state := t.TempDir(), t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			path := filepath.Join(dir, "access.log")
			epoch := uint64(0)
			to := newNamer(t, rng)
			cfg := Config{Path: path, State: state, FromStart: true}
			naming := Naming{Rules: "r", Epoch: func() uint64 { epoch++; return epoch }}
			kill := to.follow(cfg, naming)
			n := 0
			lines := func(path string) {
				for range 1 + rng.IntN(30) {
					n++
					write(t, path, fmt.Sprintf("seed %d line %06d %s\n", seed, n, strings.Repeat("x", rng.IntN(50))))
				}
			}
			rotations := 0
			lines(path)
			time.Sleep(time.Second)
			for range 60 {
				switch rng.IntN(6) {
				case 0: // and a worker that ends later writes to the old file
					if info, err := os.Stat(path); err != nil || info.Size() == 0 {
						continue
					}
					time.Sleep(2 * pollInterval)
					tick(t)
					rename(t, path)
					lines(path)
					tick(t)
					time.Sleep(time.Duration(rng.IntN(3)) * pollInterval)
					lines(path + ".1")
					rotations++
				case 1:
					kill()
					kill = to.follow(cfg, naming)
				case 2:
					time.Sleep(2 * time.Second)
				default:
					lines(path)
					time.Sleep(time.Duration(rng.IntN(3)) * pollInterval)
				}
			}
			time.Sleep(5 * time.Second)
			kill()
			if len(to.named) != n {
				t.Errorf("seed %d: %d lines of %d came", seed, len(to.named), n)
			}
			if len(to.epochs) != rotations+1 {
				t.Errorf("seed %d: %d epochs for %d files", seed, len(to.epochs), rotations+1)
			}
			again += to.again
		})
	}
	if again == 0 {
		t.Error("no line came again")
	}
}

// TestRules: with other rules, lines get other names, and the names so far are reported.
func TestRules(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		epoch := uint64(0)
		var over []string
		cfg := Config{Path: path, State: dir, FromStart: true}
		naming := Naming{
			Epoch: func() uint64 { epoch++; return epoch },
			Over:  func(n *LineNames) { over = append(over, fmt.Sprint(n.Epoch, n.Rules, n.Streams)) },
		}
		for i, rules := range []string{"one", "one", "two"} {
			naming.Rules = rules
			to := newNamer(t, rng)
			write(t, path, fmt.Sprintf("line %d\n", i))
			f, cancel, done := begin(t, cfg, to, naming)
			time.Sleep(20 * time.Second)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			f.Close()
		}
		if got := fmt.Sprint(epoch, over); !strings.HasPrefix(got, "2 [1one") || len(over) != 1 {
			t.Errorf("epochs and what was reported: %s", got)
		}
	})
}
