package traffic

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=Order -linecomment

// Order is what a list is sorted by, largest first.
type Order uint8

// The orders. A list that lacks the value of an order is sorted by requests. ByErrorShare is the
// share of errors in the requests of the last seconds, 5xx first; ByOnline is for virtual hosts,
// ByRecent (the last request) and ByLongest are for sessions.
const (
	ByRequests   Order = iota // requests
	ByRate                    // rate
	ByBytes                   // bytes
	ByBandwidth               // bandwidth
	ByErrors                  // errors
	ByErrorShare              // error-share
	ByOnline                  // online
	ByRecent                  // recent
	ByLongest                 // longest
	ByName                    // name
	NumOrders
)

// Orders of the lists, in the order in which a user cycles through them.
var (
	rowOrders     = []Order{ByRequests, ByRate, ByBytes, ByBandwidth, ByErrors, ByErrorShare, ByName}
	vhostOrders   = []Order{ByRequests, ByRate, ByBytes, ByBandwidth, ByErrors, ByErrorShare, ByOnline, ByName}
	sessionOrders = []Order{ByRecent, ByLongest, ByRequests, ByBytes, ByErrors, ByName}
)

// RowOrders are the orders of rows: servers, pages, codes, groups.
func RowOrders() []Order { return slices.Clone(rowOrders) }

// VHostOrders are those of virtual hosts.
func VHostOrders() []Order { return slices.Clone(vhostOrders) }

// SessionOrders are those of sessions.
func SessionOrders() []Order { return slices.Clone(sessionOrders) }

// ParseOrder returns the order with a name.
func ParseOrder(text string) (Order, error) { return conf.ParseEnum("order", text, NumOrders) }

// compare compares rows; the least comes first in the list. Names decide between equals, so that
// lists do not flicker.
func (o Order) compare(a, b *Row) int {
	var c int
	switch o {
	case ByRate:
		c = cmp.Compare(b.RequestsPerSecond, a.RequestsPerSecond)
	case ByBytes:
		c = cmp.Compare(b.Bytes, a.Bytes)
	case ByBandwidth:
		c = cmp.Compare(b.BytesPerSecond, a.BytesPerSecond)
	case ByErrors:
		c = cmp.Or(cmp.Compare(b.ServerErrors+b.ClientErrors, a.ServerErrors+a.ClientErrors), cmp.Compare(b.ServerErrors, a.ServerErrors))
	case ByErrorShare:
		c = cmp.Or(cmp.Compare(b.ServerErrorShare(), a.ServerErrorShare()), cmp.Compare(b.ClientErrorShare(), a.ClientErrorShare()))
	case ByName:
		return strings.Compare(a.Name, b.Name)
	default:
	}
	return cmp.Or(c, cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Name, b.Name))
}

// compareSessions is the same for sessions.
func (o Order) compareSessions(a, b *session) int {
	var c int
	switch o {
	case ByLongest:
		c = cmp.Compare(a.first, b.first)
	case ByRequests:
		c = cmp.Compare(b.requests, a.requests)
	case ByBytes:
		c = cmp.Compare(b.bytes, a.bytes)
	case ByErrors:
		c = cmp.Compare(b.fails, a.fails)
	case ByName:
		return cmp.Or(strings.Compare(a.client(), b.client()), strings.Compare(a.key, b.key))
	default:
	}
	return cmp.Or(c, cmp.Compare(b.last, a.last), strings.Compare(a.key, b.key))
}

// top keeps the first of many in an order. One that does not belong there costs one comparison.
type top[T any] struct {
	limit   int
	compare func(a, b T) int
	kept    []T // sorted
}

func (t *top[T]) add(x T) {
	if len(t.kept) == t.limit {
		if t.limit == 0 || t.compare(x, t.kept[t.limit-1]) >= 0 {
			return
		}
		t.kept = t.kept[:t.limit-1]
	}
	i, _ := slices.BinarySearchFunc(t.kept, x, t.compare)
	t.kept = slices.Insert(t.kept, i, x)
}
