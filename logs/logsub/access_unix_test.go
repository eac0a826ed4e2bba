//go:build unix

package logsub

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// otherGroup is a group of this process other than its own, which new files would not have.
func otherGroup(t *testing.T) (name string, id int) {
	t.Helper()
	for _, name := range []string{"adm", "daemon", "staff", "bin"} {
		if id, err := fsutil.GroupID(name); err == nil && id != os.Getegid() {
			return name, id
		}
	}
	t.Skip("no other group")
	return "", 0
}

// TestAccessOfFiles: files, indexes, ledgers, cut and compressed files and directories have the mode and
// the group of the configuration, or of their log, whatever the umask is; those that were there keep
// theirs.
func TestAccessOfFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files to any group")
	}
	name, gid := otherGroup(t)
	d := spreadtest.New("h1")
	defer d.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "www0"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := indexedHost(t, d, dir)
	cfg.Access = fsutil.Permissions{FileMode: 0o660, DirMode: 0o771, Group: name}
	cfg.Connections[0].Logs = append(cfg.Connections[0].Logs, Log{Group: "a", File: filepath.Join(dir, "private"), Access: fsutil.Permissions{FileMode: 0o604}})
	_, stop := runHost(t, cfg)
	p := newPublisherOf(t, dialer(d), "4803", "web")
	p.send(400)
	waitIdentical(t, 400, dir)
	testkit.Wait(t, "a file is compressed", func() bool {
		list, err := filepath.Glob(filepath.Join(dir, "all.*.gz"))
		return err == nil && len(list) > 0
	})
	stop()
	var kinds strings.Builder
	check := func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o660)
		switch st := info.Sys().(*syscall.Stat_t); {
		case path == dir || path == filepath.Join(dir, "www0"):
			return nil
		case e.IsDir():
			mode = 0o771
		case filepath.Base(path) == "private":
			mode = 0o604
			fallthrough
		default:
			if int(st.Gid) != gid {
				t.Errorf("%s has group %d, want %s", path, st.Gid, name)
			}
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
		kinds.WriteString(filepath.Ext(path) + " ")
		return nil
	}
	if err := filepath.WalkDir(dir, check); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".seen", ".index", ".gz", ".log"} {
		if !strings.Contains(kinds.String(), kind) {
			t.Errorf("no %s among %s", kind, &kinds)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "www0")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a directory that was there: %v, %v", info, err)
	}
}

// TestAccessMistakes: modes that lock out their owner, unknown groups, and two opinions about one file
// are mistakes of the file, and of a Config.
func TestAccessMistakes(t *testing.T) {
	const log = "[[log]]\ngroup = \"a\"\nfile = \"/x\"\n"
	for text, want := range map[string]string{
		"file_mode = \"0640\"\ndir_mode = \"750\"\n" + log:                             "",
		"file_mode = \"0440\"\n" + log:                                                 "the owner must read and write them",
		"dir_mode = \"0640\"\n" + log:                                                  "read, write and search them",
		"file_mode = \"rw\"\n" + log:                                                   "is not a mode; write it in octal",
		"file_mode = \"0000\"\n" + log:                                                 "lets nobody use it",
		"dir_mode = \"0\"\n" + log:                                                     "lets nobody use it",
		"file_group = \"no-such-group\"\n" + log:                                       `:1:1: file_group: this host has no group "no-such-group"`,
		log + "file_group = \"no-such-group\"\n":                                       ":4:1: file_group: ",
		"[[log]]\ngroup = \"a\"\nfile = \"|cat\"\nfile_mode = \"0640\"\n":              errAccess.Error(),
		log + "file_mode = \"0640\"\n[[log]]\ngroup = \"b\"\nfile = \"/x\"\n":          "differ about its mode or group",
		log + "file_mode = \"0600\"\n[[log]]\ngroup = \"b\"\nfile = \"/y\"\n":          "",
		log + "file_mode = \"0600\"\n" + log + "file_mode = \"600\"\n":                 "",
		"file_mode = \"0600\"\n" + log + "[[log]]\ngroup = \"a\"\nperl = \"x::log\"\n": "",
	} {
		cfg, _, err := ParseTOML("x", []byte(text))
		if err == nil {
			err = cfg.Check()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if want == "" {
			again, _, err := ParseTOML("x", []byte(cfg.TOML()))
			if err != nil || again.TOML() != cfg.TOML() || again.Access != cfg.Access || again.Connections[0].Logs[0].Access != cfg.Connections[0].Logs[0].Access {
				t.Errorf("%q is written as %q (%v)", text, cfg.TOML(), err)
			}
		}
	}
	var mode conf.Mode
	if err := mode.UnmarshalText([]byte("1777")); err == nil {
		t.Error("1777 is a mode")
	}
}
