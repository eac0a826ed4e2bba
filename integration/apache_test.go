package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
)

// apacheConf is a whole Apache in one directory. Its log goes to the group "coolsite", as in the
// documentation of mod_log_spread.
const apacheConf = `
ServerRoot %[1]q
ServerName 127.0.0.1
Listen 127.0.0.1:%[2]d
PidFile httpd.pid
ErrorLog error.log
DefaultRuntimeDir %[1]q
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
DocumentRoot "%[1]s/htdocs"
%[4]s
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog "|%[5]s -s %[6]d@127.0.0.1 -g coolsite" combined
`

// modules is where Debian keeps Apache's modules.
const modules = "/usr/lib/apache2/modules"

// TestApache: a real Apache logs through logpub, the daemon and two logsubs with a spreadlogd.conf.
// Each request is in both files once, and the files are identical.
func TestApache(t *testing.T) {
	apache := need(t, "apache2", "apache2")
	s := newSite(t, programs.Build(t, "spreadd", "logpub", "logsub"))
	var files []string
	var subs []*harness.Process
	for i := range 2 {
		file := s.path(fmt.Sprintf("loghost%d.log", i))
		conf := s.write(fmt.Sprintf("spreadlogd%d.conf", i), fmt.Sprintf(
			"BufferSize = 65536\nSpread {\n\tPort = %d@127.0.0.1\n\tLog {\n\t\tGroup = \"coolsite\"\n\t\tFile = %s\n\t}\n}\n", s.port, file))
		sub := harness.Launch(t, s.program("logsub"), "-c", conf, "-D")
		sub.Expect(joinedGroup)
		files, subs = append(files, file), append(subs, sub)
	}
	web := freePort(t)
	httpd := s.write("httpd.conf", fmt.Sprintf(apacheConf,
		s.dir, web, modules, user("User www-data\nGroup www-data"), s.program("logpub"), s.port))
	server := harness.Launch(t, apache, "-DFOREGROUND", "-f", httpd)
	testkit.Wait(t, "Apache", func() bool { return answers(web) })

	const clients, each = 8, 100
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range each {
				url := fmt.Sprintf("http://127.0.0.1:%d/page.html?request=%d-%d", web, c, i)
				if got := get(t, client, url); got != http.StatusOK {
					t.Errorf("GET %s: status %d", url, got)
				}
			}
		})
	}
	wg.Wait()
	// Apache ends its loggers when it stops, and they send what they have.
	server.Stop()
	for _, f := range files {
		harness.Reach(t, "requests in "+filepath.Base(f), clients*each, countLines(f))
	}
	for _, s := range subs {
		s.Stop()
	}
	s.daemon.Stop()
	for _, f := range files {
		hasRequests(t, f, clients, each)
	}
	if a, b := readFile(t, files[0]), readFile(t, files[1]); a != b {
		t.Error("the files of the two log hosts differ")
	}
}

// hasRequests checks that a log contains each request of each client once, and nothing else.
func hasRequests(t *testing.T, file string, clients, each int) {
	t.Helper()
	number := regexp.MustCompile(`"GET /page\.html\?request=(\d+-\d+) HTTP/1\.1" 200 `)
	seen := make(map[string]int)
	for line := range strings.Lines(readFile(t, file)) {
		m := number.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%s has the line %q", filepath.Base(file), line)
			continue
		}
		seen[m[1]]++
	}
	for c := range clients {
		for i := range each {
			if n := seen[fmt.Sprintf("%d-%d", c, i)]; n != 1 {
				t.Errorf("%s has request %d-%d %d times", filepath.Base(file), c, i, n)
			}
		}
	}
}

// openUp lets Apache's user reach the directories above dir.
func openUp(dir string) error {
	for d := dir; d != filepath.Dir(d) && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			return err
		}
	}
	return nil
}
