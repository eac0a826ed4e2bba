package main

import (
	"context"
	"fmt"
)

func (p *program) demo(ctx context.Context, args []string) int {
	fmt.Fprintln(p.stderr, "not yet")
	return statusError
}
