package membership

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Cause,Reason,State,input -linecomment -output=strings.go

// State of the machine; the numbers are those of the monitor protocol
// (membership-protocol §5).
type State uint8

// The states.
const (
	// StateOp: a ring is installed and running.
	StateOp State = iota + 1 // OP
	// StateSeg: no token, collecting who is alive in the own segment. Every
	// daemon starts here.
	StateSeg // SEG
	// StateRepresented: no token, a smaller daemon of the segment speaks for
	// this one.
	StateRepresented // REPRESENTED
	// StateGather: collecting representatives, without a token for the own
	// segment, or with it for the ring that this daemon leads.
	StateGather // GATHER
	// StateForm: FORM1 has passed this daemon, FORM2 has not.
	StateForm // FORM
	// StateEVS: FORM2 has passed; the old ring is recovered under the token of
	// the new one.
	StateEVS // EVS
)

// Cause says why a transition happened.
type Cause uint8

// The causes.
const (
	// CauseStart: the daemon has started.
	CauseStart Cause = iota + 1 // start
	// CauseAlone: no other daemon is configured, so there is nobody to wait
	// for.
	CauseAlone // alone
	// CauseTokenTimeout: no token came for TokenTimeout. The ring reports it.
	CauseTokenTimeout // token timeout
	// CauseRecoveryTurns: a recovery did not end within its turns. The ring
	// reports it.
	CauseRecoveryTurns // recovery turns
	// CauseForced: a layer above wants the ring to be formed anew.
	CauseForced // forced
	// CauseReload: the configuration has been read again.
	CauseReload // reload
	// CauseAlive: a member of the ring has lost the token, as its ALIVE tells.
	CauseAlive // ALIVE of a member
	// CauseJoin: a member of the ring has lost the token, as its JOIN tells.
	CauseJoin // JOIN of a member
	// CauseFormTimeout: the attempt to form a ring took too long.
	CauseFormTimeout // form timeout
	// CauseSegTimeout: the segment has been listened to for long enough.
	CauseSegTimeout // segment timeout
	// CauseRepresentative: a daemon of the segment says that it speaks for it.
	CauseRepresentative // representative
	// CauseRepTimeout: the representative has not been heard of.
	CauseRepTimeout // representative timeout
	// CauseGatherTimeout: time to form a ring of those gathered.
	CauseGatherTimeout // gather timeout
	// CauseNotSmallest: another representative should have formed a ring, and
	// has not.
	CauseNotSmallest // not smallest
	// CauseNobody: nobody came to the ring that goes on.
	CauseNobody // nobody
	// CauseNewcomer: a daemon outside the ring asks to join.
	CauseNewcomer // newcomer
	// CauseLookup: the leader looks for daemons that are not in its ring.
	CauseLookup // lookup
	// CauseForeign: a packet of another ring was seen.
	CauseForeign // foreign packet
	// CauseForm1: the first form token came by.
	CauseForm1 // form token 1
	// CauseForm2: the second form token came by.
	CauseForm2 // form token 2
	// CauseInstalled: the ring has installed the new membership.
	CauseInstalled // installed
)

// NumCauses is one more than the largest [Cause].
const NumCauses = int(CauseInstalled) + 1
