//go:build !unix

package commandsink

import "os/exec"

func shell(text string) *exec.Cmd { return exec.Command("cmd", "/C", text) }

func terminate(cmd *exec.Cmd) error { return cmd.Process.Kill() }
func kill(cmd *exec.Cmd) error      { return cmd.Process.Kill() }
