package cli

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	// noSpool is the word for lines that wait in memory only.
	noSpool = "none"
	// hostSpool is where packages make a directory for the spool.
	hostSpool = "/var/spool/logpub"
)

// spoolDir returns the directory of the spool for what the configuration says. If it says nothing,
// that is a directory in the service's state directory (systemd's StateDirectory=), or hostSpool if
// this process may write there.
func spoolDir(said string) string {
	switch state := fsutil.ServiceDir("STATE_DIRECTORY"); {
	case said == noSpool:
		return ""
	case said != "":
		return said
	case state != "":
		return filepath.Join(state, "spool")
	case writable(hostSpool):
		return hostSpool
	default:
		return ""
	}
}

// writable reports whether files can be made in a directory.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return false
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return true
}

// logSpool says where lines wait, if the configuration does not.
func logSpool(log *slog.Logger, said, dir string) {
	switch {
	case said != "":
	case dir == "":
		log.Info("lines wait in memory only: there is no spool, so a kill of logpub loses lines that wait; set spool, or create " + hostSpool)
	default:
		log.Info("lines that cannot be sent at once wait on disk", slog.String("spool", dir))
	}
}
