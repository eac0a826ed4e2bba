//go:build unix

package integration

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/spread"
)

// server is a database with data of its own.
type server struct {
	t     *testing.T
	dir   string
	title string // of its examples in docs/logs/logsub.md

	program string // with args; empty for SQLite
	args    []string
	p       *harness.Process

	driver, admin string // for the test
	dsn           string // for logsub
	lines         string // what a line is called in the example's table
	table         string
	refused       []string // messages that it does not take

	withoutTransactions string // has its table be of an engine that has none
}

// refuses wants a logsub that does not write to a table without transactions.
func (s *server) refuses(db *sql.DB, run func() *harness.Process) {
	s.t.Helper()
	if _, err := db.ExecContext(s.t.Context(), s.withoutTransactions); err != nil {
		s.t.Fatal(err)
	}
	logsub := run()
	logsub.Expect("has no transactions")
	logsub.Stop()
}

// TestDatabases: the examples of docs/logs/logsub.md as they stand there, with real servers that
// are killed, frozen and away while lines come; logsub ends and starts in between. Every line that
// the database can take is there once.
func TestDatabases(t *testing.T) {
	bin := programs.Build(t, "spreadd", "logsub")
	for _, tt := range []struct {
		name string
		make func(t *testing.T) *server
	}{{"mariadb", mariadb}, {"postgres", postgres}, {"sqlite", sqlite}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			databaseStory(tt.make(t), bin)
		})
	}
}

func databaseStory(s *server, bin string) {
	t := s.t
	s.start()
	db := s.open()
	for statement := range strings.SplitSeq(s.example("sql"), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	site := newSite(t, bin)
	conf := fmt.Sprintf("daemon = \"%d@127.0.0.1\"\nstats_interval = \"200ms\"\n[spool]\ndir = %q\n", site.port, site.path("spool")) +
		strings.NewReplacer(
			"[spool]\ndir = \"/var/spool/logsub\"\n", "",
			"/etc/logsub/weblogs.dsn", site.write("dsn", s.dsn),
			"/data/logs/weblogs.db", s.dsn,
		).Replace(s.example("toml")) + "timeout = \"2s\"\n"
	confPath := site.write("db.toml", conf)
	run := func() *harness.Process {
		p := harness.Launch(t, site.program("logsub"), "-c", confPath)
		p.Expect("msg=joined")
		return p
	}
	logsub := run()
	pub, err := spread.Dial(t.Context(), fmt.Sprintf("%d@127.0.0.1", site.port))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Kill()
	sent := 0
	send := func(n int) {
		for range n {
			s.send(pub, fmt.Sprintf("192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /%d HTTP/1.1\" 200 5 \"-\" \"test\"\n", sent))
			sent++
		}
	}
	// have waits until so many lines are in the table. After a long outage logsub retries every 30 s.
	have := func(n int) {
		t.Helper()
		if !harness.Reach(t, "lines in the table", int64(n), func() int64 { return int64(s.count(db, "count(*)")) }) {
			t.FailNow()
		}
	}

	send(1500)
	for _, bad := range s.refused {
		s.send(pub, bad)
	}
	send(500)
	have(sent)
	for range 3 { // it is killed while lines come, and comes back
		before := s.count(db, "count(*)")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 40 {
				send(100)
				time.Sleep(10 * time.Millisecond) //house:sleep the pace of the lines
			}
		}()
		harness.Wait(t, "more lines", func() bool { return s.count(db, "count(*)") > before })
		s.kill()
		<-done
		s.start()
		have(before + 1000)
	}
	have(sent)

	s.freeze(func() {
		// More than a transaction, so that one is under way.
		send(3000)
		logsub.Expect("does not take lines")
		time.Sleep(3 * time.Second) //house:sleep longer than the time-out, so that transactions are given up
	})
	have(sent)

	s.kill() // it is away while logsub ends
	send(2500)
	if !harness.Reach(t, "lines at logsub", int64(sent+len(s.refused)), func() int64 { return int64(received(logsub)) }) {
		t.FailNow()
	}
	logsub.Stop()
	refused := logsub.Says(fmt.Sprintf(" dropped_refused=%d ", len(s.refused)))
	if len(s.refused) > 0 && !refused {
		t.Errorf("logsub does not say that %d lines were refused", len(s.refused))
	}
	s.start()
	logsub = run()
	have(sent)
	send(100)
	have(sent)
	logsub.Stop()
	if s.withoutTransactions != "" {
		s.refuses(db, run)
	}
	if n, distinct := s.count(db, "count(*)"), s.count(db, "count(DISTINCT "+s.lines+")"); n != sent || distinct != sent {
		t.Errorf("the table has %d lines, %d different ones, want %d", n, distinct, sent)
	}
}

