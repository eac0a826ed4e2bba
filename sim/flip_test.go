package sim

import (
	"testing"
)

// TestFlips runs seeds in which datagrams arrive with wrong numbers. TestSeeds has some, among other
// faults.
func TestFlips(t *testing.T) {
	failed := 0
	for seed := *firstFlag; seed < *firstFlag+*seedsFlag/4 && failed < 3; seed++ {
		o := Draw(seed)
		if o.Still || o.daemons() == 1 {
			continue
		}
		o.Faults[FaultFlip] += 10
		if r := run(o, nil, nil); len(r.Violations) > 0 {
			failed++
			r := run(o, nil, new(trace))
			t.Error(r.Story(60))
		}
	}
}
