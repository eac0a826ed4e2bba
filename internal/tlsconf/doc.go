// Package tlsconf makes the TLS settings of daemons and clients from files: a certificate with its key,
// and the authorities whose certificates are accepted from the other side. PEMFiles that have changed are
// read again at the next handshake. TLS 1.3 is the only version.
//
// [PEMFiles.Server] is for the daemon, [PEMFiles.Client] for what connects to it; [Client] has the flags of
// these programs. [Identity] is the name by which a certificate's owner is known.
package tlsconf
