package integration

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/netns"
)

var (
	crashSeed   = flag.Uint64("seed", 1, "seed of TestCrashes")
	crashKills  = flag.Int("kills", 12, "`number` of processes that TestCrashes kills")
	crashOutage = flag.Duration("outage", time.Second, "`duration` of each outage in TestCrashes: a full disk, a split network, no log host; 0 for none")
	crashVictim = flag.String("victims", "", "TestCrashes kills only these: `words` such as logpub,log2 (default: all)")
	crashRate   = flag.Int("rate", 200, "requests a second that TestCrashes sends to each web host")
	crashEqual  = flag.Bool("identical", false, "fail TestCrashes if the files of the log hosts have another order")
	crashDir    = flag.String("dir", "", "`directory` in which TestCrashes leaves the files of its hosts (default: they are removed)")
)

// TestCrashes kills programs of a farm at random while web servers answer requests:
//
//	web1: Apache, piped log ─▶ logpub ─▶ spreadd ─┐             ┌─ spreadd ─▶ logsub: log1
//	web2: nginx, its file ───▶ logpub ─▶ spreadd ─┴─ a network ─┴─ spreadd ─▶ logsub: log2
//
// Only the web servers keep running. At the end, each answered request is once in the file of each
// log host. The one exception is a line that logpub had read from Apache's pipe just before it was
// killed. With -identical, the files have to be the same to the byte: filling does not move a line
// that one log host got only when its publisher sent it again.
//
// CI kills a few processes. To kill more of them, with outages of a minute:
//
//	sudo go test ./integration -run TestCrashes -v -timeout 1h -kills 300 -outage 1m -seed 7
func TestCrashes(t *testing.T) {
	netns.Require(t)
	c := newCrashFarm(t)
	c.storm("all is well", *crashKills)
	for _, o := range []struct {
		what       string
		begin, end func()
	}{
		{"the disk of log1 is full", c.fillDisk, c.emptyDisk},
		{"the network is split", c.split, c.join},
		{"no log host is running", c.stopLogHosts, c.startLogHosts},
	} {
		if *crashOutage == 0 {
			break
		}
		t.Log(o.what)
		o.begin()
		c.storm(o.what, *crashKills/6)
		time.Sleep(*crashOutage) //house:sleep an outage lasts as long as asked for
		o.end()
		c.storm("after: "+o.what, *crashKills/6)
	}
	c.check()
}

// crashFarm is a farm whose programs are killed.
type crashFarm struct {
	*farm
	web1, web2, log1, log2 *farmHost
	rng                    *rand.Rand
	services               []*service
	clients                []*client
	kills                  map[string]int // by program
	pipeKills              []pipeKill     // of Apache's logpub
}

// pipeKill is the time in which a process was killed.
type pipeKill struct{ from, to time.Time }

// diskSize is the size of the disk of log1.
const diskSize = 256 << 20

func newCrashFarm(t *testing.T) *crashFarm {
	t.Helper()
	f := newFarm(t, "web1", "web2", "log1", "log2")
	c := &crashFarm{
		farm: f, web1: f.hosts[0], web2: f.hosts[1], log1: f.hosts[2], log2: f.hosts[3],
		rng: rand.New(rand.NewPCG(*crashSeed, 0)), kills: make(map[string]int),
	}
	t.Logf("seed %d, %d kills, outages of %v, %d requests/s to each web host", *crashSeed, *crashKills, *crashOutage, *crashRate)
	f.hub.IP(t, "link add other type bridge mcast_snooping 0", "link set other up")
	c.log1.Tmpfs(t, c.log1.path("logs"), diskSize)
	for _, h := range f.hosts {
		c.serve(h, "spreadd", h.daemonCommand())
	}
	for _, h := range []*farmHost{c.log1, c.log2} {
		c.serve(h, "logsub", h.logsubCommand("[heal]\nlisten = \""+h.addr+":4807\"\n", "weblogs"))
	}
	c.serve(c.web2, "logpub", c.web2.logpubCommand(""))
	c.web1.startApache()
	c.services = append(c.services, &service{host: c.web1, name: "logpub", parent: c.web1.all[0].Cmd.Process.Pid})
	c.web2.serveNginx("")
	for _, h := range f.webs() {
		c.clients = append(c.clients, startClient(h, *crashRate))
	}
	return c
}

func (c *crashFarm) serve(h *farmHost, name string, command []string) {
	s := &service{host: h, name: name, command: command}
	s.start()
	c.services = append(c.services, s)
	c.t.Cleanup(s.cleanUp)
}

