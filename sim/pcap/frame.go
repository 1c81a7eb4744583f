package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"psyncsim/model"
)

// Flags of a packet.
const (
	SYN uint8 = 1 << iota
	ACK
	FIN
	RST
	PSH
)

// Range is a piece of a stream, [From, To).
type Range struct{ From, To int64 }

// Packet is one TCP segment as the capture point sees it. Sequence numbers do not
// wrap: a side's SYN has number 0, its first byte 1.
type Packet struct {
	At       model.Instant
	Src, Dst int // servers
	SrcPort  uint16
	DstPort  uint16
	ISN      uint32 // of the sender
	PeerISN  uint32
	Seq, Ack int64
	Flags    uint8
	Window   int64 // bytes
	TSVal    int64 // milliseconds
	TSEcr    int64
	Sack     []Range
	Payload  []byte
	Cut      int64 // bytes behind Payload that were sent and are not kept
	Comments []string
}

// port of every server; the dissector of Wireshark knows it.
const port = 6379

// wscale is the window scale that both sides offer (RFC 7323).
const wscale = 14

// epoch is the wall-clock time of instant 0: any date does.
const epoch = 1_600_000_000

// framer writes packets as frames of a pcapng file.
type framer struct {
	out  *pcapgo.NgWriter
	buf  gopacket.SerializeBuffer
	opts gopacket.SerializeOptions
	id   uint16 // of IP packets
}

func newFramer(w io.Writer, program, point string) (*framer, error) {
	out, err := pcapgo.NewNgWriterInterface(w, pcapgo.NgInterface{
		Name: "eth0", Description: "simulated network interface of " + point, LinkType: layers.LinkTypeEthernet,
		TimestampResolution: 9, // 10^-9 s
	}, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: program, Comment: "virtual time 0 is " + time.Unix(epoch, 0).UTC().Format(time.RFC3339)}})
	if err != nil {
		return nil, err
	}
	return &framer{out: out, buf: gopacket.NewSerializeBuffer(), opts: gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}}, nil
}

func mac(server int) net.HardwareAddr {
	return net.HardwareAddr{2, 0, 0, 0, byte(server >> 8), byte(server)}
}

// address of a server, from 0 on.
func address(server int) net.IP { return net.IPv4(10, 0, byte((server+1)>>8), byte(server+1)).To4() }

// write writes one packet. A packet that is cut has the lengths and the checksum
// of the whole, whose rest is zeros.
func (f *framer) write(p *Packet) error {
	f.id++
	payload := p.Payload
	if p.Cut > 0 {
		payload = append(append(make([]byte, 0, int64(len(p.Payload))+p.Cut), p.Payload...), make([]byte, p.Cut)...)
	}
	eth := layers.Ethernet{SrcMAC: mac(p.Src), DstMAC: mac(p.Dst), EthernetType: layers.EthernetTypeIPv4}
	ip := layers.IPv4{Version: 4, TTL: 64, Id: f.id, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
		SrcIP: address(p.Src), DstIP: address(p.Dst)}
	tcp := layers.TCP{SrcPort: layers.TCPPort(p.SrcPort), DstPort: layers.TCPPort(p.DstPort), Seq: p.ISN + uint32(p.Seq),
		SYN: p.Flags&SYN != 0, ACK: p.Flags&ACK != 0, FIN: p.Flags&FIN != 0, RST: p.Flags&RST != 0, PSH: p.Flags&PSH != 0,
		Window: p.window(), Options: p.options()}
	if tcp.ACK {
		tcp.Ack = p.PeerISN + uint32(p.Ack)
	}
	if err := tcp.SetNetworkLayerForChecksum(&ip); err != nil {
		return err
	}
	if err := gopacket.SerializeLayers(f.buf, f.opts, &eth, &ip, &tcp, gopacket.Payload(payload)); err != nil {
		return fmt.Errorf("pcap: %w", err)
	}
	frame := f.buf.Bytes()
	ci := gopacket.CaptureInfo{Timestamp: time.Unix(epoch, int64(p.At)).UTC(), Length: len(frame), CaptureLength: len(frame) - int(p.Cut)}
	return f.out.WritePacketWithOptions(ci, frame[:ci.CaptureLength], pcapgo.NgPacketOptions{Comments: p.Comments})
}

func (p *Packet) window() uint16 {
	if p.Flags&SYN != 0 {
		return 65535
	}
	return uint16(min(p.Window>>wscale, 65535))
}

// options are those of Linux, in its order.
func (p *Packet) options() []layers.TCPOption {
	opt := func(kind layers.TCPOptionKind, data ...byte) layers.TCPOption {
		n := uint8(len(data) + 2)
		if kind == layers.TCPOptionKindNop {
			n = 1
		}
		return layers.TCPOption{OptionType: kind, OptionLength: n, OptionData: data}
	}
	if p.Flags&RST != 0 {
		return nil
	}
	ts := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(p.TSVal)), uint32(p.TSEcr))
	if p.Flags&SYN != 0 {
		return []layers.TCPOption{opt(layers.TCPOptionKindMSS, 1460>>8, 1460&0xff), opt(layers.TCPOptionKindSACKPermitted),
			opt(layers.TCPOptionKindTimestamps, ts...), opt(layers.TCPOptionKindNop), opt(layers.TCPOptionKindWindowScale, wscale)}
	}
	nop := opt(layers.TCPOptionKindNop)
	list := []layers.TCPOption{nop, nop, opt(layers.TCPOptionKindTimestamps, ts...)}
	if len(p.Sack) == 0 {
		return list
	}
	var edges []byte
	for _, r := range p.Sack[:min(len(p.Sack), 3)] { // more have no room beside timestamps (RFC 2018)
		edges = binary.BigEndian.AppendUint32(edges, p.PeerISN+uint32(r.From))
		edges = binary.BigEndian.AppendUint32(edges, p.PeerISN+uint32(r.To))
	}
	return append(list, nop, nop, opt(layers.TCPOptionKindSACK, edges...))
}
