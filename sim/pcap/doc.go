// Package pcap writes the traffic of a simulated run as pcapng, as a capture on
// one server's network interface would show it (psyncsim run --pcap). Wireshark
// and tshark open it: RESP is decoded, since every server is port 6379 of an
// address of its own (10.0.0.1 is the first of the scenario).
//
// Packets that matter have a comment: a PSYNC, its verdict with the reason, the
// beginning and end of a fault.
//
// # What is simulated, and what is drawn in
//
// On a link that carries segments (package tcp) a Capture writes those that pass its
// interface: what its server sends, whatever becomes of it, and what arrives there.
//
// On a flow link the simulation knows which byte is handed to the wire and when it
// arrives; there are no segments. A Capture draws them in: data in segments of at
// most MSS bytes, each at the instant at which its last byte has left, as the
// simulation has it; an ACK for every second segment or after 40 ms (RFC 1122
// 4.2.3.2), or with data that goes back; repeated SYNs as the simulation repeats
// them. In a silence the sender sends what a fresh window takes, then repeats the
// first segment after 200 ms and a round trip, 400 ms, ...; all of that is lost.
// When the link heals, what had not arrived is sent again, at once, as flow links
// do. Windows are large and never close.
//
// The bytes of snapshots are not modelled: they are zeros, and only the headers of
// their packets are kept, as in a capture with a snap length.
package pcap
