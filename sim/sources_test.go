package sim

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	sourcesFlag = flag.Bool("sources", false, "plant faults in the machines' source, too")
	sourcesSeed = flag.String("sources.seeds", "5000", "after how many seeds a fault in the source has to be seen")
)

// fault is a change of a machine's source that makes the machine wrong. The text to change must
// occur once: when a machine is rewritten, its faults are too.
type fault struct {
	name, file string
	from, to   string
}

func faults() []fault {
	return []fault{
		{"retransmission requests are not answered", "ring/retransmit.go", "\t\t\tr.retransmit(s, q, out)\n", ""},
		{"safe messages are delivered as agreed ones", "ring/delivery.go", " || s.state == have && s.service == Safe {\n\t\t\treturn", " {\n\t\t\treturn"},
		{"the line of stability is a round ahead", "ring/turn.go", "r.seq.aru = min(t.Aru, r.token.last.Aru)", "r.seq.aru = max(r.seq.aru, t.Aru)"},
		{"a raised aru is not lowered by who misses something", "ring/turn.go", "lower := t.Aru > r.seq.myAru", "lower := false"},
		{"messages of outsiders are delivered after a hole", "ring/recovery.go", "(!afterHole || slices.Contains(r.recovery.commit, s.proc))", "(afterHole || !afterHole)"},
		{"all messages are dropped after a hole", "ring/recovery.go", "(!afterHole || slices.Contains(r.recovery.commit, s.proc))", "!afterHole"},
		{"safe messages are delivered before the transitional configuration", "ring/recovery.go", "!s.isPacket() || s.state == have && s.service == Safe {", "!s.isPacket() {"},
		{"packets that came too late for FORM1 are kept", "ring/recovery.go", "\tr.cut(rec.Highest, out)\n", "\trec.Highest = max(rec.Highest, r.seq.highest)\n\tr.cut(rec.Highest, out)\n"},
		{"packets that came for a hole are kept", "ring/recovery.go", "\t\t\tr.table.remove(s, out)\n\t\t}\n\t\tr.table.add(seq, r.seq.lastDiscarded).state = hole", "\t\t\tcontinue\n\t\t}\n\t\tr.table.add(seq, r.seq.lastDiscarded).state = hole"},
		{"holes of a recovery that was given up stay", "ring/recovery.go", "s.state == hole {\n\t\t\t*s = slot{}", "s.state == hole {\n\t\t\ts.state = hole"},
		{"a message that was sent in part is not begun again", "ring/recovery.go", "\tr.sending.users.again()\n", ""},
		{"parts of messages survive their ring", "ring/recovery.go", "\tr.dropPartials(out)\n", ""},
		{"the exchange of groups does not hold back users' messages", "ring/submit.go", "case r.sending.groups.sent > 0 || r.sending.exchange:", "case r.sending.groups.sent > 0 || r.sending.exchange && r.sending.users.len() == 0:"},
		{"the recovery's aru leaks into the new ring", "ring/token.go", "\t\t\tr.token.last.Aru = 0\n", ""},
		{"old tokens are taken", "ring/token.go", "\tcase its.ARQ() == (mine.ARQ()+1)&0xf:", "\tcase its.ARQ() != mine.ARQ():"},
		{"the commit set is forgotten when a recovery breaks", "membership/evs.go", "m.commit, m.numTrans = m.futureCommit, len(m.future.Transitional)", "_ = m.futureCommit"},
		{"what others on the form token have counts as a hole", "membership/attempt.go", "return h <= r.Aru || h <= old.MyAru() || old.Has(h)", "return h <= r.Aru"},
		{"a hole is forgotten", "membership/attempt.go", "r.Holes = old.AppendMissing(r.Holes, from, highest)", "r.Holes = old.AppendMissing(r.Holes, from+1, highest)"},
		{"times of ids are used again", "membership/machine.go", "m.lastTime = max(wall, m.lastTime+1, 1)", "m.lastTime = max(wall, 1)"},
		{"a gathering ends early beside a ring whose members are not known", "membership/early.go", "if i < 0 || !m.voices[i].listed {\n\t\treturn false", "if i < 0 || !m.voices[i].listed {\n\t\treturn true"},
		{"a refusal is proof of an end", "membership/machine.go", "\tm.back(p.Proc)\n", "\tif named(m.refused, p.Proc) {\n\t\treturn m.count(NotNeeded)\n\t}\n"},
		{"nobody looks for other rings", "membership/op.go", "\t\tm.arm(timerLookup, e.now)\n", ""},
		{"tables of groups are not exchanged", "groups/trans.go", "if len(m.members) > len(m.transitional) {", "if len(m.members) > len(m.transitional)+99 {"},
		{"the synced set keeps those who have left", "groups/op.go", "\tm.synced = m.synced.intersect(m.transitional)\n", ""},
		{"an exchange that broke is used by halves", "groups/gathertrans.go", "if m.exchange.ownComplete {", "if len(m.exchange.sets) > 0 {"},
		{"a merge of two histories is not told", "groups/merge.go", "\n\tg.changed = true\n", "\n"},
		{"ids of former lives are forgotten", "membership/machine.go", "{ m.lastTime = min(last, maxTime) }", "{}"},
		{"the index of a group's id stands still", "groups/requests.go", "\tg.id.Index++\n\tif len(g.daemons) == 0 {", "\tif len(g.daemons) == 0 {"},
		{"signals are not sent", "groups/op.go", "\t\tm.signal(g, g.id, out)\n", ""},
		{"a group keeps its id when it loses daemons", "groups/op.go", "\t\tg.id = groupID(m.transitionalID, 1)\n", ""},
		{"members of lost daemons stay", "groups/trans.go", "return d.partitioned })", "return false })"},
		{"a killed client stays in its groups", "groups/requests.go", "\tfor _, g := range in {\n", "\tfor _, g := range in[:0] {\n"},
		{"a packet from another segment is not relayed", "engine/receive.go", "\t\te.relay(&p, datagram.Bytes(), out)\n", ""},
		{"a kill that found no room is lost", "engine/settle.go", "if len(e.kills) == 0 || !e.ring.Accepting() {\n\t\t\treturn", "if len(e.kills) == 0 || !e.ring.Accepting() {\n\t\t\te.kills = nil\n\t\t\treturn"},
		{"a block is released early", "ring/packet.go", "\t\tdatagram.Block.Retain()\n", ""},
		{"what a daemon has sent that was taken out is not recovered", "ring/packet.go", "case r.maker(p.Proc) < 0:", "case r.cfg.Topology.Daemon(p.Proc) == nil:"},
		{"the configuration changes while tables of groups are exchanged", "engine/settle.go", " && e.groups.State() == groups.StateOp {", " {"},
		{"a discarded packet's block is kept", "ring/table.go", "\tout.release(s.body.Block)\n", ""},
	}
}

