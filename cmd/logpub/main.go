package main

import (
	"os"

	"github.com/spreadd/spreadd/logs/logpub/cli"
)

func main() { os.Exit(cli.Main()) }
