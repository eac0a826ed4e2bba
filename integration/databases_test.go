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
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/spread"
)

// server is a database server with data of its own.
type server struct {
	t     *testing.T
	dir   string
	title string // the title of its examples in docs/logs/logsub.md

	program string // the program, or "" for SQLite
	args    []string
	p       *harness.Process

	driver, admin string // driver and DSN for the test
	dsn           string // DSN for logsub
	lines         string // the column of lines in the example's table
	table         string
	refused       []string // messages that it rejects
	odd           []string // messages with bytes that it cannot store

	withoutTransactions string // statement that gives the table an engine without transactions
}

// TestDatabases runs the examples of docs/logs/logsub.md with real servers that crash, freeze and
// are down while lines arrive. logsub is restarted in between. Every line that the database accepts
// is in it once.
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

// story is what a test does with a database.
type story struct {
	*server
	site *site
	conf string // logsub's configuration file
	db   *sql.DB
	pub  *spread.Conn
	sent int // good lines
}

func databaseStory(s *server, bin string) {
	s.start()
	st := &story{server: s, db: s.open(), site: newSite(s.t, bin)}
	st.prepareTables()
	logsub := st.run()
	var err error
	if st.pub, err = spread.Dial(s.t.Context(), fmt.Sprintf("%d@127.0.0.1", st.site.port)); err != nil {
		s.t.Fatal(err)
	}
	defer st.pub.Kill()
	st.send(1500)
	for _, bad := range s.refused {
		st.publish(bad)
	}
	for _, odd := range s.odd {
		st.publish(odd)
		st.sent++
	}
	st.send(500)
	st.have(st.sent)
	for range 3 {
		st.crash()
	}
	st.hang(logsub)
	st.restartWithout(logsub)
	if s.withoutTransactions != "" {
		st.refuse()
	}
	var n, distinct int
	testkit.Wait(s.t, "the database to count its lines", func() bool { // a busy one may answer too late
		n, distinct = s.count(st.db, "count(*)"), s.count(st.db, "count(DISTINCT "+s.lines+")")
		return n > 0 && distinct > 0
	})
	if n != st.sent || distinct != st.sent {
		s.t.Errorf("the table has %d lines, %d different ones, want %d", n, distinct, st.sent)
	}
}

// prepareTables makes the tables of the example and writes logsub's configuration.
func (st *story) prepareTables() {
	st.t.Helper()
	for statement := range strings.SplitSeq(st.example("sql"), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := st.db.ExecContext(st.t.Context(), statement); err != nil {
			st.t.Fatalf("%s: %v", statement, err)
		}
	}
	conf := fmt.Sprintf("daemon = \"%d@127.0.0.1\"\nstats_interval = \"200ms\"\n[spool]\ndir = %q\n", st.site.port, st.site.path("spool")) +
		strings.NewReplacer(
			"[spool]\ndir = \"/var/spool/logsub\"\n", "",
			"/etc/logsub/weblogs.dsn", st.site.write("dsn", st.dsn),
			"/data/logs/weblogs.db", st.dsn,
		).Replace(st.example("toml")) + "timeout = \"2s\"\n"
	st.conf = st.site.write("db.toml", conf)
}

// run starts a logsub.
func (st *story) run() *harness.Process {
	st.t.Helper()
	p := harness.Launch(st.t, st.site.program("logsub"), "-c", st.conf)
	p.Expect(joinedGroup)
	return p
}

func (st *story) publish(line string) {
	if err := st.pub.Multicast(st.t.Context(), spread.Agreed, 0, []byte(line), "weblogs"); err != nil {
		st.t.Error(err)
	}
}

// send publishes good lines.
func (st *story) send(n int) {
	for range n {
		st.publish(fmt.Sprintf("192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /%d HTTP/1.1\" 200 5 \"-\" \"test\"\n", st.sent))
		st.sent++
	}
}

// have waits until the table has that many lines. After a long outage logsub retries every 30 s.
func (st *story) have(n int) {
	st.t.Helper()
	if !harness.Reach(st.t, "lines in the table", int64(n), func() int64 { return int64(st.count(st.db, "count(*)")) }) {
		st.t.FailNow()
	}
}

