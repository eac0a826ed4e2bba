package wire

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=ByteOrder,Code,Reason -linecomment -output=enums_string.go

// Code is a result of the client protocol and of the client library: positive on success, negative
// on failure. Those from RejectQuota to RejectAuth, except ConnectionClosed, travel as one byte
// (client-protocol §14).
type Code int8

// The codes, with libspread's numbers.
const (
	AcceptSession     Code = 1   // ACCEPT_SESSION
	IllegalSpread     Code = -1  // ILLEGAL_SPREAD
	CouldNotConnect   Code = -2  // COULD_NOT_CONNECT
	RejectQuota       Code = -3  // REJECT_QUOTA
	RejectNoName      Code = -4  // REJECT_NO_NAME
	RejectIllegalName Code = -5  // REJECT_ILLEGAL_NAME
	RejectNotUnique   Code = -6  // REJECT_NOT_UNIQUE
	RejectVersion     Code = -7  // REJECT_VERSION
	ConnectionClosed  Code = -8  // CONNECTION_CLOSED
	RejectAuth        Code = -9  // REJECT_AUTH
	IllegalSession    Code = -11 // ILLEGAL_SESSION
	IllegalService    Code = -12 // ILLEGAL_SERVICE
	IllegalMessage    Code = -13 // ILLEGAL_MESSAGE
	IllegalGroup      Code = -14 // ILLEGAL_GROUP
	BufferTooShort    Code = -15 // BUFFER_TOO_SHORT
	GroupsTooShort    Code = -16 // GROUPS_TOO_SHORT
	MessageTooLong    Code = -17 // MESSAGE_TOO_LONG
	NetErrorOnSession Code = -18 // NET_ERROR_ON_SESSION
	Bug               Code = -19 // SP_BUG
	IllegalTime       Code = -20 // ILLEGAL_TIME
)