// received tells how many messages a logsub has got, as it says itself.
func received(logsub *harness.Process) int {
	all := regexp.MustCompile(`msg=running messages=(\d+)`).FindAllStringSubmatch(logsub.Output.String(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

func (s *server) send(pub *spread.Conn, line string) {
	if err := pub.Multicast(s.t.Context(), spread.Agreed, 0, []byte(line), "weblogs"); err != nil {
		s.t.Error(err)
	}
}

// count asks for a number; 0 while the database is away.
func (s *server) count(db *sql.DB, what string) int {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	n := 0
	_ = db.QueryRowContext(ctx, "SELECT "+what+" FROM "+s.table).Scan(&n) // it is away, then
	return n
}

// example is a block of docs/logs/logsub.md that begins with the server's title.
func (s *server) example(kind string) string {
	s.t.Helper()
	text := readFile(s.t, filepath.Join("..", "docs", "logs", "logsub.md"))
	for block := range strings.SplitSeq(text, "\n```") {
		if rest, ok := strings.CutPrefix(block, kind+"\n"); ok {
			first, rest, _ := strings.Cut(rest, "\n")
			if first == "# "+s.title || first == "-- "+s.title {
				return rest + "\n"
			}
		}
	}
	s.t.Fatalf("docs/logs/logsub.md has no %s example for %s", kind, s.title)
	return ""
}

func (s *server) open() *sql.DB {
	s.t.Helper()
	db, err := sql.Open(s.driver, s.admin)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	harness.Wait(s.t, "the database", func() bool { return db.PingContext(s.t.Context()) == nil })
	return db
}

// start starts the server, again if it ends at once: what a killed one has left may be in its way
// for a moment.
func (s *server) start() {
	s.t.Helper()
	if s.program == "" {
		return
	}
	db, err := sql.Open(s.driver, s.admin)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only looked at
	harness.Wait(s.t, s.title+" to run", func() bool {
		if s.p != nil {
			select {
			case <-s.p.Done:
				s.p = nil
			default:
			}
		}
		if s.p == nil {
			s.p = harness.Start(s.t, s.command(s.program, s.args...), nil)
			s.t.Cleanup(s.quit)
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		return db.PingContext(ctx) == nil
	})
}

// quit ends the server at the end of the test, and waits for its children, which would be writing
// to its directory when that is removed.
func (s *server) quit() {
	if s.p == nil {
		return
	}
	s.p.Signal(syscall.SIGQUIT)
	_ = s.p.Wait() // Its status does not matter.
	s.p = nil
}

func (s *server) kill() {
	s.t.Helper()
	if s.p == nil {
		return
	}
	s.p.Kill()
	s.p = nil
}

// freeze has the server stand still while something is done. SQLite has no server: there the file
// is locked by somebody else.
func (s *server) freeze(do func()) {
	s.t.Helper()
	if s.p == nil {
		db := s.open()
		tx, err := db.BeginTx(s.t.Context(), nil)
		if err == nil {
			_, err = tx.ExecContext(s.t.Context(), "UPDATE logsub SET line = line")
		}
		if err != nil {
			s.t.Fatal(err)
		}
		do()
		if err := tx.Rollback(); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	signalAll(s.t, s.p.Cmd.Process.Pid, syscall.SIGSTOP)
	defer signalAll(s.t, s.p.Cmd.Process.Pid, syscall.SIGCONT) // also if the test fails, or its children would stay
	do()
}

// signalAll sends a signal to a process and its children: PostgreSQL has one for each connection.
func signalAll(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
	for _, c := range children {
		for word := range strings.FieldsSeq(readFile(t, c)) {
			if child, err := strconv.Atoi(word); err == nil {
				_ = syscall.Kill(child, sig) // it may have ended
			}
		}
	}
}

// newServer makes a directory that the server's user may write to. Root is not allowed to run some.
func newServer(t *testing.T, title string) *server {
	t.Helper()
	s := &server{t: t, title: title, dir: t.TempDir()}
	if os.Getuid() == 0 {
		uid, gid := nobody(t)
		if err := openUp(s.dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(s.dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func nobody(t *testing.T) (uid, gid uint32) {
	t.Helper()
	u, err := osuser.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	var ids [2]uint64
	for i, text := range []string{u.Uid, u.Gid} {
		if ids[i], err = strconv.ParseUint(text, 10, 32); err != nil {
			t.Fatal(err)
		}
	}
	return uint32(ids[0]), uint32(ids[1])
}

// command is one that runs as the server's user, in its directory.
func (s *server) command(path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), path, args...) // ended by the clean-up
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "TMPDIR="+s.dir, "LC_ALL=C")
	if os.Getuid() == 0 {
		uid, gid := nobody(s.t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return cmd
}

// prepare runs a command to its end.
func (s *server) prepare(path string, args ...string) {
	s.t.Helper()
	if out, err := s.command(path, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", path, err, out)
	}
}

func mariadb(t *testing.T) *server {
	program := need(t, "mariadbd", "mariadb-server")
	install := need(t, "mariadb-install-db", "mariadb-server")
	s := newServer(t, "MariaDB")
	data, socket, port := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "s"), freePort(t)
	s.prepare(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	s.program = program
	s.args = []string{
		"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(s.dir, "pid"), "--tmpdir=" + s.dir,
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--skip-name-resolve", "--innodb-buffer-pool-size=32M",
	}
	s.driver, s.admin = "mysql", "root@unix("+socket+")/"
	s.dsn = fmt.Sprintf("logsub:PASSWORD@tcp(127.0.0.1:%d)/", port)
	s.table, s.lines = "weblogs.logs", "data"
	s.withoutTransactions = "ALTER TABLE weblogs.logs ENGINE=Aria TRANSACTIONAL=0"
	s.refused = []string{"not in UTF-8: \xff\xfe\n", strings.Repeat("too long for TEXT ", 4000) + "\n"}
	return s
}

func postgres(t *testing.T) *server {
	initdb, program := postgresProgram(t, "initdb"), postgresProgram(t, "postgres")
	s := newServer(t, "PostgreSQL")
	data, port := filepath.Join(s.dir, "data"), freePort(t)
	s.prepare(initdb, "-D", data, "-U", "admin", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-sync")
	s.program = program
	s.args = []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.dir}
	s.driver, s.admin = "pgx", fmt.Sprintf("host=%s port=%d user=admin dbname=postgres", s.dir, port)
	s.dsn = fmt.Sprintf("postgres://logsub:PASSWORD@127.0.0.1:%d/postgres", port)
	s.table, s.lines = "hits", "line"
	s.refused = []string{"not in UTF-8: \xff\xfe\n", "a zero byte: \x00\n"}
	return s
}

// postgresProgram finds one of PostgreSQL's programs, which Debian does not have in the path.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		testskip.Skip(t, name+" is not installed (Debian: apt-get install postgresql)")
	}
	return found[len(found)-1]
}

func sqlite(t *testing.T) *server {
	s := newServer(t, "SQLite")
	s.dsn = filepath.Join(s.dir, "weblogs.db")
	s.driver, s.admin = "sqlite", s.dsn+"?_pragma=busy_timeout(10000)"
	s.table, s.lines = "hits", "line"
	return s
}
