package ringtest

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// What a client sends, which nobody else may read.
const (
	secretGroup   = "secret-group-name"
	secretPayload = "the content of a message that only members of the group may read"
)

// sealedDatagram is a UDP datagram that was on the wire.
type sealedDatagram struct {
	from, to [4]byte
	ports    [4]byte // from and to
	payload  []byte
}

// wiretap records the datagrams of all hosts.
type wiretap struct {
	socket int
	ports  map[int]bool // indexes of the interfaces to hosts

	mu     sync.Mutex
	seen   []sealedDatagram
	faults []string
	ended  chan struct{}
}

// tap begins to record what hosts send.
func (n *network) tap() *wiretap {
	n.t.Helper()
	w := &wiretap{ports: make(map[int]bool), ended: make(chan struct{})}
	var err error
	n.hub.Do(func() {
		var all []net.Interface
		if all, err = net.Interfaces(); err != nil {
			return
		}
		for _, i := range all {
			if strings.HasPrefix(i.Name, "p") {
				w.ports[i.Index] = true
			}
		}
		proto := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
		w.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, proto)
		if err == nil {
			err = unix.SetsockoptTimeval(w.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
		}
		if err == nil {
			err = unix.SetsockoptInt(w.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
		}
	})
	if err != nil {
		n.t.Fatal(err)
	}
	stop := make(chan struct{})
	go w.run(stop)
	n.t.Cleanup(func() {
		close(stop)
		<-w.ended
		_ = unix.Close(w.socket)
	})
	return w
}

func (w *wiretap) run(stop chan struct{}) {
	defer close(w.ended)
	b := make([]byte, 1<<16)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(w.socket, b, 0)
		at, ok := from.(*unix.SockaddrLinklayer)
		// A switch port receives what its host sends.
		if err != nil || !ok || !w.ports[at.Ifindex] || at.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		w.add(b[:n])
	}
}

// add records an IP packet, if it is a datagram between daemons, monitors or both.
func (w *wiretap) add(ip []byte) {
	if len(ip) < 28 || ip[0] != 0x45 || ip[9] != unix.IPPROTO_UDP {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	total, fragment := int(binary.BigEndian.Uint16(ip[2:])), binary.BigEndian.Uint16(ip[6:])&0x3fff
	d := sealedDatagram{from: [4]byte(ip[12:]), to: [4]byte(ip[16:]), ports: [4]byte(ip[20:]), payload: bytes.Clone(ip[28:min(len(ip), total)])}
	if total > 1500 || fragment != 0 {
		w.faults = append(w.faults, fmt.Sprintf("%v sends %d bytes, fragment %#x", d.from, total, fragment))
		return
	}
	w.seen = append(w.seen, d)
	if !seal.Marked(d.payload) || len(d.payload) < seal.Overhead {
		w.faults = append(w.faults, fmt.Sprintf("%v sends %x, which is not sealed", d.from, d.payload[:min(32, len(d.payload))]))
		return
	}
	for _, word := range []string{secretGroup, secretPayload[:16], "#c1#d1", "#c2#d2"} {
		if bytes.Contains(d.payload, []byte(word)) {
			w.faults = append(w.faults, fmt.Sprintf("%q is readable on the wire", word))
		}
	}
}

// take returns what was recorded since the last call, without that of the hosts in except.
func (w *wiretap) take(except ...*host) (all []sealedDatagram) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.seen {
		skip := false
		for _, h := range except {
			skip = skip || h.addr.As4() == d.from
		}
		if !skip {
			all = append(all, d)
		}
	}
	w.seen = nil
	return all
}

