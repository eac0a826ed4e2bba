//go:build unix

package logsub

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
)

// killedHost is a log host in a process of its own. Others reach it at an address of the test, which can
// kill it in the middle of an answer.
type killedHost struct {
	*testing.T
	listener net.Listener
	daemon   string
	dir      string
	cmd      *exec.Cmd
	address  atomic.Value // of the process
	after    atomic.Int64 // bytes of answers after which it is killed; 0: not
}

func newKilledHost(t *testing.T, daemon string) *killedHost {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &killedHost{T: t, listener: l, daemon: daemon, dir: t.TempDir()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go k.pass(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		k.kill()
	})
	k.start()
	return k
}

// start runs the process until it is killed.
func (k *killedHost) start() {
	k.Helper()
	exe, err := os.Executable()
	if err != nil {
		k.Fatal(err)
	}
	k.cmd = exec.CommandContext(k.Context(), exe)
	k.cmd.Env = append(os.Environ(), crashDir+"="+k.dir, crashDaemon+"="+k.daemon, crashHeal+"="+k.listener.Addr().String())
	k.cmd.Stderr = k.Output()
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		k.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		k.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		k.Fatal(err)
	}
	k.address.Store(strings.TrimSpace(line))
}

func (k *killedHost) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait() // it was killed
}

// pass passes a connection on to the process.
func (k *killedHost) pass(c net.Conn) {
	defer func() { _ = c.Close() }()
	address, _ := k.address.Load().(string)
	to, err := net.Dial("tcp4", address)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() { _, _ = io.Copy(to, c) }()
	block := make([]byte, 512)
	for {
		n, err := to.Read(block)
		if n > 0 {
			_, _ = c.Write(block[:n])
		}
		if left := k.after.Load(); left > 0 && k.after.Add(int64(-n)) <= 0 {
			k.after.Store(0)
			_ = k.cmd.Process.Kill()
		}
		if err != nil {
			return
		}
	}
}

// TestHealPeerKilled: a log host is killed while another one fetches lines from it, which then goes on
// with the next. When it is back, it gets what it lacks: all have the same files.
func TestHealPeerKilled(t *testing.T) {
	ring := localringtest.New(t, "", "one", "two", "three")
	daemons := ring.StartAll()
	one, three := t.TempDir(), t.TempDir()
	runHost(t, ringHost(t, daemons[0], one))
	two := newKilledHost(t, daemons[1].Address())
	p := newPublisherOf(t, dialDaemon, daemons[0].Address(), "web")
	// Two has joined and compared its files once it has the first line. While lines flowed meanwhile, parts
	// that were cut by size differed once in some hundred runs.
	p.send(1)
	waitIdentical(t, 1, one, two.dir)
	p.send(999)
	waitIdentical(t, 1000, one, two.dir)
	two.after.Store(20_000)
	cfg := ringHost(t, daemons[2], three)
	cfg.Heal.Peers = []string{two.listener.Addr().String()}
	s, _ := runHost(t, cfg)
	p.send(500)
	waitIdentical(t, 1500, one, three)
	testkit.Wait(t, "the fetch from the killed one has failed", func() bool {
		for _, n := range s.Stats().Heal.Failures {
			if n > 0 {
				return true
			}
		}
		return false
	})
	two.kill()
	p.send(100)
	two.start()
	p.send(100)
	waitIdentical(t, 1700, one, two.dir, three)

	// Now it is killed while lines are in full flow, and nobody asks it.
	p.send(300)
	two.kill()
	p.send(300)
	two.start()
	waitIdentical(t, 2300, one, two.dir, three)
}
