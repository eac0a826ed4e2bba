//go:build !unix

package perllog

import "os/exec"

func isolate(*exec.Cmd) {}

func terminate(cmd *exec.Cmd) error { return cmd.Process.Kill() }
func kill(cmd *exec.Cmd) error      { return cmd.Process.Kill() }
