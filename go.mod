module github.com/spreadd/spreadd

go 1.26.0

require (
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/reeflective/readline v1.3.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
