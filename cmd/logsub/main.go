package main

import (
	"os"

	"github.com/spreadd/spreadd/logs/logsub/cli"
)

func main() { os.Exit(cli.Main()) }
