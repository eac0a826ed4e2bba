package transport

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=SendFailure,Drop -linecomment -output=stats_string.go

// SendFailure is the reason why a datagram could not be sent.
type SendFailure uint8

// The reasons. The comment at the end of a line is the name in logs and metrics.
const (
	// SendUnreachable means that there is no route, or the interface is down.
	SendUnreachable SendFailure = iota // unreachable
	// SendDenied means that a firewall or the system's rules for broadcast forbid it.
	SendDenied // denied
	// SendTooLong means that the datagram is longer than the network allows.
	SendTooLong // too_long
	// SendFull means that the kernel's buffer was full for longer than Send waits.
	SendFull // full
	// SendNoTarget means that the target is not in the configuration.
	SendNoTarget // no_target
	// SendOther means any other error; the log shows it.
	SendOther // other

	numSendFailures
)

// NumSendFailures is one more than the largest reason.
const NumSendFailures = int(numSendFailures)

// sendFailure returns the reason that belongs to an error.
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

// Drop is the reason why a datagram that arrived was dropped.
type Drop uint8

// The reasons. The comment at the end of a line is the name in logs and metrics.
const (
	// DropTooLong means longer than [MaxPacket] on the data port.
	DropTooLong Drop = iota // too_long
	// DropSource means that the source address is not of this daemon's address family.
	DropSource // source
	// DropKernel means that the socket's buffer was full or a checksum was wrong. The kernel counts
	// these, and only Linux reports them.
	DropKernel // kernel
	// DropFilter means that [Config.Filter] dropped it.
	DropFilter // filter

	numDrops
)

// NumDrops is one more than the largest reason.
const NumDrops = int(numDrops)

// Stats are a transport's counters. All except ReceiveBuffer only grow.
type Stats struct {
	Sent       int64                  // datagrams that the kernel accepted, one for each address
	SentBytes  int64                  // their bytes
	SendCalls  int64                  // system calls that sent them
	GSO        int64                  // those of them that were sent with segmentation offload
	SendWaits  int64                  // times that the kernel's buffer was full
	SendFailed [NumSendFailures]int64 // datagrams that could not be sent, by reason

	Refused int64 // datagrams that the host of a daemon refused, because its port was not open
	Dubious int64 // reports of others, or too late: old, or forged

	Packets       int64           // datagrams from data ports
	Tokens        int64           // datagrams from token ports
	ReceivedBytes int64           // their bytes
	ReceiveCalls  int64           // system calls that received them
	Dropped       [NumDrops]int64 // datagrams that arrived and were lost, by reason
	// Stalls counts the times that a reader waited for the owner while the kernel's buffer filled.
	Stalls     int64
	ReadErrors int64 // failed reads

	// ReceiveBuffer is the size in bytes of the smallest receive buffer, in the unit of
	// [Config.ReceiveBuffer]. It is 0 if the system does not report it.
	ReceiveBuffer int
}

type counters struct {
	sent, sentBytes, sendCalls, sendWaits, gso atomic.Int64
	refused, dubious                           atomic.Int64

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
		Refused:       t.count.refused.Load(),
		Dubious:       t.count.dubious.Load(),
		GSO:           t.count.gso.Load(),
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

// Add adds the counters of another transport.
func (s *Stats) Add(o *Stats) {
	for _, c := range []struct {
		to   *int64
		more int64
	}{
		{&s.Sent, o.Sent},
		{&s.SentBytes, o.SentBytes},
		{&s.SendCalls, o.SendCalls},
		{&s.GSO, o.GSO},
		{&s.SendWaits, o.SendWaits},
		{&s.Refused, o.Refused},
		{&s.Dubious, o.Dubious},
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
