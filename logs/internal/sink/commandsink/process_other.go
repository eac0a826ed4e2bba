//go:build !unix

package commandsink

import "os/exec"

func shell(text string) *exec.Cmd { return exec.Command("cmd", "/C", text) }

func terminate(cmd *exec.Cmd) error { return cmd.Process.Kill() }
func kill(cmd *exec.Cmd) error      { return cmd.Process.Kill() }

// alive reports whether anything that a command has started still runs; here nobody knows.
func alive(*exec.Cmd) bool { return false }