// structureless checks that what is sealed looks random: headers, names and text would compress.
func structureless(t *testing.T, list []sealedDatagram) {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range list {
		n += len(d.payload) - seal.HeaderLen
		if _, err := w.Write(d.payload[seal.HeaderLen:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n < 50_000 || packed.Len() < n {
		t.Errorf("%d sealed bytes of %d datagrams compress to %d", n, len(list), packed.Len())
	}
}

// replay sends datagrams again, with the addresses from which they came, to all hosts.
func (r *ring) replay(list []sealedDatagram) {
	r.t.Helper()
	var err error
	r.hub.Do(func() {
		var s int
		if s, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			return
		}
		defer func() { _ = unix.Close(s) }()
		for i, d := range list {
			for _, h := range r.hosts {
				to := h.addr.As4()
				b := []byte{0: 0x45, 8: 64, 9: unix.IPPROTO_UDP, 19: 0} // The kernel adds lengths and sums.
				copy(b[12:], d.from[:])
				copy(b[16:], to[:])
				b = append(b, d.ports[:]...)
				b = binary.BigEndian.AppendUint16(b, uint16(8+len(d.payload)))
				b = append(b, 0, 0) // no checksum
				b = append(b, d.payload...)
				if err = unix.Sendto(s, b, 0, &unix.SockaddrInet4{Addr: to}); err != nil {
					return
				}
			}
			if i%50 == 49 {
				time.Sleep(time.Millisecond) //house:sleep so that the daemons get to read them
			}
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// metric returns the sum of the values of the metrics with this beginning at a daemon.
func (r *ring) metric(number int, name string) (sum float64) {
	r.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: r.hosts[number-1].dial, DisableKeepAlives: true}}
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:4805/metrics", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if at := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, name) {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				r.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// harmless checks that datagrams that are sent again only raise counters at the hosts of a ring.
func (r *ring) harmless(what string, list []sealedDatagram, numbers ...int) {
	r.t.Helper()
	const opened, installed, refused = `spreadd_ring_opened_datagrams_total{outcome="`, "spreadd_memberships_installed_total", "spreadd_datagrams_refused_total"
	count := func(i int) (n float64) {
		for _, reason := range []seal.Reason{seal.Repeated, seal.Unproved, seal.Forged, seal.Own, seal.Malformed, seal.Stranger} {
			n += r.metric(i, opened+reason.String()+`"`)
		}
		return n
	}
	type state struct{ refused, sealed, installed float64 }
	before := make(map[int]state)
	for _, i := range numbers {
		before[i] = state{r.metric(i, refused), count(i), r.metric(i, installed)}
	}
	r.replay(list)
	r.progress(40, numbers...)
	for _, i := range numbers {
		testkit.Wait(r.t, fmt.Sprintf("the refusals of host %d", i), func() bool { return count(i)-before[i].sealed >= float64(len(list)/2) })
		if n := r.metric(i, refused) - before[i].refused; n > 0 {
			r.t.Errorf("%s: %v datagrams reach the engine of host %d, which refuses them", what, n, i)
		}
		if n := r.metric(i, installed) - before[i].installed; n > 0 {
			r.t.Errorf("%s: host %d has changed its ring %v times", what, i, n)
		}
	}
	r.t.Logf("%s: %d datagrams sent again to each host", what, len(list))
}

// writeKeys makes the settings of a daemon with a key, and returns the command line for them.
func writeKeys(t testing.TB, dir, name string, key *seal.Key) (args []string) {
	t.Helper()
	file, settings := filepath.Join(dir, name+".keys"), filepath.Join(dir, name+".toml")
	for path, text := range map[string]string{
		file:     fmt.Sprintf("keys = [%q]\n", key.Text()),
		settings: fmt.Sprintf("ring_keys = %q\n", file),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"-settings", settings, "-http", "127.0.0.1:4805"}
}

// TestSealedRing: on the wire of a ring with keys nothing is readable, too long or in fragments.
// Captured datagrams that are sent again do nothing, and a host without the keys, or with others, does
// not get in.
func TestSealedRing(t *testing.T) {
	netns.Require(t)
	t.Parallel()
	binary, monitor := buildDaemon(t), filepath.Join(programs.Build(t, "spmonitor"), "spmonitor")
	dir := t.TempDir()
	var keys [2]*seal.Key
	for i := range keys {
		var err error
		if keys[i], err = seal.NewKey(seal.FastCipher(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	right, wrong := writeKeys(t, dir, "right", keys[0]), writeKeys(t, dir, "wrong", keys[1])
	stranger := []string{"-http", "127.0.0.1:4805"}
	const members, outsider = 3, 4
	r := newDaemons(t, binary, setting{
		networks: []int{outsider}, timers: strings.Replace(timeouts, "TokenTimeout = 800", "TokenTimeout = 4000", 1),
		args: func(number int) []string {
			if number == outsider {
				return stranger
			}
			return right
		},
	})
	for _, h := range r.hosts { // so that what is captured is what a network card sends
		h.IP(t, "link set ring0 gso_max_segs 1")
	}
	tap, began := r.tap(), time.Now()
	in := []int{1, 2, 3}
	for _, i := range in {
		r.connect(i)
	}
	r.together("those with the key", in...)
	c := r.dial(1, "author")
	for range 200 {
		if err := c.Multicast(t.Context(), spread.Agreed, 0, bytes.Repeat([]byte(secretPayload), 1+members*10), secretGroup); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := r.hosts[0].Run("", monitor, "status", "-c", r.conf, "-n", "d1", "-keys", filepath.Join(dir, "right.keys")); !strings.Contains(out, "d3") {
		t.Errorf("spmonitor: %v\n%s", err, out)
	}
	r.progress(40, in...)

	captured := tap.take(r.hosts[outsider-1])
	captured = captured[:min(len(captured), 3000)]
	structureless(t, captured)
	r.harmless("at once", captured, in...)
	r.crash(2)
	r.restart(2)
	r.together("one restarted", in...)
	r.harmless("after a restart", captured, in...)

	// refusals checks what daemons log about a host: once in a minute.
	refusals := func(at int, from *host, reason seal.Reason) {
		t.Helper()
		want := []string{"datagrams refused", "from=" + from.addr.String(), "reason=" + reason.String()}
		lines := func() (n int) {
			for line := range strings.Lines(r.daemons[at-1].Output.String()) {
				if strings.Contains(line, want[0]) && strings.Contains(line, want[1]) && strings.Contains(line, want[2]) {
					n++
				}
			}
			return n
		}
		testkit.Wait(t, fmt.Sprintf("%q of d%d", want, at), func() bool { return lines() > 0 })
		if n := lines(); n > 1+int(time.Since(began)/time.Minute) {
			t.Errorf("d%d: %d lines %q", at, n, want)
		}
	}
	alone := func() {
		t.Helper()
		testkit.Wait(t, "a ring of the host without the keys", func() bool { return r.metric(outsider, "spreadd_ring_daemons") > 0 })
		if n := r.metric(outsider, "spreadd_ring_daemons"); n != 1 {
			t.Errorf("a host without the keys is in a ring of %v", n)
		}
	}
	refusals(1, r.hosts[outsider-1], seal.Plain)
	refusals(outsider, r.hosts[0], seal.NoKeys)
	alone()
	tap.mu.Lock() // The host without keys did not seal.
	var faults []string
	for _, f := range tap.faults {
		if !strings.HasPrefix(f, fmt.Sprintf("%v sends ", r.hosts[outsider-1].addr.As4())) {
			faults = append(faults, f)
		}
	}
	tap.faults = nil
	tap.mu.Unlock()
	for _, f := range faults[:min(len(faults), 5)] {
		t.Error(f)
	}

	r.daemons[outsider-1].stop()
	stranger = wrong
	r.daemons[outsider-1] = r.start(r.hosts[outsider-1])
	refusals(1, r.hosts[outsider-1], seal.UnknownKey)
	refusals(outsider, r.hosts[0], seal.UnknownKey)
	alone()
	r.harmless("later", captured, in...)

	r.daemons[outsider-1].stop()
	stranger = right
	r.restart(outsider)
	r.together("all with the key", r.all()...)
	r.finish()
}
