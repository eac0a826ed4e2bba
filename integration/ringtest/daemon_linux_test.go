package ringtest

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
)

// programs holds the built programs.
var programs harness.Set

func TestMain(m *testing.M) {
	flag.Parse()
	// Rings mostly wait for their timers, so more of them than there are processors can run at a
	// time.
	if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), 16))); err != nil {
		panic(err)
	}
	m.Run()
	programs.Remove()
}

// faults describes what happens to datagrams. A faulty daemon gets it as JSON.
type faults struct {
	Seed                   uint64
	Loss, Duplicate, Delay float64 // shares of the datagrams
	MaxDelay               time.Duration
}

// timeouts are the shortest that work for many daemons on a few cores. LookupTimeout is the time in
// which rings find one another.
const timeouts = `
TokenTimeout = 800
HurryTimeout = 250
AliveTimeout = 100
JoinTimeout = 150
RepTimeout = 350
SegTimeout = 250
GatherTimeout = 800
FormTimeout = 800
LookupTimeout = 2000
`

// conf returns the spread.conf of a ring, with one segment for each network. With unicast each host
// has a segment of its own.
func conf(n *network, s setting) string {
	var b strings.Builder
	// The daemon stays root, because a change of the user clears the parent-death signal.
	fmt.Fprintf(&b, "EventPriority = pDEBUG\nEventTimeStamp = \"%%H:%%M:%%S\"\nEventPreciseTimeStamp\nDaemonUser = root\nDaemonGroup = root\nAcceleratedRing = %v\n", s.accelerated)
	b.WriteString(cmp.Or(s.timers, timeouts))
	var last *host
	for _, h := range n.hosts {
		if slices.Contains(s.out, h.number) {
			continue
		}
		if last == nil || s.way == unicast || last.net != h.net {
			if last != nil {
				b.WriteString("}\n")
			}
			fmt.Fprintf(&b, "Spread_Segment %s {\n", s.segment(h))
		}
		addr := s.addr(h)
		fmt.Fprintf(&b, "\td%d %v", h.number, addr)
		if s.listed {
			fmt.Fprintf(&b, " { D %v C %v }", addr, addr)
		}
		b.WriteString("\n")
		last = h
	}
	b.WriteString("}\n")
	if len(s.peers) > 0 {
		b.WriteString(peerConf)
	}
	return b.String()
}

// process is a daemon that runs on a host.
type process struct {
	*harness.Process
	peer bool // whether it is a C daemon
}

// start starts a daemon on a host. It ends with the test at the latest.
func (r *ring) start(h *host) *process {
	r.t.Helper()
	name := fmt.Sprintf("d%d", h.number)
	p := &process{peer: slices.Contains(r.peers, h.number)}
	cmd := exec.CommandContext(context.Background(), r.binary, "-n", name, "-c", r.conf, "-socket-dir", "") // The clean-up ends it.
	if r.args != nil {
		cmd.Args = append(cmd.Args, r.args(h.number)...)
	}
	if p.peer {
		peerCommand(cmd, filepath.Dir(r.conf), name)
	} else if r.within != nil {
		f := *r.within
		r.started++
		f.Seed += uint64(r.started)
		b, err := json.Marshal(f)
		if err != nil {
			r.t.Fatal(err)
		}
		bin := programs.Build(r.t, faultyDaemon)
		cmd = exec.CommandContext(context.Background(), filepath.Join(bin, path.Base(faultyDaemon)), "-n", name, "-c", r.conf, "-faults", string(b))
	}
	// A restarted daemon finds the ids of its life before there.
	cmd.Env = append(cmd.Environ(), "STATE_DIRECTORY="+filepath.Dir(r.conf))
	if prefix := strings.Fields(r.prefix); len(prefix) > 0 {
		cmd.Path, cmd.Err = exec.LookPath(prefix[0])
		cmd.Args = append(prefix, cmd.Args...)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.Process = harness.Start(r.t, cmd, h.Do)
	p.Name = name
	return p
}

// stop stops the daemon. It checks the status unless this is a C daemon.
func (p *process) stop() {
	if p.peer {
		p.Signal(syscall.SIGTERM)
		_ = p.Wait()
		return
	}
	p.Stop()
}

// faultyDaemon is the path of spreadd with a bad network in the module.
const faultyDaemon = "daemon/cmd/faultyd"

// buildDaemon returns the path of spreadd.
func buildDaemon(t testing.TB) string {
	t.Helper()
	return filepath.Join(programs.Build(t, "spreadd"), "spreadd")
}
