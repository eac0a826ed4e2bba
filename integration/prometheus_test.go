package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
)

const (
	rulesFile  = "../deploy/prometheus/spread.rules.yml"
	alertsPage = "../docs/operate/alerts.md"
)

// TestPromtool: the rules and the example are valid, and each alert fires when it must and is silent
// otherwise.
func TestPromtool(t *testing.T) {
	promtool := need(t, "promtool", "prometheus")
	for _, args := range [][]string{
		{"check", "config", "../deploy/prometheus/prometheus.yml"},
		{"check", "rules", rulesFile},
		{"test", "rules", "../deploy/prometheus/spread.rules.test.yml"},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	tests := readFile(t, "../deploy/prometheus/spread.rules.test.yml")
	for _, m := range regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(readFile(t, rulesFile), -1) {
		for _, name := range []string{"-" + m[1] + "-fires-1", "-" + m[1] + "-quiet-1"} {
			if !strings.Contains(tests, name) {
				t.Errorf("no case is named %q", name)
			}
		}
	}
}

// TestPrometheus runs all queries of the rules and boards in a real Prometheus, which scrapes a ring
// of three daemons with logpub, two logsub and logmon. No alert fires until a daemon is killed.
func TestPrometheus(t *testing.T) {
	prometheus := need(t, "prometheus", "prometheus")
	w := newWatched(t, prometheus)
	rules := w.rules()
	w.documented(rules)
	w.selectors(rules)
	w.boards()
	for _, r := range w.rules() {
		if r.Health != "ok" || r.State == "firing" {
			t.Errorf("alert %s in a healthy ring: %s, %s %s", r.Name, r.State, r.Health, r.LastError)
		}
	}
	testkit.Wait(t, "all alerts to be inactive", func() bool { return len(w.active()) == 0 })

	w.daemons[2].Kill()
	testkit.Wait(t, "alerts for a killed daemon", func() bool {
		a := w.active()
		return slices.Contains(a, "SpreadDaemonMissing") && slices.Contains(a, "SpreadTargetDown")
	})
}

// watched is a ring with log tools, and a Prometheus that scrapes them.
type watched struct {
	t       testing.TB
	api     string
	daemons []*harness.Process
}

func newWatched(t testing.TB, prometheus string) *watched {
	t.Helper()
	bin := programs.Build(t, "spreadd", "logpub", "logsub", "logmon")
	dir := t.TempDir()
	write := func(name, format string, args ...any) string {
		return writeFile(t, filepath.Join(dir, name), fmt.Sprintf(format, args...))
	}
	w := &watched{t: t}
	targets := make(map[string][]string)
	// metrics returns an address, which is scraped.
	metrics := func(job string) string {
		addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
		targets[job] = append(targets[job], fmt.Sprintf("%q", addr))
		return addr
	}

	names, ports, conf := []string{"web1", "log1", "log2"}, []int{}, ""
	for _, name := range names {
		ports = append(ports, freePort(t))
		conf += fmt.Sprintf("Spread_Segment 127.0.0.1:%d {\n\t%s 127.0.0.1\n}\n", ports[len(ports)-1], name)
	}
	file := write("spread.conf", "%s", conf)
	for _, name := range names {
		w.daemons = append(w.daemons, harness.Launch(t, filepath.Join(bin, "spreadd"), "-n", name, "-c", file, "-socket-dir", "", "-metrics", metrics("spreadd")))
	}
	for _, d := range w.daemons {
		d.Expect("members=3/3")
	}
	for i := 1; i <= 2; i++ {
		logs := filepath.Join(dir, names[i])
		if err := os.Mkdir(logs, 0o755); err != nil {
			t.Fatal(err)
		}
		p := harness.Launch(t, filepath.Join(bin, "logsub"), "-c", write(names[i]+".toml",
			"daemon = \"%d@127.0.0.1\"\nmetrics = %q\n[heal]\nlisten = \"127.0.0.1:%d\"\n"+
				"[[log]]\ngroup = \"weblogs\"\nfile = %q\nenvelope = \"index\"\n[[log]]\ngroup = \"weblogs\"\nfile = \"|cat >/dev/null\"\n",
			ports[i], metrics("logsub"), freePort(t), logs+"/access.log"))
		p.Expect(joinedGroup)
	}
	harness.Launch(t, filepath.Join(bin, "logmon"), "-s", fmt.Sprintf("%d@127.0.0.1", ports[1]), "-g", "weblogs", "-quiet", "-metrics", metrics("logmon"))
	access := write("access.log", "")
	harness.Launch(t, filepath.Join(bin, "logpub"), "-config", write("logpub.toml",
		"daemon = \"%d@127.0.0.1\"\ngroups = [\"weblogs\"]\nstate = %q\nmetrics = %q\n[spool]\ndir = %q\n"+
			"[[input]]\nfile = %q\n[[input]]\nsyslog = \"udp:127.0.0.1:%d\"\n",
		ports[0], filepath.Join(dir, "state"), metrics("logpub"), filepath.Join(dir, "spool"), access, freePort(t))).Expect(connected)
	appendLines(t, access)

	var text strings.Builder
	text.WriteString("global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}\nscrape_configs:\n")
	for job, list := range targets {
		text.WriteString(fmt.Sprintf("  - {job_name: %s, static_configs: [{targets: [%s]}]}\n", job, strings.Join(list, ", ")))
	}
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	w.api = "http://" + listen + "/api/v1/"
	harness.Launch(t, prometheus, "--config.file="+write("prometheus.yml", "%srule_files: [%q]\n", text.String(), rules),
		"--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+listen).Expect("Server is ready")
	return w
}

// appendLines adds requests to a log until the test ends.
func appendLines(t testing.TB, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for code := 0; ; code++ {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				_, err := fmt.Fprintf(f, "www.example 192.0.2.1 - - [%s] \"GET / HTTP/1.1\" %d 120 \"-\" \"test\"\n",
					now.Format("02/Jan/2006:15:04:05 -0700"), []int{200, 404, 500}[code%3])
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		_ = f.Close()
	})
}

// ask calls Prometheus and returns its error, if any.
func (w *watched) ask(path string, data any) error {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.api+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := struct {
		Error string
		Data  any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return fmt.Errorf("prometheus: %s", answer.Error)
	}
	return nil
}

// alert is an alert rule, as Prometheus shows it.
type alert struct {
	Name, Query, State, Health, LastError string
	Labels, Annotations                   map[string]string
}

// rules returns the rules when all of them have been evaluated.
func (w *watched) rules() (rules []alert) {
	w.t.Helper()
	testkit.Wait(w.t, "rules to be evaluated", func() bool {
		var data struct{ Groups []struct{ Rules []alert } }
		if err := w.ask("rules", &data); err != nil {
			w.t.Fatal(err)
		}
		rules = nil
		for _, g := range data.Groups {
			rules = append(rules, g.Rules...)
		}
		return len(rules) > 0 && !slices.ContainsFunc(rules, func(r alert) bool { return r.Health == "unknown" })
	})
	return rules
}

// active returns the names of alerts that fire or are about to.
func (w *watched) active() (names []string) {
	w.t.Helper()
	for _, r := range w.rules() {
		if r.State != "inactive" {
			names = append(names, r.Name)
		}
	}
	return names
}

// documented: each alert has a severity, texts and a section in the documentation.
func (w *watched) documented(rules []alert) {
	w.t.Helper()
	var sections, names []string
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(readFile(w.t, alertsPage), -1) {
		sections = append(sections, m[1])
	}
	for _, r := range rules {
		names = append(names, r.Name)
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			w.t.Errorf("alert %s has severity %q", r.Name, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			w.t.Errorf("alert %s lacks a summary or description", r.Name)
		}
		if u := r.Annotations["runbook_url"]; !strings.HasSuffix(u, "/docs/operate/alerts.md#"+strings.ToLower(r.Name)) {
			w.t.Errorf("alert %s has runbook_url %q", r.Name, u)
		}
	}
	slices.Sort(sections)
	slices.Sort(names)
	if !slices.Equal(sections, names) {
		w.t.Errorf("%s has sections for %q, want %q", alertsPage, sections, names)
	}
}

// selectors: each selector in a rule finds series: its metric exists, and so do its labels. A rule
// itself finds none in a healthy ring.
func (w *watched) selectors(rules []alert) {
	w.t.Helper()
	selector := regexp.MustCompile(`\b(up|(spreadd|logpub|logsub|logmon)_\w+)(\{[^}]*\})?`)
	seen := make(map[string]bool)
	for _, r := range rules {
		for _, s := range selector.FindAllString(r.Query, -1) {
			if !seen[s] {
				seen[s] = true
				w.query("alert "+r.Name, s)
			}
		}
	}
}

// boards: each query of the boards, and of their variables, returns series.
func (w *watched) boards() {
	w.t.Helper()
	variables := strings.NewReplacer("$job", ".*", "$instance", ".*", "$group", ".*", "$__rate_interval", "1m")
	for _, name := range []string{"ring", "logs"} {
		var board struct {
			Panels []struct {
				Title, Type string
				Targets     []struct{ Expr string }
			}
			Templating struct {
				List []struct {
					Name  string
					Query any
				}
			}
		}
		if err := json.Unmarshal([]byte(readFile(w.t, "../deploy/grafana/"+name+".json")), &board); err != nil {
			w.t.Fatal(err)
		}
		for _, v := range board.Templating.List {
			q, ok := v.Query.(map[string]any)
			if !ok {
				continue // the data source
			}
			m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(fmt.Sprint(q["query"]))
			if m == nil {
				w.t.Errorf("board %s: variable %s is no label_values(SELECTOR, LABEL)", name, v.Name)
				continue
			}
			w.query("variable "+v.Name, fmt.Sprintf("count by (%s) (%s)", m[2], variables.Replace(m[1])))
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				w.query(name+": "+p.Title, variables.Replace(target.Expr))
			}
		}
	}
}

// query waits until a query returns series.
func (w *watched) query(what, expr string) {
	w.t.Helper()
	testkit.Wait(w.t, what+" to return series for "+expr, func() bool {
		var data struct{ Result []struct{ Value []any } }
		if err := w.ask("query?query="+url.QueryEscape(expr), &data); err != nil {
			w.t.Fatalf("%s: %s: %v", what, expr, err)
		}
		return len(data.Result) > 0
	})
}
