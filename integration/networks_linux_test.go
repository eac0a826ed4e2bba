package integration

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/netns"
)

// TestFirewallRules: the kernel takes the rules that docs/operate/networks.md shows.
func TestFirewallRules(t *testing.T) {
	netns.Require(t)
	_, rules, ok := strings.Cut(readFile(t, "../docs/operate/networks.md"), "```nft\n")
	rules, _, ended := strings.Cut(rules, "```")
	if !ok || !ended {
		t.Fatal("the page shows no rules")
	}
	netns.New(t).Must(t, rules, "nft", "-f", "-")
}
