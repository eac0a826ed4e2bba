package ringtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// TestNoticesOfPeer: a C daemon serves a client that asks it for notices as any other client, and logs
// nothing about the request. It is optional, because the C daemon is not part of this project.
func TestNoticesOfPeer(t *testing.T) {
	if os.Getenv(peerVariable) == "" {
		t.Skipf("set %s to the path of a Spread 5.0.1 daemon; needs root", peerVariable)
	}
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\tcee 127.0.0.1\n}\nDaemonUser = root\nDaemonGroup = root\n%s", port, peerConf)
	if err := os.WriteFile(filepath.Join(dir, "spread.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(testkit.Output)
	cmd := exec.Command("true")
	peerCommand(cmd, dir, "cee")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // It was killed.
	}()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	var c *spread.Conn
	testkit.Wait(t, "the C daemon to serve clients", func() bool {
		c, err = spread.Dial(ctx, fmt.Sprintf("%d@127.0.0.1", port), spread.WithNotices(true), spread.WithMembership(true))
		return err == nil
	})
	if err := c.Join(ctx, "group"); err != nil {
		t.Fatal(err)
	}
	if e, err := c.Receive(ctx); err != nil {
		t.Fatal(err)
	} else if m, ok := e.(*spread.Membership); !ok || m.Group != "group" {
		t.Fatalf("got %+v, want the membership of the group", e)
	}
	for i := range int16(10) {
		if err := c.Multicast(ctx, spread.Agreed, i, []byte("x"), "group"); err != nil {
			t.Fatal(err)
		}
		if e, err := c.Receive(ctx); err != nil {
			t.Fatal(err)
		} else if m, ok := e.(*spread.Message); !ok || m.Type != i {
			t.Fatalf("got %+v, want message %d", e, i)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Contains(text, "Illegal") {
		t.Errorf("the C daemon has logged\n%s", text)
	}
}
