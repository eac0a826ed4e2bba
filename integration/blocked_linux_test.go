package integration

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
)

var blockedIdle = flag.Bool("blocked-idle", false, "also block the port of messages in TestBlockedPorts, which takes a minute to be named")

// TestBlockedPorts: of four hosts, the firewall of one drops what another one sends to a port of the
// ring. spmonitor status names the direction and the port, and so does the page of a third host,
// although nobody sends a message.
func TestBlockedPorts(t *testing.T) {
	netns.Require(t)
	need(t, "nft", "nftables")
	need(t, "curl", "curl")
	bin := programs.Build(t, "spreadd", "spmonitor")
	hub := netns.New(t)
	hub.IP(t, "link set lo up", "link add farm type bridge mcast_snooping 0", "link set farm up")
	conf := filepath.Join(t.TempDir(), "spread.conf")
	var text strings.Builder
	text.WriteString("Spread_Segment 10.79.1.255:4803 {\n")
	names := []string{"web1", "web2", "log1", "log2"}
	hosts := make(map[string]*netns.Space)
	for i, name := range names {
		h := netns.New(t)
		hosts[name] = h
		hub.IP(t, fmt.Sprintf("link add p%d type veth peer name eth0 netns %s", i, h.Path()),
			fmt.Sprintf("link set p%d master farm", i), fmt.Sprintf("link set p%d up", i))
		h.IP(t, "link set lo up", fmt.Sprintf("addr add 10.79.1.%d/24 brd + dev eth0", i+1), "link set eth0 up")
		fmt.Fprintf(&text, "\t%s 10.79.1.%d\n", name, i+1)
	}
	if err := os.WriteFile(conf, []byte(text.String()+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		h.Do(func() {
			harness.Launch(t, filepath.Join(bin, "spreadd"), "-c", conf, "-socket-dir", "", "-run-dir", "", "-http", "127.0.0.1:9803")
		})
	}
	says := func(what, name, text string, command ...string) {
		t.Helper()
		var out string
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s:\n%s", name, out)
			}
		})
		testkit.Wait(t, what, func() bool {
			out, _ = hosts[name].Run("", command[0], command[1:]...)
			return strings.Contains(out, text)
		})
	}
	status := []string{filepath.Join(bin, "spmonitor"), "status", "-c", conf}
	says("a ring of all", "web1", "healthy", status...)
	ports := map[int]string{4804: "web2 sends form tokens to log1, and none arrives (is UDP 4804 open from web2 to log1?)"}
	if *blockedIdle {
		ports[4803] = "log1 gets no request of web2, which asks all daemons how they are (is UDP 4803 open from web2 to log1?)"
	}
	for port, text := range ports {
		hosts["log1"].Must(t, fmt.Sprintf(
			"table inet blocked { chain input { type filter hook input priority 0; ip saddr 10.79.1.2 udp dport %d drop; }; }\n", port), "nft", "-f", "-")
		says(fmt.Sprintf("UDP %d to be named", port), "web1", text, status...)
		says(fmt.Sprintf("UDP %d to be named by a page", port), "log2", text, "curl", "-sf", "http://127.0.0.1:9803/status/overview")
		hosts["log1"].Must(t, "", "nft", "delete", "table", "inet", "blocked")
		says("a ring of all again", "web1", "healthy", status...)
	}
}
