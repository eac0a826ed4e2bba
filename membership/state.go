package membership

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Cause,Reason,State,Why,input -linecomment -output=enums_string.go

// State is a state of the machine. Its number is that of the monitor protocol (membership-protocol
// §5).
type State uint8

// The states.
const (
	// StateOp: a ring is installed and running.
	StateOp State = iota + 1 // OP
	// StateSeg: no token; collecting the daemons of this segment that are alive. Every daemon
	// starts here.
	StateSeg // SEG
	// StateRepresented: no token; a smaller daemon of the segment speaks for this one.
	StateRepresented // REPRESENTED
	// StateGather: collecting representatives, for a segment without a token, or for the ring that
	// this daemon leads.
	StateGather // GATHER
	// StateForm: FORM1 has passed this daemon, FORM2 has not.
	StateForm // FORM
	// StateEVS: FORM2 has passed; the old ring is being recovered under the token of the new one.
	StateEVS // EVS
)

// Cause says why a transition happened.
type Cause uint8

// The causes.
const (
	// CauseStart: the daemon has started.
	CauseStart Cause = iota + 1 // start
	// CauseAlone: no other daemon is configured, so there is nobody to wait for.
	CauseAlone // alone
	// CauseTokenTimeout: no token came for TokenTimeout. The ring reports it.
	CauseTokenTimeout // token timeout
	// CauseRecoveryTurns: a recovery did not end within its turns. The ring reports it.
	CauseRecoveryTurns // recovery turns
	// CauseNoProgress: the token went round, but packets did not reach all members. The ring reports
	// it.
	CauseNoProgress // no progress
	// CauseForced: a layer above wants the ring to be formed anew.
	CauseForced // forced
	// CauseReload: the configuration was reloaded.
	CauseReload // reload
	// CauseAlive: the ALIVE of a member shows that it has lost the token.
	CauseAlive // ALIVE of a member
	// CauseJoin: the JOIN of a member shows that it has lost the token.
	CauseJoin // JOIN of a member
	// CauseFormTimeout: the attempt to form a ring took too long.
	CauseFormTimeout // form timeout
	// CauseSegTimeout: SegTimeout has passed.
	CauseSegTimeout // segment timeout
	// CauseRepresentative: a daemon of the segment says that it represents this one.
	CauseRepresentative // representative
	// CauseRepTimeout: nothing was heard of the representative for RepTimeout.
	CauseRepTimeout // representative timeout
	// CauseGatherTimeout: GatherTimeout has passed; form a ring of the daemons gathered.
	CauseGatherTimeout // gather timeout
	// CauseNotSmallest: another representative should have formed a ring but has not.
	CauseNotSmallest // not smallest
	// CauseNobody: no daemon joined the ring that keeps running.
	CauseNobody // nobody
	// CauseNewcomer: a daemon outside the ring asks to join.
	CauseNewcomer // newcomer
	// CauseLookup: the leader looks for daemons outside its ring.
	CauseLookup // lookup
	// CauseForeign: a packet of another ring was seen.
	CauseForeign // foreign packet
	// CauseForm1: the first form token came by.
	CauseForm1 // form token 1
	// CauseForm2: the second form token came by.
	CauseForm2 // form token 2
	// CauseAnswered: all daemons that are expected have answered.
	CauseAnswered // all answered
	// CauseStopped: a member has announced that it stops.
	CauseStopped // member stopped
	// CauseRefused: the port of a member refuses datagrams.
	CauseRefused // port refused
	// CauseInstalled: the ring has installed the new membership.
	CauseInstalled // installed
)

// NumCauses is one more than the largest [Cause].
const NumCauses = int(CauseInstalled) + 1
