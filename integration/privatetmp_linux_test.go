package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// privateTmp runs a program with an empty /tmp of its own, as PrivateTmp of systemd does, in which
// only the given directories appear.
const privateTmp = `set -e
mount -t tmpfs tmpfs /mnt
for d in $1; do mkdir -p "/mnt$d"; mount --bind "$d" "/mnt$d"; done
mount -t tmpfs tmpfs /tmp
for d in $1; do mkdir -p "$d"; mount --bind "/mnt$d" "$d"; done
shift
exec "$@"
`

// TestPrivateTmp: Debian's Apache, whose service has a /tmp of its own, reaches a daemon of the host
// without a word of configuration. TCP on 127.0.0.1 cannot help: the daemon takes clients on ::1.
func TestPrivateTmp(t *testing.T) {
	apache := need(t, "apache2", "apache2")
	unshare := need(t, "unshare", "util-linux")
	if os.Getuid() != 0 {
		testskip.Skip(t, "a mount namespace needs root")
	}
	s := &site{t: t, dir: t.TempDir(), bin: programs.Build(t, "spreadd", "logpub", "logsub"), port: freePort(t)}
	s.makeHtdocs()
	conf := s.write("spread.conf", fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\tweb1 127.0.0.1 {\n\t\tD 127.0.0.1\n\t\tC ::1\n\t}\n}\n", s.port))
	s.daemon = harness.Launch(t, s.program("spreadd"), "-n", "web1", "-c", conf)
	socket := fmt.Sprintf("/run/spread/%d.sock", s.port)
	testkit.Wait(t, "the daemon", func() bool { _, err := os.Stat(socket); return err == nil })
	file := s.path("loghost.log")
	sub := harness.Launch(t, s.program("logsub"), "-s", fmt.Sprint(s.port), "-g", "coolsite", "-o", file)
	sub.Expect(joinedGroup)

	web := freePort(t)
	httpd := strings.Replace(fmt.Sprintf(apacheConf, s.dir, web, modules, "User www-data\nGroup www-data", s.program("logpub"), s.port), "@127.0.0.1", "", 1)
	server := harness.Launch(t, unshare, "--mount", "sh", "-c", privateTmp, "sh", s.dir+" "+s.bin,
		apache, "-DFOREGROUND", "-f", s.write("httpd.conf", httpd))
	testkit.Wait(t, "Apache", func() bool { return answers(web) })
	const requests = 100
	for i := range requests {
		if got := get(t, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/page.html?request=0-%d", web, i)); got != http.StatusOK {
			t.Errorf("request %d: status %d", i, got)
		}
	}
	server.Stop()
	harness.Reach(t, "requests in "+filepath.Base(file), requests, countLines(file))
	sub.Stop()
	s.daemon.Stop()
	hasRequests(t, file, 1, requests)
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", socket, err)
	}
}
