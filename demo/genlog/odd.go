package main

import (
	"fmt"
	"strings"
)

// odd makes a request of an ordinary client, for what is odd in the request
// line or is made odd in
// something else by the caller.
func (g *gen) odd(line string, status int, size int64) request {
	c := g.client()
	return request{host: c.host, agent: c.agent, referrer: "-", line: line, status: status, size: size}
}

// longURL returns a path of at least 8 KiB, as broken scripts make that put
// all they know into the query.
func (g *gen) longURL() string {
	var s strings.Builder
	s.WriteString("/cart?session=" + g.hex(16))
	for i := 0; s.Len() < 8<<10; i++ {
		fmt.Fprintf(&s, "&item%%5B%d%%5D=%d", i, g.n(100))
	}
	return s.String()
}

// oddCommon are the odd kinds of requests that the Common Log Format can show.
func oddCommon() []func(g *gen) request {
	return []func(g *gen) request{
		func(g *gen) request { // a connection that said nothing
			r := g.odd("-", 408, -1)
			r.agent = "-"
			return r
		},
		func(g *gen) request { return g.odd("", 400, 226) },
		func(g *gen) request { // TLS to a port without it
			return g.odd(`\x16\x03\x01\x02`+`\x`+g.hex(2)+`\x01\xfc\x03\x03`, 400, 226)
		},
		func(g *gen) request { return g.odd(`GET /a\tb\nc\x00\x1b[31m HTTP/1.1`, 400, 226) },
		func(g *gen) request { return g.odd(`GET /say?what=\"hello\\ world\" HTTP/1.1`, 200, 512) },
		func(g *gen) request { return g.odd("GET "+g.longURL()+" HTTP/1.1", 414, 248) },
		func(g *gen) request { return g.odd("GET "+g.longURL()+" HTTP/2.0", 200, 5120) },
		func(g *gen) request { return g.odd("GET /index.html", 200, 1024) }, // HTTP/0.9
		func(g *gen) request { return g.odd("GET /two words and more.txt HTTP/1.1", 400, 226) },
		func(g *gen) request { return g.odd("OPTIONS * HTTP/1.0", 200, -1) },
		func(g *gen) request { return g.odd("CONNECT mail.example.com:25 HTTP/1.1", 405, 231) },
		func(g *gen) request { return g.odd("PROPFIND /dav/ HTTP/1.1", 207, 1893) },
		func(g *gen) request { return g.odd("GET http://other.example/ HTTP/1.1", 404, 196) },
		func(g *gen) request { return g.odd("GET /iso/disk[1].iso HTTP/1.1", 200, 4_700_372_992) },
		func(g *gen) request { // an IPv6 client that is the host itself
			r := g.odd("GET /server-status?auto HTTP/1.1", 200, 931)
			r.host, r.agent = "::1", "collectd/5.12.0"
			return r
		},
		func(g *gen) request { // a user name with a space
			r := g.odd("GET /private/ HTTP/1.1", 401, 381)
			r.user = "Jane Doe"
			return r
		},
	}
}

// oddCombined are the odd kinds that show in referrer or user agent.
func oddCombined() []func(g *gen) request {
	with := func(referrer, agent string) func(g *gen) request {
		return func(g *gen) request {
			r := g.odd("GET /index.html HTTP/1.1", 200, g.size(400, 20_000))
			r.referrer, r.agent = referrer, agent
			return r
		}
	}
	return []func(g *gen) request{
		with("", ""),
		with("", "curl/8.16.0"),
		with("-", "-"),
		with("-", `Mozilla/5.0 (compatible; \"Quoted\" Agent/1.0; say \"hi\")`),
		with("-", `ends with a backslash \\`),
		with("-", `() { :; }; echo \"probe\"`),
		with(`https://search.example.com/?q=\"exact phrase\"`, "Wget/1.25.0"),
		with("https://forum.example.org/?tags[]=a&tags[]=b", "Mozilla/5.0 (X11; Linux x86_64)"),
		with("-", "Mozilla/5.0 "+strings.Repeat("(padding; padding) ", 100)+"end"),
		with("https://www.example.com/"+strings.Repeat("deep/", 300), "Mozilla/5.0 (X11; Linux x86_64)"),
	}
}

// oddEncoded are those that not every server would write so: text that is not
// ASCII, and addresses as some proxies write them.
func oddEncoded() []func(g *gen) request {
	return []func(g *gen) request{
		func(g *gen) request { return g.odd("GET /straße/naïve café.html HTTP/1.1", 200, 2048) },
		func(g *gen) request { return g.odd("GET /文档/日志.html HTTP/2.0", 200, 4096) },
		func(g *gen) request { return g.odd("GET /stra%C3%9Fe/%E6%97%A5 HTTP/1.1", 200, 2048) },
		func(g *gen) request { return g.odd(`GET /stra\xc3\x9fe HTTP/1.1`, 404, 196) },
		func(g *gen) request { return g.odd("GET /latin1/\xe9t\xe9.html HTTP/1.0", 404, 196) }, // not UTF-8
		func(g *gen) request {
			r := g.odd("GET / HTTP/1.1", 200, 900)
			r.agent = "Обозреватель/1.0 (プレイヤー; 🚀)"
			return r
		},
		func(g *gen) request {
			r := g.odd("GET / HTTP/1.1", 200, 900)
			r.user = "jörg"
			return r
		},
		func(g *gen) request {
			r := g.odd("GET / HTTP/1.1", 200, 900)
			r.host = "[" + g.ipv6() + "]"
			return r
		},
		func(g *gen) request {
			r := g.odd("GET / HTTP/1.1", 200, 900)
			r.host = "fe80::1%25eth0"
			return r
		},
	}
}
