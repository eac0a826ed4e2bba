//go:build unix

package perlsink

import (
	"os/exec"
	"syscall"
)

// isolate gives a command a process group of its own: signals that a terminal sends to us do not
// reach it, and ours reach what its modules have started.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
func kill(cmd *exec.Cmd) error      { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