// TestSources builds the simulator with each fault in the machines' source, and expects it to find
// something. It takes two minutes, so it runs only with a flag.
func TestSources(t *testing.T) {
	if !*sourcesFlag {
		t.Skip("run with -sources: it builds the simulator once for each fault")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			out, found := soakWith(t, root, f)
			if !found {
				t.Errorf("not seen in %s seeds:\n%s", *sourcesSeed, out)
				return
			}
			t.Log(out)
		})
	}
}

// bounds are faults that take away a bound of docs/spec/bounds.md. The watchdog saves the simulator's
// rings from most of them, so the tests of the packages must see them.
func bounds() []fault {
	return []fault{
		{"packets far away are stored", "ring/packet.go", "int64(p.Seq) > r.farthest():", "int64(p.Seq) > int64(r.seq.lastDiscarded)+MaxPackets:"},
		{"packets beyond the token stay", "ring/bounds.go", "known := max(seq, r.seq.myAru)", "known := max(seq, r.seq.highest)"},
		{"copies of old packets prove that the ring is alive", "ring/packet.go", "\tif v := r.checkPacket(p); v != Stored {\n", "\tr.restartLoss(now)\n\tif v := r.checkPacket(p); v != Stored {\n"},
		{"new packets postpone the loss for ever", "ring/ring.go", "later := min(now.Add(r.cfg.TokenTimeout+r.stretch), r.deadlines.lossLatest)", "later := now.Add(r.cfg.TokenTimeout + r.stretch)"},
		{"packets delay a token that is held", "ring/packet.go", "if !r.idle() {", "if r.state != Down {"},
		{"the token's seq has no upper bound", "ring/token.go", "case r.state != Recovering && int64(t.Seq) > r.farthest():", "case false:"},
		{"flow control need not count new packets", "ring/bounds.go", "if int(t.FlowControl) < sent {", "if int(t.FlowControl) < sent-9999 {"},
		{"flow control has no upper bound", "ring/bounds.go", "\t\tt.FlowControl = int16(most)\n", ""},
		{"an aru of a stranger is taken", "ring/token.go", "case !r.route.ring.Contains(t.AruLast) && (t.AruLast != wire.NoDaemon || !recovering):", "case false:"},
		{"an aru above the seq is taken", "ring/token.go", "case !recovering && t.Aru > t.Seq && !r.token.afterInstall:", "case false:"},
		{"requests of rings that are gone stay on the token", "ring/retransmit.go", "case r.state == Recovering && carried < maxCarried:", "case true:"},
		{"a ring without progress is kept", "ring/turn.go", "if r.isStuck(now) {", "if false {"},
		{"times that wrap are taken", "membership/checkform.go", "return time >= -1 && time <= maxTime }", "return true }"},
		{"a daemon believes any time of an earlier life", "membership/recovery.go", " && int64(r.Membership.Time) <= int64(e.wall)+maxTimeAhead {", " {"},
		{"a daemon never gives up what others have forgotten", "membership/checkform.go", "return m.dispute.count > maxDisputes", "return false"},
		{"a daemon gives up at once what others say to have forgotten", "membership/checkform.go", "return m.dispute.count > maxDisputes", "return true"},
		{"a recovery waits for packets that all have forgotten", "ring/recovery.go", "\tr.markHoles(r.AppendMissing(r.scratch.numbers[:0], r.seq.myAru+1, min(rec.Aru, r.seq.highest)), out)\n", ""},
		{"an exchange that cannot succeed is repeated for ever", "groups/gathertrans.go", "if m.spoiled > 1 {", "if false {"},
		{"an exchange that nobody completes goes on for ever", "engine/engine.go", "if e.watchExchange(now) {", "if false {"},
		{"a monitor can reload at any time", "daemon/monitor.go", "if !m.reloaded.IsZero() && now.Sub(m.reloaded) < monitorSecond {", "if m.copied && m.reloaded.IsZero() {"},
	}
}

