package transport

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// SendFailure says why a datagram did not leave.
type SendFailure uint8

// The reasons.
const (
	// SendUnreachable: no route, or the interface is down.
	SendUnreachable SendFailure = iota
	// SendDenied: a firewall, or broadcast to what the system does not let
	// one broadcast to.
	SendDenied
	// SendTooLong: longer than the network takes.
	SendTooLong
	// SendFull: the kernel's buffers were full for longer than we wait.
	SendFull
	// SendNoTarget: the target is not in the configuration.
	SendNoTarget
	// SendOther: anything else; the log has the error.
	SendOther

	numSendFailures
)

// NumSendFailures is one more than the largest reason.
const NumSendFailures = int(numSendFailures)

// String returns a short name, fit for a label.
func (f SendFailure) String() string {
	switch f {
	case SendUnreachable:
		return "unreachable"
	case SendDenied:
		return "denied"
	case SendTooLong:
		return "too_long"
	case SendFull:
		return "full"
	case SendNoTarget:
		return "no_target"
	case SendOther:
		return "other"
	case numSendFailures:
	}
	return fmt.Sprintf("SendFailure(%d)", uint8(f))
}

func sendFailure(err error) SendFailure {
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN),
		errors.Is(err, syscall.EADDRNOTAVAIL):
		return SendUnreachable
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return SendDenied
	case errors.Is(err, syscall.EMSGSIZE):
		return SendTooLong
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOBUFS), errors.Is(err, os.ErrDeadlineExceeded):
		return SendFull
	default:
		return SendOther
	}
}

// Drop says why a datagram that arrived is not handed over.
type Drop uint8

// The reasons.
const (
	// DropTooLong: longer than [MaxPacket] on the data port.
	DropTooLong Drop = iota
	// DropSource: the system gave no source address of our family.
	DropSource
	// DropKernel: the socket's buffer was full, or a checksum was wrong. The
	// kernel counts these, and only Linux tells.
	DropKernel
	// DropFilter: [Config.Filter] wanted it so.
	DropFilter

	numDrops
)

// NumDrops is one more than the largest reason.
const NumDrops = int(numDrops)

// String returns a short name, fit for a label.
func (d Drop) String() string {
	switch d {
	case DropTooLong:
		return "too_long"
	case DropSource:
		return "source"
	case DropKernel:
		return "kernel"
	case DropFilter:
		return "filter"
	case numDrops:
	}
	return fmt.Sprintf("Drop(%d)", uint8(d))
}

// Stats are a transport's counters. All but ReceiveBuffer only grow.
type Stats struct {
	Sent       int64 // datagrams that the kernel took, one for each address
	SentBytes  int64
	SendCalls  int64                  // system calls that sent them
	Segmented  int64                  // datagrams that the kernel cut from longer messages
	SendWaits  int64                  // times that the kernel's buffer was full
	SendFailed [NumSendFailures]int64 // datagrams, by reason

	Packets       int64 // handed over from data ports
	Tokens        int64 // handed over from token ports
	ReceivedBytes int64
	ReceiveCalls  int64 // system calls that brought them
	Dropped       [NumDrops]int64
	// Stalls counts the times that a reader waited for the owner, while the
	// kernel's buffer filled.
	Stalls     int64
	ReadErrors int64

	// ReceiveBuffer is what the kernel gave the smallest receive socket, in
	// the bytes that one asks for; 0 if it does not tell.
	ReceiveBuffer int
}

type counters struct {
	sent, sentBytes, sendCalls, sendWaits, segmented atomic.Int64

	received      [2]atomic.Int64 // packets, tokens
	receivedBytes atomic.Int64
	receiveCalls  atomic.Int64
	stalls        atomic.Int64
	readErrors    atomic.Int64

	sendFailed [NumSendFailures]atomic.Int64
	dropped    [NumDrops]atomic.Int64
}

// Stats returns the counters. It may be called at any time.
func (t *Transport) Stats() Stats {
	st := Stats{
		Sent:          t.count.sent.Load(),
		SentBytes:     t.count.sentBytes.Load(),
		SendCalls:     t.count.sendCalls.Load(),
		SendWaits:     t.count.sendWaits.Load(),
		Segmented:     t.count.segmented.Load(),
		Packets:       t.count.received[0].Load(),
		Tokens:        t.count.received[1].Load(),
		ReceivedBytes: t.count.receivedBytes.Load(),
		ReceiveCalls:  t.count.receiveCalls.Load(),
		Stalls:        t.count.stalls.Load(),
		ReadErrors:    t.count.readErrors.Load(),
		ReceiveBuffer: t.receiveBuffer,
	}
	for i := range st.SendFailed {
		st.SendFailed[i] = t.count.sendFailed[i].Load()
	}
	for i := range st.Dropped {
		st.Dropped[i] = t.count.dropped[i].Load()
	}
	for _, s := range t.sockets {
		st.Dropped[DropKernel] += s.kernelDrops()
	}
	return st
}

// Add adds the counters of sockets that were open before these.
func (s *Stats) Add(o *Stats) {
	for _, c := range []struct {
		to   *int64
		more int64
	}{
		{&s.Sent, o.Sent},
		{&s.SentBytes, o.SentBytes},
		{&s.SendCalls, o.SendCalls},
		{&s.Segmented, o.Segmented},
		{&s.SendWaits, o.SendWaits},
		{&s.Packets, o.Packets},
		{&s.Tokens, o.Tokens},
		{&s.ReceivedBytes, o.ReceivedBytes},
		{&s.ReceiveCalls, o.ReceiveCalls},
		{&s.Stalls, o.Stalls},
		{&s.ReadErrors, o.ReadErrors},
	} {
		*c.to += c.more
	}
	for i := range s.SendFailed {
		s.SendFailed[i] += o.SendFailed[i]
	}
	for i := range s.Dropped {
		s.Dropped[i] += o.Dropped[i]
	}
}
