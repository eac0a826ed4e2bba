//go:build unix

package commandsink

import (
	"errors"
	"os/exec"
	"syscall"
)

// shell is a command in a process group of its own: signals that a terminal or an operator sends to
// us do not reach it, and ours reach all of it.
func shell(text string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", text)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func terminate(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
func kill(cmd *exec.Cmd) error      { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// alive reports whether anything that a command has started still runs.
func alive(cmd *exec.Cmd) bool {
	return !errors.Is(syscall.Kill(-cmd.Process.Pid, 0), syscall.ESRCH)
}
