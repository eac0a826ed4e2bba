package transport

import (
	"reflect"
	"testing"
)

// TestStatsAdd: no counter is forgotten.
func TestStatsAdd(t *testing.T) {
	var s, o Stats
	fill := func(v reflect.Value, n int64) {
		for _, f := range v.Fields() {
			switch f.Kind() {
			case reflect.Array:
				for j := range f.Len() {
					f.Index(j).SetInt(n)
				}
			default:
				f.SetInt(n)
			}
		}
	}
	fill(reflect.ValueOf(&s).Elem(), 1)
	fill(reflect.ValueOf(&o).Elem(), 2)
	s.Add(&o)
	var want Stats
	fill(reflect.ValueOf(&want).Elem(), 3)
	want.ReceiveBuffer = 1 // It is not a counter.
	if s != want {
		t.Errorf("the sum is %+v", s)
	}
}