// crash kills the database while lines arrive, and restarts it.
func (st *story) crash() {
	st.t.Helper()
	before := st.count(st.db, "count(*)")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 40 {
			st.send(100)
			time.Sleep(10 * time.Millisecond) //house:sleep the rate of the lines
		}
	}()
	testkit.Wait(st.t, "more lines", func() bool { return st.count(st.db, "count(*)") > before })
	st.kill()
	<-done
	st.start()
	st.have(st.sent)
}

// hang freezes the database for longer than the timeout.
func (st *story) hang(logsub *harness.Process) {
	st.t.Helper()
	st.freeze(func() {
		st.send(3000) // More than one transaction, so that one is in progress.
		logsub.Expect("does not accept lines")
		time.Sleep(3 * time.Second) //house:sleep longer than the timeout, so that logsub gives up transactions
	})
	st.have(st.sent)
}

// restartWithout restarts logsub while the database is down.
func (st *story) restartWithout(logsub *harness.Process) {
	st.t.Helper()
	st.kill()
	st.send(2500)
	if !harness.Reach(st.t, "lines at logsub", int64(st.sent+len(st.refused)), func() int64 { return int64(received(logsub)) }) {
		st.t.FailNow()
	}
	logsub.Stop()
	if n := len(st.refused); n > 0 && !logsub.Says(fmt.Sprintf(" dropped_refused=%d ", n)) {
		st.t.Errorf("logsub does not report that %d lines were refused", n)
	}
	st.start()
	logsub = st.run()
	st.have(st.sent)
	st.send(100)
	st.have(st.sent)
	logsub.Stop()
}

// refuse checks that logsub refuses a table without transactions.
func (st *story) refuse() {
	st.t.Helper()
	if _, err := st.db.ExecContext(st.t.Context(), st.withoutTransactions); err != nil {
		st.t.Fatal(err)
	}
	logsub := st.run()
	logsub.Expect("has no transactions")
	logsub.Stop()
}

// received returns the number of messages that a logsub reports as received.
func received(logsub *harness.Process) int {
	all := regexp.MustCompile(`msg=running messages=(\d+)`).FindAllStringSubmatch(logsub.Output.String(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

// count queries a number. It returns 0 while the database is down.
func (s *server) count(db *sql.DB, what string) int {
	ctx, cancel := context.WithTimeout(s.t.Context(), testkit.Patience)
	defer cancel()
	n := 0
	_ = db.QueryRowContext(ctx, "SELECT "+what+" FROM "+s.table).Scan(&n) // An error means that it is down.
	return n
}

// example returns the block of docs/logs/logsub.md that begins with the server's title.
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
	testkit.Wait(s.t, "the database", func() bool { return db.PingContext(s.t.Context()) == nil })
	return db
}

// start starts the server. It retries if the server ends at once, because the remains of a crashed
// one may block it for a moment.
func (s *server) start() {
	s.t.Helper()
	if s.program == "" {
		return
	}
	db, err := sql.Open(s.driver, s.admin)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // It was only pinged.
	testkit.Wait(s.t, s.title+" to run", func() bool {
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

// quit stops the server at the end of the test and waits for its children. They would otherwise
// write to its directory while that is removed.
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

// freeze suspends the server while do runs. SQLite has no server, so another connection locks the
// file.
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
	defer signalAll(s.t, s.p.Cmd.Process.Pid, syscall.SIGCONT) // Also if the test fails, because its children would remain.
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
				_ = syscall.Kill(child, sig) // It may have ended.
			}
		}
	}
}

// newServer makes a server with a directory that its user may write to. Some servers refuse to run
// as root.
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

// command returns a command that runs as the server's user in its directory.
func (s *server) command(path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), path, args...) // The clean-up ends it.
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
	s.refused = []string{strings.Repeat("too long for TEXT ", 4000) + "\n"}
	s.odd = oddLines()
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
	s.odd = oddLines()
	return s
}

// postgresProgram finds a program of PostgreSQL. Debian does not have them in the path.
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
	s.odd = oddLines()
	return s
}

// oddLines have bytes that a database cannot store.
func oddLines() []string { return []string{"not in UTF-8: \xff\xfe\n", "a zero byte: \x00\n"} }
