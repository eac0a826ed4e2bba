// Package web shows the traffic as a live page with charts and lists, in a browser or on a
// telephone.
//
// The page is one document that contains its style and script, and makes requests only to logmon.
// Each second it requests /data, a [logmon.View] in JSON, which other programs may use too.
//
//	GET /          the page
//	GET /data      a view. Parameters: vhost restricts it to a virtual host; pages, sessions,
//	               vhosts and servers are orders; rows bounds lists (1 to 200); since omits
//	               older points of the history
//	GET /healthz   200 if all groups are joined, otherwise 503
//
// # What it guarantees
//
//   - The Content-Security-Policy allows only the page's own script and style, identified by their
//     SHA-256, and requires Trusted Types. The script turns data from logs into text, never into
//     HTML. Tests check that in a browser.
//   - Requests are answered only for configured host names, addresses and localhost. A foreign page
//     cannot read this one through a name of its own that resolves to this host (DNS rebinding).
//   - The number and time of connections and the size of requests are bounded.
//
// # What it does not guarantee
//
// There is no encryption and no password, and the page shows client addresses. Bind it to loopback
// or to a private network, or put a web server with both in front of it.
//
// # Limits
//
// 64 connections; 8 concurrent requests for data, beyond which the answer is 503; 5 s for a
// request, 10 s for an answer.
//
// # How to debug
//
// curl http://ADDRESS/data returns all data. The browser's console shows what a policy blocks.
//
// # References
//
// https://www.w3.org/TR/CSP3/; https://www.w3.org/TR/wai-aria-1.2/ for the roles of charts and
// tables.
package web
