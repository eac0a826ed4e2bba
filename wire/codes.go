package wire

import "strconv"

// Code is a result of the client protocol and of the client library: positive
// on success, negative on failure. Those from RejectQuota to RejectAuth, bar
// ConnectionClosed, travel as one byte (client-protocol §14).
type Code int8

// The codes, with libspread's numbers.
const (
	AcceptSession     Code = 1
	IllegalSpread     Code = -1
	CouldNotConnect   Code = -2
	RejectQuota       Code = -3
	RejectNoName      Code = -4
	RejectIllegalName Code = -5
	RejectNotUnique   Code = -6
	RejectVersion     Code = -7
	ConnectionClosed  Code = -8
	RejectAuth        Code = -9
	IllegalSession    Code = -11
	IllegalService    Code = -12
	IllegalMessage    Code = -13
	IllegalGroup      Code = -14
	BufferTooShort    Code = -15
	GroupsTooShort    Code = -16
	MessageTooLong    Code = -17
	NetErrorOnSession Code = -18
	Bug               Code = -19
	IllegalTime       Code = -20
)

// String returns the name of the code as libspread has it.
func (c Code) String() string {
	switch c {
	case AcceptSession:
		return "ACCEPT_SESSION"
	case IllegalSpread:
		return "ILLEGAL_SPREAD"
	case CouldNotConnect:
		return "COULD_NOT_CONNECT"
	case RejectQuota:
		return "REJECT_QUOTA"
	case RejectNoName:
		return "REJECT_NO_NAME"
	case RejectIllegalName:
		return "REJECT_ILLEGAL_NAME"
	case RejectNotUnique:
		return "REJECT_NOT_UNIQUE"
	case RejectVersion:
		return "REJECT_VERSION"
	case ConnectionClosed:
		return "CONNECTION_CLOSED"
	case RejectAuth:
		return "REJECT_AUTH"
	case IllegalSession:
		return "ILLEGAL_SESSION"
	case IllegalService:
		return "ILLEGAL_SERVICE"
	case IllegalMessage:
		return "ILLEGAL_MESSAGE"
	case IllegalGroup:
		return "ILLEGAL_GROUP"
	case BufferTooShort:
		return "BUFFER_TOO_SHORT"
	case GroupsTooShort:
		return "GROUPS_TOO_SHORT"
	case MessageTooLong:
		return "MESSAGE_TOO_LONG"
	case NetErrorOnSession:
		return "NET_ERROR_ON_SESSION"
	case Bug:
		return "SP_BUG"
	case IllegalTime:
		return "ILLEGAL_TIME"
	default:
		return "code " + strconv.Itoa(int(c))
	}
}
