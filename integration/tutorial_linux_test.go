package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestTutorial runs the commands of docs/tutorial on four hosts and compares what they print with the
// page. The hosts have what the packages install, and the test starts the units of the packages.
func TestTutorial(t *testing.T) {
	netns.Require(t)
	hosts := tutorialHosts(t)
	steps := tutorialSteps(t)
	second := 0
	for _, s := range steps {
		h := hosts[s.host]
		if h == nil {
			t.Fatalf("the page has a command for the unknown host %q", s.host)
		}
		if s.host == "log2" {
			second++
		}
		h.do(s)
	}
	if second == 0 || second > 10 {
		t.Errorf("the second log host takes %d commands, want 1 to 10", second)
	}
}

// step is a command of the page with its output.
type step struct {
	host, command, output string
}

// tutorialSteps returns what the console blocks of the page contain.
func tutorialSteps(t *testing.T) (steps []step) {
	t.Helper()
	prompt := regexp.MustCompile(`^(\w+)# (.*)`)
	for _, block := range strings.Split(readFile(t, "../docs/tutorial/README.md"), "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		document := false // within a here document
		for line := range strings.Lines(block) {
			last := len(steps) - 1
			switch m := prompt.FindStringSubmatch(line); {
			case document:
				steps[last].command += "\n" + strings.TrimSuffix(line, "\n")
				document = line != "END\n"
			case m != nil:
				steps = append(steps, step{host: m[1], command: m[2]})
				document = strings.HasSuffix(m[2], "<<END")
			case last < 0:
				t.Fatalf("the page has output before the first command: %q", line)
			default:
				steps[last].output += line
			}
		}
	}
	if len(steps) == 0 {
		t.Fatal("the page has no commands")
	}
	return steps
}

// tutorialHost is a host with files of its own.
type tutorialHost struct {
	*netns.Space
	t        *testing.T
	bin      string
	services map[string]*harness.Process
}

// tutorialHosts makes the hosts of the page on one network: web1 with nginx and web2 with Apache, both
// configured as Debian does, and two log hosts.
func tutorialHosts(t *testing.T) map[string]*tutorialHost {
	t.Helper()
	nginx, apache := need(t, "nginx", "nginx"), need(t, "apache2", "apache2")
	for program, pack := range map[string]string{"curl": "curl", "setpriv": "util-linux", "nsenter": "util-linux", "useradd": "passwd"} {
		need(t, program, pack)
	}
	bin := programs.Build(t, "spreadd", "logpub", "logsub", "spmonitor")
	hub := netns.New(t)
	hub.IP(t, "link set lo up", "link add farm type bridge mcast_snooping 0", "link set farm up")
	hosts := make(map[string]*tutorialHost)
	var names strings.Builder
	names.WriteString("127.0.0.1 localhost\n")
	var ssh strings.Builder
	ssh.WriteString("#!/bin/sh\nhost=$1\nshift\ncase $host in\n")
	for i, name := range []string{"web1", "web2", "log1", "log2"} {
		h := &tutorialHost{Space: netns.New(t), t: t, bin: bin, services: make(map[string]*harness.Process)}
		hosts[name] = h
		hub.IP(t, fmt.Sprintf("link add p%d type veth peer name eth0 netns %s", i, h.Path()),
			fmt.Sprintf("link set p%d master farm", i), fmt.Sprintf("link set p%d up", i))
		addr := fmt.Sprintf("10.0.0.%d", i+1)
		h.IP(t, "link set lo up", "addr add "+addr+"/24 brd + dev eth0", "link set eth0 up")
		names.WriteString(addr + " " + name + "\n")
		fmt.Fprintf(&ssh, "%s) task=%s ;;\n", name, filepath.Dir(h.Root()))
		h.Private(t, name, "/etc", "/usr", "/var", "/run", "/tmp")
	}
	ssh.WriteString("esac\nexec nsenter --mount=$task/ns/mnt --net=$task/ns/net --uts=$task/ns/uts sh -c \"$*\"\n")
	for _, h := range hosts {
		h.Must(t, names.String(), "sh", "-c", "cat >/etc/hosts")
		h.Must(t, ssh.String(), "sh", "-c", "cat >/usr/bin/ssh && chmod 755 /usr/bin/ssh")
	}
	hosts["web1"].run(exec.CommandContext(context.Background(), nginx, "-g", "daemon off;")) // The clean-up ends it.
	hosts["web2"].run(exec.CommandContext(context.Background(), "sh", "-c", ". /etc/apache2/envvars; mkdir -p $APACHE_RUN_DIR; exec "+apache+" -DFOREGROUND"))
	for _, web := range []string{"web1", "web2"} {
		testkit.Wait(t, "the web server of "+web, func() bool {
			_, err := hosts[web].Run("", "curl", "-sf", "http://localhost/")
			return err == nil
		})
	}
	return hosts
}

// run starts a command on the host, which ends at the end of the test.
func (h *tutorialHost) run(cmd *exec.Cmd) *harness.Process {
	return harness.Start(h.t, cmd, h.Do)
}

