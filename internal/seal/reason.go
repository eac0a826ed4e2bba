package seal

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=Reason -linecomment

// Reason is why a datagram was refused.
type Reason uint8

// The reasons (sealing §4). The comment at the end of a line is the name in logs and metrics.
const (
	// Opened means that it was not refused.
	Opened Reason = iota // opened
	// Consumed means that it was for the node itself.
	Consumed // consumed
	// AcceptedPlain means that it is not sealed, which is accepted.
	AcceptedPlain // accepted_plain
	// Plain means that it is not sealed.
	Plain // plain
	// NoKeys means that it is sealed and this daemon has no keys.
	NoKeys // sealed
	// Malformed means too short, of another version, or on the wrong port.
	Malformed // malformed
	// Own means that this node has sent it.
	Own // own
	// OtherConfiguration means that the hash of the configuration differs.
	OtherConfiguration // configuration
	// Stranger means that the sender is not configured, or the source is not its address.
	Stranger // stranger
	// UnknownKey means that the key is not in the file.
	UnknownKey // unknown_key
	// Repeated means that it was received before, or is too old to know.
	Repeated // repeated
	// Forged means that it does not open: it was changed or made up, was for another receiver, or
	// the sender has another address for itself.
	Forged // forged
	// Unproved means that the sender has not proved yet that it is not a recording.
	Unproved // unproved

	numReasons
)

// NumReasons is one more than the largest reason.
const NumReasons = int(numReasons)

// Refused reports whether the datagram is to be dropped and that is a refusal.
func (r Reason) Refused() bool { return r > AcceptedPlain }
