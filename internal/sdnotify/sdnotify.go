package sdnotify

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier is a connection to systemd. Its methods may be called from several goroutines. Failures to
// send are ignored: systemd notices what it does not receive.
type Notifier struct {
	conn     net.Conn
	watchdog time.Duration
}

// Open connects to the socket that systemd named in the environment, and removes the variables, so
// that children do not report in this program's name. It returns nil if there is no such socket. The
// connection stays valid after a change of the user or of the root directory.
func Open() *Notifier {
	path, watchdog, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name)
	}
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil
	}
	c := &Notifier{conn: conn}
	if n, err := strconv.ParseInt(watchdog, 10, 64); err == nil && n > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		c.watchdog = time.Duration(n) * time.Microsecond
	}
	return c
}

// Ready reports that the service does its work, at the start and after a reload.
func (c *Notifier) Ready(status string) { c.send("READY=1", "STATUS="+line(status)) }

// Reloading reports that the configuration is being read again. Ready ends it.
func (c *Notifier) Reloading() { c.send("RELOADING=1") }

// Stopping reports that the service is about to end.
func (c *Notifier) Stopping() { c.send("STOPPING=1") }

// Status reports what the service does, for systemctl status.
func (c *Notifier) Status(status string) { c.send("STATUS=" + line(status)) }

// Alive keeps systemd from restarting the service for the time of [Notifier.Watchdog].
func (c *Notifier) Alive() { c.send("WATCHDOG=1") }

// Watchdog is the time after which systemd restarts a service that it has not heard from; 0 for never.
func (c *Notifier) Watchdog() time.Duration {
	if c == nil {
		return 0
	}
	return c.watchdog
}

func (c *Notifier) send(lines ...string) {
	if c != nil {
		_, _ = c.conn.Write([]byte(strings.Join(lines, "\n") + "\n"))
	}
}

// line makes a text one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