// do runs a command of the page. If it prints something, it is a question, which is asked until the
// answer is that of the page.
func (h *tutorialHost) do(s step) {
	h.t.Helper()
	words := strings.Fields(s.command)
	switch {
	case words[0] == "dpkg":
		for _, deb := range words[2:] {
			name, _, _ := strings.Cut(filepath.Base(deb), "_")
			h.install(name)
		}
		return
	case words[0] == "systemctl":
		h.systemctl(s.command)
		return
	case s.output == "":
		if out, err := h.Run("", "bash", "-c", s.command); err != nil || out != "" {
			h.t.Fatalf("%s# %s\n%s%v, want no output", s.host, s.command, out, err)
		}
		return
	}
	var out string
	h.t.Cleanup(func() {
		if h.t.Failed() {
			h.t.Logf("%s# %s\n%s", s.host, s.command, out)
		}
	})
	testkit.Wait(h.t, fmt.Sprintf("%q on %s to print\n%s", s.command, s.host, s.output), func() bool {
		out, _ = h.Run("", "bash", "-c", s.command) // spmonitor status ends with 1 if something is wrong.
		return masked(out) == masked(s.output)
	})
}

// masked replaces what differs from run to run: times, rates, sizes, versions, and the width of
// columns.
func masked(text string) string {
	for _, m := range [][2]string{
		{`\[\d+/\w+/\d+:[^\]]*\]`, "[*]"},
		{`" 200 \d+`, `" 200 *`},
		{`curl/\S+"`, `curl/*"`},
		{`\b\d+(\.\d+)? (µs|ms|s|min|h|%)( |$)`, "* "},
		{`(?m) (v\d\S*|\(devel\))$`, " *"},
		{`(?m) -( |$)`, " * "}, // not measured yet
		{`(?m) -( |$)`, " * "}, // the one behind it
		{` +`, " "},
		{`(?m) $`, ""},
	} {
		text = regexp.MustCompile(m[0]).ReplaceAllString(text, m[1])
	}
	return text
}

// install does what dpkg does with a package: its scripts, its programs as links, and its files from
// deploy.
func (h *tutorialHost) install(name string) {
	h.t.Helper()
	recipe := readFile(h.t, "../deploy/packages/"+name+".yaml")
	root, err := filepath.Abs("..")
	if err != nil {
		h.t.Fatal(err)
	}
	script := func(when string) {
		if m := regexp.MustCompile(when + `: (\S+)`).FindStringSubmatch(recipe); m != nil {
			h.Must(h.t, "", "sh", filepath.Join(root, m[1]), "configure")
		}
	}
	script("preinstall")
	for _, m := range regexp.MustCompile(`src: "?([^", ]+)"?, dst: ([^, ]+),`).FindAllStringSubmatch(recipe, -1) {
		from, to := m[1], m[2]
		switch {
		case strings.HasPrefix(to, "/usr/bin/"), strings.HasPrefix(to, "/usr/sbin/"):
			h.Must(h.t, "", "ln", "-s", filepath.Join(h.bin, filepath.Base(to)), to)
		case strings.HasPrefix(from, "deploy/"):
			h.Must(h.t, "", "install", "-D", "-m", "644", filepath.Join(root, from), to)
		}
	}
	script("postinstall")
}

// systemctl does what systemd does with units.
func (h *tutorialHost) systemctl(command string) {
	h.t.Helper()
	var verb string
	for _, w := range strings.Fields(command)[1:] {
		switch {
		case strings.HasPrefix(w, "-"):
		case verb == "":
			verb = w
		case verb == "enable", verb == "start":
			h.start(w)
		case verb == "restart":
			h.services[w].Stop()
			h.start(w)
		case verb == "stop":
			select {
			case <-h.services[w].Done:
			default:
				h.services[w].Stop()
			}
		case verb == "kill":
			h.services[w].Kill()
		default:
			h.t.Fatalf("%s: the test does not know this", command)
		}
	}
}

// start starts a service as its unit says, and waits until it is ready.
func (h *tutorialHost) start(name string) {
	h.t.Helper()
	unit := make(map[string]string)
	for line := range strings.Lines(h.read("/usr/lib/systemd/system/" + name + ".service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			unit[key] = value
		}
	}
	socket := "@" + name
	var ready *net.UnixConn
	var err error
	h.Do(func() { ready, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"}) })
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = ready.Close() }()
	env := append(os.Environ(), "NOTIFY_SOCKET="+socket)
	for key, parent := range map[string]string{"Runtime": "/run/", "State": "/var/lib/", "Logs": "/var/log/"} {
		if dir := unit[key+"Directory"]; dir != "" {
			h.Must(h.t, "", "install", "-d", "-o", unit["User"], "-g", unit["Group"], parent+dir)
			env = append(env, strings.ToUpper(key)+"_DIRECTORY="+parent+dir)
		}
	}
	cmd := exec.CommandContext(context.Background(), "setpriv", append([]string{ // The clean-up ends it.
		"--reuid=" + unit["User"], "--regid=" + unit["Group"], "--init-groups", "--"}, strings.Fields(unit["ExecStart"])...)...)
	cmd.Env, cmd.Dir = env, unit["WorkingDirectory"]
	h.services[name] = h.run(cmd)
	state := make(chan struct{}, 1)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ready.Read(b)
			if err != nil {
				return
			}
			if strings.Contains(string(b[:n]), "READY=1") {
				state <- struct{}{}
				return
			}
		}
	}()
	select {
	case <-state:
	case <-h.services[name].Done:
		h.t.Fatalf("%s ends: %v", name, h.services[name].Err)
	}
}

func (h *tutorialHost) read(path string) string {
	h.t.Helper()
	out, err := h.Run("", "cat", path)
	if err != nil {
		h.t.Fatal(out)
	}
	return out
}
