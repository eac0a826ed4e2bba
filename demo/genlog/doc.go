// Command genlog writes the access logs that package weblog bundles: what three web
// sites log on one day, with the odd lines that real logs have.
//
//	go run ./demo/genlog -o demo/weblog
//
// All comes from a constant seed, by integer arithmetic alone, so the logs are
// the same on every machine and with every version of Go; a test compares them
// with the bundled ones. Nobody's traffic is in them: hosts are of the address
// ranges and names that are kept free for documentation.
//
// A site's day is a list of visits. A visit has a client (host, user agent,
// perhaps a user), a time that follows the hour's share of the traffic, and
// some requests one after the other, which a site makes in its own way. Odd
// requests, of which each kind is guaranteed, are strewn in.
package main
