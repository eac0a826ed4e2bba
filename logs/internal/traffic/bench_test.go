package traffic

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

// farm are lines as a busy farm has them: 8 servers, 20 virtual hosts, 3000 clients, pages from a
// steep distribution with a long tail.
func farm(known bool) (lines [][]byte, senders []string) {
	r := rand.New(rand.NewPCG(3, 4))
	tail := uint64(2000)
	if known {
		tail = 20
	}
	z := rand.NewZipf(r, 1.1, 4, tail)
	for range 1 << 14 {
		vhost := "www" + strconv.Itoa(r.IntN(20)) + ".example.com:443 "
		lines = append(lines, []byte(vhost+line("10.1."+strconv.Itoa(r.IntN(30))+"."+strconv.Itoa(r.IntN(100)), "/articles/"+strconv.FormatUint(z.Uint64(), 10)+"?utm_source=x",
			[]int{200, 200, 200, 200, 304, 301, 404, 500}[r.IntN(8)], r.IntN(50_000), "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")))
	}
	for i := range 8 {
		senders = append(senders, "#lp"+strconv.Itoa(i)+"#web"+strconv.Itoa(i))
	}
	return lines, senders
}

func benchmark(b *testing.B, known bool) {
	lines, senders := farm(known)
	m := newTraffic(b, Config{})
	now := start
	size := 0
	i := 0
	for ; i < len(lines); i++ {
		m.Message(now, "weblogs", senders[i%8], lines[i])
	}
	b.ReportAllocs()
	for b.Loop() {
		i++
		l := lines[i%len(lines)]
		m.Message(now, "weblogs", senders[i%8], l)
		size += len(l)
		now = now.Add(2 * time.Microsecond)
	}
	b.ReportMetric(float64(i-len(lines))/b.Elapsed().Seconds(), "lines/s")
	b.SetBytes(int64(size / max(i-len(lines), 1)))
}

// BenchmarkKnown: all pages fit into the lists.
func BenchmarkKnown(b *testing.B) { benchmark(b, true) }

// BenchmarkTail: pages come that have to take the place of others.
func BenchmarkTail(b *testing.B) { benchmark(b, false) }

func BenchmarkSnapshot(b *testing.B) {
	m := newTraffic(b, Config{})
	for i := range DefaultMaxSessions {
		m.Message(start, "web", "#a#b", []byte("v"+strconv.Itoa(i%100)+" "+line(strconv.Itoa(i), "/"+strconv.Itoa(i%2000), 200, 1, "x")))
	}
	for b.Loop() {
		m.Snapshot(after(1), Query{Pages: 50, Sessions: 50, VHosts: 50, SessionOrder: ByRequests, History: true})
	}
}

// BenchmarkParse only takes lines apart: what the rest is to be compared with.
func BenchmarkParse(b *testing.B) {
	lines, _ := farm(true)
	var f logline.Fields
	i, size := 0, 0
	for b.Loop() {
		i++
		l := lines[i%len(lines)]
		_, rest, _ := logline.CutVHost(l)
		if err := f.Parse(rest); err != nil {
			b.Fatal(err)
		}
		size += len(l)
	}
	b.SetBytes(int64(size / max(i, 1)))
}
