package integration

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// apacheConf is a whole Apache in one folder. Its log goes where mod_log_spread's users sent
// theirs: into the group "coolsite".
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

// TestApache: a real Apache logs through logpub, the daemon and two logsubs, and every request
// stands once in both files, which are identical.
func TestApache(t *testing.T) {
	apache, err := exec.LookPath("apache2")
	if err != nil {
		testskip.Skip(t, "apache2 is not installed (Debian: apt-get install apache2)")
	}
	dir := t.TempDir()
	bin := programs.Build(t, "spreadd", "logpub", "logsub")
	port := freePort(t)
	// The daemon reads a spread.conf, as on a real host.
	conf := writeFile(t, filepath.Join(dir, "spread.conf"), fmt.Sprintf(
		"Spread_Segment 127.0.0.255:%d {\n\tweb1 127.0.0.1 {\n\t\t127.0.0.1\n\t}\n}\n", port))
	daemon := harness.Launch(t, filepath.Join(bin, "spreadd"), "-n", "web1", "-c", conf)
	harness.Wait(t, "the daemon", func() bool { return answers(port) })

	var files []string
	var subs []*harness.Process
	for i := range 2 {
		file := filepath.Join(dir, fmt.Sprintf("loghost%d.log", i))
		files = append(files, file)
		conf := writeFile(t, filepath.Join(dir, fmt.Sprintf("spreadlogd%d.conf", i)), fmt.Sprintf(
			"BufferSize = 65536\nSpread {\n\tPort = %d@127.0.0.1\n\tLog {\n\t\tGroup = \"coolsite\"\n\t\tFile = %s\n\t}\n}\n", port, file))
		subs = append(subs, harness.Launch(t, filepath.Join(bin, "logsub"), "-c", conf, "-D"))
	}
	for _, s := range subs {
		s.Expect("joined")
	}

	web := freePort(t)
	for _, d := range []string{"htdocs", "conf"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(dir, "htdocs", "page.html"), "hello\n")
	user := ""
	if os.Getuid() == 0 {
		user = "User www-data\nGroup www-data"
		if err := openUp(dir); err != nil {
			t.Fatal(err)
		}
	}
	httpd := writeFile(t, filepath.Join(dir, "httpd.conf"), fmt.Sprintf(apacheConf,
		dir, web, modules, user, filepath.Join(bin, "logpub"), port))
	server := harness.Launch(t, apache, "-DFOREGROUND", "-f", httpd)
	harness.Wait(t, "Apache", func() bool { return answers(web) })

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
	// Apache ends its loggers when it stops; they send what they have.
	server.Stop()
	for _, f := range files {
		harness.Reach(t, "requests in "+filepath.Base(f), clients*each, countLines(f))
	}
	for _, s := range subs {
		s.Stop()
	}
	daemon.Stop()

	number := regexp.MustCompile(`"GET /page\.html\?request=(\d+-\d+) HTTP/1\.1" 200 `)
	for _, f := range files {
		seen := make(map[string]int)
		for line := range strings.Lines(readFile(t, f)) {
			m := number.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s has the line %q", filepath.Base(f), line)
				continue
			}
			seen[m[1]]++
		}
		for c := range clients {
			for i := range each {
				if n := seen[fmt.Sprintf("%d-%d", c, i)]; n != 1 {
					t.Errorf("%s has request %d-%d %d times", filepath.Base(f), c, i, n)
				}
			}
		}
	}
	if a, b := readFile(t, files[0]), readFile(t, files[1]); a != b {
		t.Error("the two log hosts' files differ")
	}
}

// openUp lets Apache's user reach the folders above dir.
func openUp(dir string) error {
	for d := dir; d != filepath.Dir(d) && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			return err
		}
	}
	return nil
}
