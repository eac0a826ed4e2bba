package main

import (
	"os"

	"github.com/spreadd/spreadd/logs/logmon/cli"
)

func main() { os.Exit(cli.Main()) }
