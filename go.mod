module github.com/spreadd/spreadd

go 1.26.0

require (
	github.com/ncruces/go-strftime v1.1.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
)

require golang.org/x/net v0.62.0
