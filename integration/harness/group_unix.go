//go:build unix

package harness

import (
	"os/exec"
	"syscall"
)

// inGroup gives a command a process group of its own, so that killGroup reaches the workers of a
// web server, too.
func inGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // they may have ended
}
