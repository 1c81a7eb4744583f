package model

import (
	"bytes"
	"strconv"
	"testing"
	"time"
)

// What the fuzzed driver of a server says and knows; what it does is in node_fuzz_test.go.

// fuzzDriver drives a server by bytes, as the contract of Input wants it: it
// tells of connections that exist, of snapshots that were asked for, and never
// goes back in time. What peers say is any bytes at all. After each step it
// checks what can be seen from outside.
type fuzzDriver struct {
	s    *Server
	rest []byte // what is still to be played
	now  Instant

	dialing, up ConnID // 0: none
	bulk        int64  // of a snapshot that arrives: bytes to come; below 0 until its mark; 0 none
	bulkOn      bool
	loading     bool
	booting     bool     // what is on disk is being loaded
	child       bool     // a snapshot is written to disk
	sending     []ConnID // snapshots on their way
	clients     []ConnID
	accepted    ConnID
	dials       ConnID

	stopped bool
	ups     int // how often a link to the master came up
}

func (d *fuzzDriver) byte() byte {
	if len(d.rest) == 0 {
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// number is small most of the time and now and then anything.
func (d *fuzzDriver) number() int64 {
	switch b := d.byte(); {
	case b < 128:
		return int64(b)
	case b < 192:
		return int64(b&63)<<16 | int64(d.byte())<<8 | int64(d.byte())
	case b < 196:
		return -int64(b & 3)
	case b == 255:
		return 1<<63 - 1
	case b == 254:
		return -1 << 63
	default:
		return int64(b) << 20
	}
}

func (d *fuzzDriver) bytes() []byte {
	n := int(d.byte())
	if n < 224 {
		n %= 24
	}
	n = min(n, len(d.rest))
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// fuzzConfig is a server chosen by bytes.
func (d *fuzzDriver) config() ServerConfig {
	all := Profiles()
	b := d.byte()
	c := ServerConfig{Name: "s", Profile: all[int(d.byte())%len(all)], Port: 6379, IDSeed: 7, Wall: int64(d.byte()) * 3_906_250, Bytes: b&1 > 0, EveryTick: b&2 > 0}
	if b&4 > 0 {
		c.Master = "m"
	}
	c.Settings = *d.settings(c.Profile)
	return c
}

func (d *fuzzDriver) settings(p *Profile) *Settings {
	s := p.Defaults()
	b := d.byte()
	s.BacklogSize = MinBacklog + int64(b)*1000
	s.Timeout = time.Duration(3+b%8) * time.Second
	s.PingPeriod = time.Duration(b%4) * time.Second
	s.BacklogTTL = time.Duration(b%3) * time.Second
	s.Diskless, s.DisklessDelay = b&16 > 0, time.Duration(b%3)*time.Second
	if b&32 > 0 {
		s.HardLimit, s.SoftLimit, s.SoftSeconds = 40_000, 20_000, time.Second
	}
	if s.SavePoints = (SavePoints{}); b&64 > 0 {
		s.SavePoints[0] = SavePoint{1, 1}
	}
	s.AppendOnly = b%11 == 0
	return &s
}

// due is the turn that leads on: what the server waits for.
func (d *fuzzDriver) due() byte {
	switch {
	case d.dialing > 0:
		return 9
	case d.booting:
		return 19
	case d.up == 0 && !d.s.IsMaster():
		return 0
	case d.loading:
		return 19
	case len(d.sending) > 0:
		return 18
	case d.child:
		return 17
	case d.up > 0 && d.s.LinkUp():
		return 15
	case d.up > 0:
		return 12
	case len(d.clients) > 1:
		return 5
	case len(d.clients) == 0:
		return 3
	}
	return 0
}

// wait lets time pass, with the wakes that the server asks for.
func (d *fuzzDriver) wait(t testing.TB, n Instant) {
	until := d.now + n
	for i := 0; d.s.Deadline() <= until && !d.stopped; i++ {
		if i > 20_000 {
			t.Fatalf("the server wants to be woken without end: at %d for %d", d.now, d.s.Deadline())
		}
		d.now = max(d.now, d.s.Deadline())
		d.step(t, Input{Kind: InWake})
	}
	d.now = until
}

// request is what a replica might send.
func (d *fuzzDriver) request() []byte {
	id, id2 := string(d.s.id), string(d.s.id2)
	first, n := d.s.History()
	at := int64(first) + []int64{-1, 0, 1, n - 1, n, n + 1}[d.byte()%6]
	switch b := d.byte(); b % 10 {
	case 0:
		return []byte("PING\r\n")
	case 1:
		return AppendCommand(nil, "REPLCONF", "capa", "eof", "capa", "psync2")
	case 2:
		return AppendCommand(nil, "REPLCONF", "ACK", strconv.FormatInt(d.number(), 10))
	case 3:
		return AppendCommand(nil, "PSYNC", "?", "-1")
	case 4:
		return AppendCommand(nil, "PSYNC", id2, strconv.FormatInt(at, 10))
	case 5:
		return []byte("SYNC\r\n")
	case 6:
		return []byte("\n")
	case 7:
		return AppendCommand(nil, "PSYNC", id, strconv.FormatInt(d.number(), 10))
	default:
		return AppendCommand(nil, "PSYNC", id, strconv.FormatInt(at, 10))
	}
}

// answer is what a master might say.
func (d *fuzzDriver) answer() []byte {
	b := d.byte()
	if b >= 64 { // most of the time what the server waits for
		b %= 4
		switch d.s.up.state {
		case upPing:
			b = 0
		case upConf:
			b = 2
		case upAsked:
			b += 4
			if b == 7 {
				b = 4
			}
		case upHeader:
			b = 7 + (b+1)/2
		}
	}
	switch b % 12 {
	case 0, 1:
		return []byte("+PONG\r\n")
	case 2, 3:
		return []byte("+OK\r\n")
	case 4:
		return []byte("+FULLRESYNC 0123456789012345678901234567890123456789 " + strconv.FormatInt(d.number(), 10) + "\r\n")
	case 5:
		return []byte("+CONTINUE\r\n")
	case 6:
		return []byte("+CONTINUE 0123456789012345678901234567890123456789\r\n")
	case 7:
		return []byte("$" + strconv.FormatInt(d.number(), 10) + "\r\n")
	case 8:
		return []byte("$3\r\n")
	case 9:
		return eofHeader
	case 10:
		return []byte([]string{"-ERR no\r\n", "-NOMASTERLINK\r\n", "-LOADING\r\n"}[d.byte()%3])
	default:
		return []byte("\n")
	}
}

// fromMaster hands over bytes of the master. Those of a snapshot are counted,
// and what follows it waits in the socket until it is loaded: here it is lost.
func (d *fuzzDriver) fromMaster(t testing.TB, data []byte) {
	if !d.bulkOn {
		if !d.s.cfg.Bytes { // then the stream comes as chunks only: no byte behind a line
			data = data[:bytes.IndexByte(data, '\n')+1]
			if d.s.LinkUp() || len(data) == 0 {
				return
			}
		}
		d.step(t, Input{Kind: InData, Conn: d.up, Data: data})
		return
	}
	n := int64(len(data))
	switch {
	case d.bulk < 0 && len(data)%3 == 0:
		d.bulkOn = false
		d.step(t, Input{Kind: InBulk, Conn: d.up, Bytes: -1})
	case d.bulk < 0:
		d.step(t, Input{Kind: InBulk, Conn: d.up, Bytes: n})
	default:
		n = min(n+1, d.bulk)
		d.bulk -= n
		d.bulkOn = d.bulk > 0
		d.step(t, Input{Kind: InBulk, Conn: d.up, Bytes: n})
	}
}

// chunk is a piece of the master's stream, right in its place.
func (d *fuzzDriver) chunk() Chunk {
	from := d.s.Read() + 1
	if !d.s.cfg.Bytes {
		n := Offset(1 + d.byte())
		return Chunk{From: from, To: from + n, Bound: from + Offset(d.byte())%(n+1)}
	}
	data := d.bytes()
	if d.byte()&1 > 0 {
		data = []byte("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n")[:1+d.byte()%34]
	}
	return Chunk{From: from, To: from + Offset(len(data)), Data: append([]byte{}, data...)}
}

// gone forgets a connection.
func (d *fuzzDriver) gone(conn ConnID) {
	if conn > 0 {
		if conn == d.up || conn == d.dialing {
			d.up, d.dialing, d.bulkOn, d.loading = 0, 0, false, false
		}
		return
	}
	for i, c := range d.clients {
		if c == conn {
			d.clients = append(d.clients[:i], d.clients[i+1:]...)
			break
		}
	}
	for i, c := range d.sending {
		if c == conn {
			d.sending = append(d.sending[:i], d.sending[i+1:]...)
			break
		}
	}
}

func (d *fuzzDriver) open(conn ConnID) bool {
	for _, c := range d.clients {
		if c == conn {
			return true
		}
	}
	return conn > 0 && (conn == d.up || conn == d.dialing)
}
