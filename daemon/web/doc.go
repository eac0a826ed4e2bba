// Package web serves the state of a daemon over HTTP, for people, scripts and the cluster page.
//
//	/                   the cluster page
//	/status/overview    what the page shows
//	/status             the state as JSON, with the first hundred sessions and groups
//	/status/cluster     all daemons, which this one asks through the monitor protocol
//	/status/sessions    sessions by name: ?session=NAME* &group=NAME &limit=N &after=NAME
//	/status/groups      groups by name: ?group=NAME* &session=NAME &limit=N &after=NAME
//	/healthz, /readyz   200 if the daemon is alive, and if it serves clients in a ring that works; else 503
//	/metrics            for Prometheus
//	/debug/pprof/       profiles, if they are wanted
//
// Package internal/prom is the server: it bounds connections and requests and checks the Host.
//
// # What it does not
//
// There is neither encryption nor authentication, and nothing can be changed: bind it to the loopback
// address or to a network that you trust.
//
// References: docs/operate/status.md, docs/operate/cluster-page.md.
package web