// TestBounds runs the tests of a package without each bound, and expects them to fail.
func TestBounds(t *testing.T) {
	if !*sourcesFlag {
		t.Skip("run with -sources: it builds and runs a package's tests once for each bound")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range bounds() {
		t.Run(f.name, func(t *testing.T) {
			overlay := plant(t, root, f)
			tests := "./" + filepath.Dir(f.file)
			if tests == "./engine" {
				tests = "./sim" // It has the rings.
			}
			test := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-timeout", "2m", tests,
				"-run", "Forged|Refus|OldPackets|HeldToken|TooMany|TimesOf|Dispute|RecoverBeyond|Spoiled|MonitorReloads|ExchangeEnds")
			test.Dir = root
			out, err := test.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("--- FAIL")) {
				t.Errorf("the tests do not fail: %v\n%s", err, out)
			}
		})
	}
}

// plant writes a fault beside the source, and returns the file that makes the go command use it.
func plant(t *testing.T, root string, f fault) (overlay string) {
	path := filepath.Join(root, f.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte(f.from)); n != 1 {
		t.Fatalf("%q is %d times in %s: plant the fault anew", f.from, n, f.file)
	}
	dir := t.TempDir()
	planted := filepath.Join(dir, "planted.go")
	overlay = filepath.Join(dir, "overlay.json")
	writeFile(t, planted, bytes.Replace(source, []byte(f.from), []byte(f.to), 1))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: planted}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, overlay, list)
	return overlay
}

// soakWith runs a series with a fault, and returns what was found.
func soakWith(t *testing.T, root string, f fault) (out string, found bool) {
	overlay := plant(t, root, f)
	soak := filepath.Join(filepath.Dir(overlay), "soak")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", soak, "./sim/cmd/soak")
	build.Dir = root
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	b, err := exec.CommandContext(t.Context(), soak, "-for", "1h", "-seeds", *sourcesSeed, "-workers", "1", "-lines", "0", "-fail", "1").Output()
	text := string(b)
	if i := strings.Index(text, "\n\n"); i > 0 {
		text = text[:i]
	}
	return text, err != nil && strings.Contains(string(b), " 1 failed;")
}

func writeFile(t *testing.T, path string, b []byte) {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