// storm kills a number of processes, some of them at once, and restarts each a moment later.
func (c *crashFarm) storm(when string, kills int) {
	c.t.Helper()
	for before := c.killed(); c.killed() < before+kills; {
		var victims []*service
		for _, s := range c.choose() {
			from := time.Now()
			if s.kill() {
				victims = append(victims, s)
				c.kills[s.name]++
				if s.parent != 0 {
					c.pipeKills = append(c.pipeKills, pipeKill{from, time.Now()})
				}
			}
		}
		c.t.Logf("%s: killed %v at %s", when, victims, time.Now().Format(clockTime))
		c.pause(400 * time.Millisecond)
		c.rng.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
		for _, s := range victims {
			if !s.stopped {
				s.start()
				c.pause(50 * time.Millisecond)
			}
		}
		c.pause(time.Second)
	}
}

func (c *crashFarm) killed() (sum int) {
	for _, n := range c.kills {
		sum += n
	}
	return sum
}

func (c *crashFarm) pause(most time.Duration) {
	time.Sleep(time.Duration(c.rng.Int64N(int64(most)))) //house:sleep kills come at random times
}

// choose returns the next victims: one program, those of a host, all of a name, or all.
func (c *crashFarm) choose() []*service {
	candidates := slices.DeleteFunc(slices.Clone(c.services), func(s *service) bool { return !s.isVictim(*crashVictim) })
	one := candidates[c.rng.IntN(len(candidates))]
	match := func(s *service) bool { return s == one }
	switch n := c.rng.IntN(20); {
	case n < 3:
		match = func(s *service) bool { return s.host == one.host }
	case n < 5:
		match = func(s *service) bool { return s.name == one.name }
	case n == 5:
		match = func(*service) bool { return true }
	}
	return slices.DeleteFunc(candidates, func(s *service) bool { return !match(s) })
}

// ballast is the file that fills the disk of log1.
func (c *crashFarm) ballast() string { return c.log1.Root() + c.log1.path("logs/ballast") }

func (c *crashFarm) fillDisk() {
	f, err := os.Create(c.ballast())
	if err != nil {
		c.t.Fatal(err)
	}
	// The last bytes go one by one: a short write must not leave room.
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	_ = f.Close() // The disk is full.
}

func (c *crashFarm) emptyDisk() {
	if err := os.Remove(c.ballast()); err != nil {
		c.t.Fatal(err)
	}
}

// split leaves one web host and one log host on each side.
func (c *crashFarm) split() { c.hub.IP(c.t, "link set p0 master other", "link set p2 master other") }

func (c *crashFarm) join() { c.hub.IP(c.t, "link set p0 master farm", "link set p2 master farm") }

func (c *crashFarm) logHosts() (services []*service) {
	for _, s := range c.services {
		if s.name == "logsub" {
			services = append(services, s)
		}
	}
	return services
}

func (c *crashFarm) stopLogHosts() {
	for _, s := range c.logHosts() {
		s.kill()
		s.stopped = true
	}
}

func (c *crashFarm) startLogHosts() {
	for _, s := range c.logHosts() {
		s.stopped = false
		s.start()
	}
}

// check ends the load, waits for all lines, stops the programs and compares the files.
func (c *crashFarm) check() {
	c.t.Helper()
	answered := 0
	for _, cl := range c.clients {
		cl.stop()
		answered += len(cl.answered)
		c.t.Logf("%s answered %d requests, the slowest after %v", cl.host.name, len(cl.answered), cl.slowest.Round(time.Millisecond))
	}
	c.t.Logf("killed %v", c.kills)
	began := time.Now()
	c.settle(int64(2 * answered))
	c.t.Logf("all lines are there %v after the last request", time.Since(began).Round(time.Millisecond))
	for _, h := range c.webs() {
		h.all[0].Stop()
	}
	for _, name := range []string{"logpub", "logsub", "spreadd"} {
		for _, s := range c.services {
			if s.name == name && s.parent == 0 {
				s.end()
			}
		}
	}
	c.keep()
	c.fill(c.log1, c.log2)
	c.fill(c.log2, c.log1)
	files, seen := make([]string, 2), make([]map[string]int, 2)
	for i, h := range []*farmHost{c.log1, c.log2} {
		files[i] = readFile(c.t, c.log(h))
		seen[i] = c.requests(h, files[i])
	}
	for _, cl := range c.clients {
		c.excuse(cl, seen[0], seen[1])
		c.compare(c.log1, cl, seen[0])
		c.compare(c.log2, cl, seen[1])
	}
	if files[0] != files[1] {
		report := c.t.Logf
		if *crashEqual {
			report = c.t.Errorf
		}
		report("the files of the log hosts differ, from byte %d of %d and %d on", common(files[0], files[1]), len(files[0]), len(files[1]))
	}
}

