// Package web serves what logmon sees as a page that goes on by itself: charts and lists, in a
// browser, on a telephone too.
//
// The page is one document: its style and its script are in it, and it asks nobody but us. It asks
// for /data each second, which is the JSON of a [logmon.View] and may be used by others too.
//
//	GET /          the page
//	GET /data      a view; vhost restricts it to a virtual host, pages, sessions, vhosts and servers are orders, rows bounds
//	               lists (1 to 200), since leaves points of the history out that are known
//	GET /healthz   200 if all groups are joined, else 503
//
// # What it guarantees
//
//   - The Content-Security-Policy lets nothing run or load but the page's own script and style,
//     known by their SHA-256, and requires Trusted Types. The script makes text of what comes from
//     logs, never HTML. Tests try it in a browser.
//   - Requests are answered for names that we were told, addresses and localhost only, so that a
//     page of somebody else's cannot read ours by a name of its own that leads here (DNS
//     rebinding).
//   - Connections, their time and the size of requests are bounded.
//
// # What it does not
//
// There is no encryption and no password. The page shows addresses of clients: bind it to loopback,
// to a network of your own, or put a web server with both in front.
//
// # Limits
//
// 64 connections; 8 requests for data at a time, more get 503; 5 s for a request, 10 s for an
// answer.
//
// # How to debug
//
// curl http://ADDRESS/data has all numbers. Browser consoles say what a policy refused.
//
// # References
//
// https://www.w3.org/TR/CSP3/; https://www.w3.org/TR/wai-aria-1.2/ for the charts' and tables'
// roles.
package web
