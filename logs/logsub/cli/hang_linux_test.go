package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/hangfs"
	"github.com/spreadd/spreadd/logs/logsub/status"
	"github.com/spreadd/spreadd/spread"
)

// TestHangingFile: logsub ends although its log file cannot be written, and says what is lost.
func TestHangingFile(t *testing.T) {
	m := hangfs.Mount(t)
	address := serveDaemon(t)
	file := filepath.Join(m.Dir, "a.log")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr testkit.Output
	p := &program{hangTime: time.Second, stdout: &stderr, stderr: &stderr}
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, []string{"-s", address, "-g", "a", "-o", file, "-metrics", "0"}) }()
	url := "http://" + stderr.Wait(t, `msg="serving metrics" address=`)
	stderr.Wait(t, "joined")
	pub, err := spread.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Kill()
	send := func(text string) {
		t.Helper()
		if err := pub.Multicast(t.Context(), spread.Agreed, 0, []byte(text+"\n"), "a"); err != nil {
			t.Fatal(err)
		}
		if err := pub.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send("one")
	testkit.Wait(t, "the first line", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && string(text) == "one\n"
	})
	m.Hang()
	for range 5 {
		send("two")
	}
	testkit.Wait(t, "the lines", func() bool {
		st := promtest.JSON[status.Status](t, url+"/status")
		return st.Messages == 6 && promtest.Scrape(t, url).Has(map[string]float64{"logsub_received_messages_total": 6})
	})
	cancel()
	if status := <-done; status == 0 {
		t.Error("it ends with success")
	}
	stderr.Wait(t, "does a network file system hang?")
	if text := stderr.Wait(t, "logsub: 5 lines or more that were received are not written"); text == "" {
		t.Errorf("it says %s", &stderr)
	}
	m.Resume()
	testkit.Wait(t, "what it has left behind", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Count(string(text), "\n") == 6
	})
}

// TestHangingConfiguration: logsub ends while it waits for its configuration.
func TestHangingConfiguration(t *testing.T) {
	m := hangfs.Mount(t)
	m.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr testkit.Output
	p := &program{hangTime: time.Second, stdout: &stderr, stderr: &stderr}
	if status := p.run(ctx, []string{"-c", filepath.Join(m.Dir, "logsub.toml")}); status == 0 || !strings.Contains(stderr.String(), "network file system") {
		t.Errorf("status %d: %s", status, &stderr)
	}
}