// fill fills the gaps of a log host from the other one.
func (c *crashFarm) fill(to, from *farmHost) {
	c.t.Helper()
	out, err := exec.CommandContext(c.t.Context(), filepath.Join(c.bin, "logsub"), "-fill", to.Root()+to.path("logs"), "-from", from.Root()+from.path("logs")).CombinedOutput()
	c.t.Logf("logsub -fill on %s: %s", to.name, bytes.TrimSpace(out))
	if err != nil {
		c.t.Errorf("logsub -fill on %s: %v", to.name, err)
	}
}

// keep copies the files of all hosts to the directory of the flag.
func (c *crashFarm) keep() {
	if *crashDir == "" {
		return
	}
	for _, h := range c.hosts {
		if err := os.CopyFS(filepath.Join(*crashDir, h.name), os.DirFS(h.Root()+h.dir)); err != nil {
			c.t.Errorf("cannot keep the files of %s: %v", h.name, err)
		}
	}
}

// clockTime is the form of times in reports.
const clockTime = "15:04:05.000"

// log returns the path of the log of a log host.
func (c *crashFarm) log(h *farmHost) string { return h.Root() + h.path("logs/weblogs") }

// stillness is how long no line arrives at the log hosts when they have all that they will ever have.
// It is longer than the pauses of programs that connect again.
const stillness = 8 * time.Second

// settle waits until the log hosts have a number of lines in all, or get no more: lines of a pipe, and
// what one of them missed, may not come.
func (c *crashFarm) settle(want int64) {
	one, other := countLines(c.log(c.log1)), countLines(c.log(c.log2))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for last, since := int64(0), time.Now(); last < want && time.Since(since) < stillness; <-tick.C {
		if n := one() + other(); n != last {
			last, since = n, time.Now()
		}
	}
}

// common returns the length of the common prefix.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// requests returns how often each request is in the file of a log host.
func (c *crashFarm) requests(h *farmHost, file string) map[string]int {
	c.t.Helper()
	seen, foreign := make(map[string]int), 0
	for line := range strings.Lines(file) {
		_, id, _ := strings.Cut(line, "?request=")
		id, rest, _ := strings.Cut(id, " ")
		if strings.HasPrefix(rest, "HTTP/1.1\" 200 ") && strings.HasSuffix(line, "\"\n") {
			seen[id]++
		} else if foreign++; foreign < 10 {
			c.t.Errorf("%s has the line %q", h.name, line)
		}
	}
	return seen
}

// compare compares the file of a log host with the answers that a client got.
func (c *crashFarm) compare(h *farmHost, cl *client, seen map[string]int) {
	c.t.Helper()
	var missing, repeated int
	var example string
	for id, a := range cl.answered {
		switch n := seen[id]; {
		case n == 0:
			missing++
		case n > 1:
			repeated += n - 1
		default:
			continue
		}
		example = fmt.Sprintf("%s, sent at %s and answered at %s", id, a.from.Format(clockTime), a.to.Format(clockTime))
	}
	if missing+repeated > 0 {
		c.t.Errorf("%s: of %d requests to %s, %d are missing and %d repeated, such as %s",
			h.name, len(cl.answered), cl.host.name, missing, repeated, example)
	}
}

// pipeWindow bounds the age of the lines that a killed logpub may lose of a pipe: what its last read
// returned. Before the first read after a start they have waited for a while.
const pipeWindow = time.Second

// excuse takes from the answers of a client those whose lines a killed logpub may have lost, and
// which no log host has. It reports their number and age.
func (c *crashFarm) excuse(cl *client, seen ...map[string]int) {
	if cl.host != c.web1 {
		return
	}
	var excused int
	var oldest time.Duration
	for id, a := range cl.answered {
		if slices.ContainsFunc(seen, func(s map[string]int) bool { return s[id] > 0 }) {
			continue
		}
		for _, kill := range c.pipeKills {
			// The line may be older than the answer that the client has read.
			if a.from.Before(kill.to) && a.to.After(kill.from.Add(-pipeWindow)) {
				delete(cl.answered, id)
				excused++
				oldest = max(oldest, kill.to.Sub(a.to))
				break
			}
		}
	}
	c.t.Logf("%d kills of the logpub behind the pipe cost %d lines; the oldest was answered %v before its kill",
		len(c.pipeKills), excused, oldest.Round(time.Millisecond))
}
