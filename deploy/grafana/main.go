package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	for name, b := range map[string]board{"ring.json": ring(), "logs.json": logs()} {
		text, err := b.render()
		if err == nil {
			err = os.WriteFile(filepath.Join("deploy", "grafana", name), text, 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "cannot write board %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}
