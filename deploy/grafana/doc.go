// Command grafana writes the Grafana boards in this directory, ring.json and logs.json.
//
//	go run ./deploy/grafana        in the root of the repository
//
// Rows and panels stand in the order in which an operator asks. It is not part of a release, but the
// boards are.
package main
