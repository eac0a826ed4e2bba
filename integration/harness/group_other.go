//go:build !unix

package harness

import "os/exec"

// inGroup does nothing: there are no process groups.
func inGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended
}
