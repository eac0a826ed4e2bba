package house

// plantedPure are violations of the purity of machines.
var plantedPure = []planted{
	{
		name: "import of a socket", rule: "pure",
		bad: `
-- ring/a.go --
package ring

import "net"

type A struct{ c net.Conn }
`,
		want: []string{"ring/a.go:3"},
		good: `
-- ring/a.go --
package ring

import (
	"errors"
	"net/netip"
)

var errA = errors.New("a")

type A struct{ peer netip.AddrPort }
-- ring/a_test.go --
package ring

import "net"

var _ net.Conn
-- daemon/a.go --
package daemon

import "net"

var _ net.Conn
`,
	},
	{
		name: "import of files, logs, locks, chance and memory", rule: "pure",
		bad: `
-- groups/a.go --
package groups

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"unsafe"
)

var (
	_ = slog.Info
	_ = rand.Int
	_ = os.Args
	_ sync.Mutex
	_ unsafe.Pointer
)
`,
		want: []string{"groups/a.go:4", "groups/a.go:5", "groups/a.go:6", "groups/a.go:7", "groups/a.go:8"},
		good: `
-- groups/a.go --
package groups

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"strings"
)

var (
	_ = bytes.Equal
	_ = cmp.Compare[int]
	_ = binary.BigEndian
	_ = bits.Len
	_ = strings.Cut
)
`,
	},
	{
		name: "import of others", rule: "pure",
		bad: `
-- membership/a.go --
package membership

import "golang.org/x/net/ipv4"

var _ ipv4.Message
`,
		want: []string{"membership/a.go:3"},
		good: `
-- membership/a.go --
package membership

import "example.org/m/wire"

var _ wire.T
-- wire/a.go --
package wire

type T int
`,
	},
	{
		name: "nameless import", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import . "fmt"
import _ "time"

var _ = Sprint
`,
		want: []string{"engine/a.go:3", "engine/a.go:4"},
		good: `
-- engine/a.go --
package engine

import f "fmt"

var _ = f.Sprint
`,
	},
	{
		name: "clock, time.Now", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.Now()
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock, time.Since", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.Since(time.Time{})
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock, time.After", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.After(1)
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock, time.NewTimer", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.NewTimer(1)
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock, time.AfterFunc", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.AfterFunc(1, nil)
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock, time.Sleep", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.Sleep
`,
		want: []string{"engine/a.go:5"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock under another name", rule: "pure",
		bad: `
-- ring/a.go --
package ring

import wall "time"

func now() int64 { return wall.Now().Unix() }
`,
		want: []string{"ring/a.go:5"},
		good: `
-- ring/a.go --
package ring

type clock struct{ Now int }

func now(time clock) int { return time.Now }
`,
	},
	{
		name: "a goroutine", rule: "pure",
		bad: `
-- ring/a.go --
package ring

func a(f func()) {
	go f()
}
`,
		want: []string{"ring/a.go:4"},
		good: `
-- ring/a.go --
package ring

func a(f func()) {
	defer f()
}
`,
	},
	{
		name: "channels", rule: "pure",
		bad: `
-- membership/a.go --
package membership

func a(c chan int) {
	select {}
}

type C = chan int

func b(c C) {
	<-c
}

func d(c C) {
	c <- 1
}
`,
		want: []string{"membership/a.go:3", "membership/a.go:4", "membership/a.go:7", "membership/a.go:10", "membership/a.go:14"},
		good: `
-- membership/a.go --
package membership

func a(c []int) int {
	switch {
	}
	return -c[0]
}
-- daemon/a.go --
package daemon

func a(c chan int) {
	select {
	case <-c:
	}
}
`,
	},
	{
		name: "output", rule: "pure",
		bad: `
-- groups/a.go --
package groups

import "fmt"

func a() {
	fmt.Println("a")
	fmt.Printf("a")
	println("a")
}
`,
		want: []string{"groups/a.go:6", "groups/a.go:7", "groups/a.go:8"},
		good: `
-- groups/a.go --
package groups

import (
	"fmt"
	"strings"
)

func a(b *strings.Builder) error {
	fmt.Fprintf(b, "a %s", fmt.Sprint(1))
	return fmt.Errorf("a %d", 1)
}
`,
	},
	{
		name: "a build constraint", rule: "pure",
		bad: `
-- ring/a.go --
//go:build ignore

package ring
-- ring/b_plan9.go --
package ring
`,
		want: []string{"ring/a.go", "ring/b_plan9.go"},
		good: `
-- ring/a.go --
package ring
-- wire/a.go --
//go:build ignore

package wire
`,
	},
}
