package main

import (
	"fmt"
	"time"
)

// sites returns the three sites. Their groups are those of package weblog.
func sites() []*site {
	return []*site{
		{
			name: "www.coolsite.example", group: "coolsite", zone: time.FixedZone("EST", -5*3600),
			lines: 2600, visit: browse, odd: oddCommon(),
		},
		{
			name: "api.slicksite.example", group: "slicksite", combined: true, zone: time.FixedZone("CET", 3600),
			lines: 2100, visit: call, odd: append(oddCommon(), oddCombined()...),
		},
		{
			name: "static.oddsite.example", group: "oddsite", combined: true, zone: time.UTC,
			lines: 1300, visit: fetch, odd: append(append(oddCommon(), oddCombined()...), oddEncoded()...),
		},
	}
}

// hours are the shares of the hours of a day.
var hours = []choice[int]{
	{20, 0},
	{14, 1},
	{9, 2},
	{7, 3},
	{6, 4},
	{8, 5},
	{15, 6},
	{28, 7},
	{42, 8},
	{55, 9},
	{62, 10},
	{64, 11},
	{66, 12},
	{63, 13},
	{60, 14},
	{61, 15},
	{63, 16},
	{66, 17},
	{72, 18},
	{80, 19},
	{84, 20},
	{76, 21},
	{54, 22},
	{34, 23},
}

// agents are those of browsers and robots.
var agents = []choice[string]{
	{30, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
	{16, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"},
	{12, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"},
	{10, "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"},
	{10, "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"},
	{6, "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example.org/about)"},
	{3, "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; .NET CLR 1.1.4322)"},
	{2, "Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.5.0"},
	{2, "Wget/1.25.0"},
}

// programs are the user agents of programs that call an API.
var programs = []choice[string]{
	{30, "okhttp/4.12.0"},
	{22, "SlickApp/7.3.1 (iOS 18.6; iPhone16,2; build 4411)"},
	{18, "python-requests/2.32.5"},
	{14, "Go-http-client/2.0"},
	{10, "axios/1.12.2"},
	{6, "curl/8.16.0"},
}

var protocols = []choice[string]{{60, "HTTP/1.1"}, {35, "HTTP/2.0"}, {5, "HTTP/1.0"}}

// get makes an ordinary request of a client.
func get(g *gen, c client, method, path, referrer string, size int64) request {
	r := request{
		host: c.host, user: c.user, agent: c.agent, referrer: referrer,
		line: method + " " + path + " " + c.proto, status: 200, size: size,
	}
	switch n := g.n(1000); {
	case n < 90:
		r.status, r.size = 304, -1
	case n < 100:
		r.status = 206
	case n < 105:
		r.status, r.size = 500, 612
	case n < 108:
		r.status, r.size = 503, 299
	}
	return r
}

// referrers are where visits come from. "-" is none.
var referrers = []choice[string]{
	{45, "-"},
	{30, "https://search.example.com/"},
	{8, "https://search.example.com/?q=cool+things&hl=en"},
	{8, "https://news.example.org/item?id=41120"},
	{5, "android-app://com.example.reader/"},
	{4, "http://www.oddsite.example/links.html"},
}

// browse is a visit of a person to www.coolsite.example: pages, and what they
// bring with them.
func browse(g *gen, c client) []request {
	if g.chance(25) {
		return probe(g, c)
	}
	if g.chance(12) {
		c.user = one(g, []string{"george", "theo", "anna", "mei-ling"})
	}
	var visit []request
	referrer := pick(g, referrers)
	for range g.between(1, 5) {
		path := pick(g, []choice[string]{
			{30, "/"},
			{20, fmt.Sprintf("/articles/%d/%02d/%s.html", g.between(2021, 2026), g.between(1, 12), one(g, []string{"ring", "token", "order", "groups", "views"}))},
			{14, fmt.Sprintf("/forum/viewtopic.php?t=%d", g.n(9000))},
			{8, fmt.Sprintf("/search?q=%s&page=%d", one(g, []string{"spread", "multicast", "log+hosts", "apache"}), g.between(1, 9))},
			{6, "/about.html"},
			{4, "/feed.xml"},
		})
		visit = append(visit, get(g, c, pick(g, []choice[string]{{40, "GET"}, {1, "HEAD"}}), path, referrer, g.size(900, 64_000)))
		referrer = "https://www.coolsite.example" + path
		for range g.n(4) {
			file := one(g, []string{
				"/css/site.css?v=31", "/js/app.js?v=31", "/img/logo.png", "/favicon.ico",
				fmt.Sprintf("/img/photos/%d.jpg", g.n(400)),
			})
			visit = append(visit, get(g, c, "GET", file, referrer, fileSize(file, 300, 480_000)))
		}
		if g.chance(10) {
			post := get(g, c, "POST", "/forum/posting.php", referrer, -1)
			post.status, post.size = 302, 0
			visit = append(visit, post)
		}
	}
	return visit
}

// probe is what scanners do to every site.
func probe(g *gen, c client) []request {
	var visit []request
	for _, path := range []string{"/wp-login.php", "/.env", "/admin/config.php", "/phpmyadmin/", "/.git/config"} {
		r := get(g, c, "GET", path, "-", 196)
		r.status = 404
		visit = append(visit, r)
		if g.chance(3) {
			break
		}
	}
	return visit
}

// call is a session of a program with api.slicksite.example.
func call(g *gen, c client) []request {
	c.agent = pick(g, programs)
	if g.n(10) > 0 {
		c.user = fmt.Sprintf("key-%s", g.hex(6))
	}
	var visit []request
	for range g.between(1, 8) {
		visit = append(visit, apiCall(g, c))
	}
	return visit
}

func apiCall(g *gen, c client) request {
	item := fmt.Sprintf("/v2/%s/%d", one(g, []string{"orders", "users", "carts", "items"}), g.n(100_000))
	method := pick(g, []choice[string]{
		{58, "GET"}, {20, "POST"}, {8, "PUT"}, {5, "PATCH"}, {4, "DELETE"}, {3, "OPTIONS"}, {2, "HEAD"},
	})
	r := get(g, c, method, item, "-", g.size(40, 9_000))
	switch method {
	case "POST":
		r.status, r.size = 201, g.size(60, 900)
	case "DELETE", "OPTIONS":
		r.status, r.size = 204, -1
	case "HEAD":
		r.size = -1
	}
	switch n := g.n(200); {
	case n < 8:
		r.status, r.size = pick(g, []choice[int]{{3, 400}, {4, 401}, {2, 403}, {8, 404}, {2, 409}, {3, 422}, {4, 429}}), g.size(60, 300)
	case n < 10:
		r.status, r.size = pick(g, []choice[int]{{2, 500}, {3, 502}, {1, 504}}), 157
	}
	return r
}

// fetch is a page of some other site that takes files from
// static.oddsite.example.
func fetch(g *gen, c client) []request {
	referrer := pick(g, []choice[string]{
		{50, "https://www.oddsite.example/"},
		{20, fmt.Sprintf("https://www.oddsite.example/show?id=%d", g.n(5000))},
		{15, "-"},
		{5, ""},
	})
	var visit []request
	for range g.between(1, 7) {
		name := fmt.Sprintf("/%s/%s.%s", one(g, []string{"a", "b", "media", "fonts"}), g.hex(12), one(g, []string{"js", "css", "png", "webp", "woff2", "mp4"}))
		visit = append(visit, get(g, c, "GET", name, referrer, fileSize(name, 200, 3_000_000)))
	}
	return visit
}
