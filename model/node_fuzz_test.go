package model

import (
	"bytes"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

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

// play makes a server and drives it until the bytes are used up.
func (d *fuzzDriver) play(t testing.TB) {
	c := d.config()
	d.s = NewServer(c)
	in := Input{Kind: InStart}
	if d.byte()&1 > 0 {
		in.Restore = &Saved{ID: ReplID("00000000000000000000000000000000000000ab"), Offset: Offset(d.byte())}
	}
	d.step(t, in)
	for len(d.rest) > 0 && !d.stopped {
		d.turn(t)
	}
	d.s.Info(d.now)
}

// turn plays one thing.
func (d *fuzzDriver) turn(t testing.TB) {
	op := d.byte()
	if op >= 96 {
		op = d.due()
	}
	switch op % 25 {
	case 0:
		d.wait(t, Instant(d.byte())*30_000_000)
	case 1:
		d.wait(t, Instant(d.byte())*2_000_000)
	case 2:
		d.wait(t, Instant(d.byte())*100_000)
	case 3:
		d.accepted--
		d.clients = append(d.clients, d.accepted)
		d.step(t, Input{Kind: InAccept, Conn: d.accepted, Peer: "p" + strconv.Itoa(int(d.accepted))})
	case 4, 5, 6, 7:
		if len(d.clients) > 0 {
			conn := d.clients[int(d.byte())%len(d.clients)]
			data := d.bytes()
			if op%25 > 4 {
				data = d.request()
			}
			d.step(t, Input{Kind: InData, Conn: conn, Data: data})
		}
	case 8:
		if len(d.clients) > 0 {
			conn := d.clients[int(d.byte())%len(d.clients)]
			d.gone(conn)
			d.step(t, Input{Kind: InDown, Conn: conn, Why: WhyReset})
		}
	case 9:
		if d.dialing > 0 {
			d.up, d.dialing = d.dialing, 0
			d.step(t, Input{Kind: InUp, Conn: d.up})
		}
	case 10:
		if conn := max(d.up, d.dialing); conn > 0 && !d.loading {
			d.gone(conn)
			d.step(t, Input{Kind: InDown, Conn: conn, Why: WhyClosed})
		}
	case 11, 12, 13, 14:
		if d.up == 0 || d.loading {
			return
		}
		data := d.bytes()
		if op%25 > 11 {
			data = d.answer()
		}
		d.fromMaster(t, data)
	case 15:
		if d.up > 0 && d.s.LinkUp() {
			d.step(t, Input{Kind: InStream, Conn: d.up, Chunk: d.chunk()})
		}
	case 16:
		if n := int64(d.byte()); n > 0 {
			in := Input{Kind: InAppend, Bytes: 30 * n, Commands: n}
			if d.s.cfg.Bytes {
				for range n {
					in.Data = append(in.Data, "*2\r\n$3\r\nDEL\r\n$7\r\nkey0000\r\n"...)
				}
				in.Bytes = int64(len(in.Data))
			}
			d.step(t, in)
		}
	case 17:
		if d.child {
			d.child = false
			d.step(t, Input{Kind: InSnapshotDone, Bytes: int64(d.byte())})
		}
	case 18:
		if len(d.sending) > 0 {
			conn := d.sending[0]
			d.sending = d.sending[1:]
			d.step(t, Input{Kind: InSent, Conn: conn})
		}
	case 19:
		if d.booting {
			d.booting = false
			d.step(t, Input{Kind: InLoaded, Commands: int64(d.byte() / 8), Bytes: int64(d.byte())})
		}
		if d.loading {
			d.loading = false
			d.step(t, Input{Kind: InLoaded, Conn: d.up})
		}
	case 20:
		if b := d.byte(); b < 80 {
			d.step(t, Input{Kind: InReplicaOf, Peer: []string{"", "m", "other"}[b%3]})
		}
	case 21:
		d.step(t, Input{Kind: InConfigSet, Settings: d.settings(d.s.prof)})
	case 22:
		since := d.now
		d.now += Instant(d.byte()) * 30_000_000
		d.step(t, Input{Kind: InThawed, Since: since})
	case 24:
		d.step(t, Input{Kind: InSave, Save: d.byte()&1 > 0})
	case 23:
		if len(d.clients) > 0 {
			from := Offset(0)
			if d.byte()&1 > 0 {
				from = d.s.MRO() + 1
			}
			d.step(t, Input{Kind: InStall, Conn: d.clients[int(d.byte())%len(d.clients)], Chunk: Chunk{From: from}})
		}
	}
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

// step tells the server one thing and obeys it.
func (d *fuzzDriver) step(t testing.TB, in Input) {
	for i := range d.s.Step(d.now, &in) {
		o := &d.s.out[i]
		switch o.Kind {
		case OutSend, OutAttach, OutSendSnapshot, OutHangup, OutLoad, OutReceive:
			if !d.open(o.Conn) && !(o.Kind == OutLoad && o.Conn == 0) {
				t.Fatalf("output %d for connection %d, which is not open, after %+v", o.Kind, o.Conn, in)
			}
		}
		switch o.Kind {
		case OutDial:
			if d.dials++; o.Conn != d.dials || d.up+d.dialing > 0 {
				t.Fatalf("dials %d while %d, %d are open, after %+v", o.Conn, d.up, d.dialing, in)
			}
			d.dialing = o.Conn
		case OutAttach:
			if o.Chunk.From > o.Chunk.To || o.Chunk.Data != nil && int64(len(o.Chunk.Data)) != o.Chunk.Bytes() {
				t.Fatalf("attaches [%d, %d) with %d bytes", o.Chunk.From, o.Chunk.To, len(o.Chunk.Data))
			}
		case OutFeed:
			if d.s.cfg.Bytes && o.Chunk.Data == nil || o.Chunk.Data != nil && int64(len(o.Chunk.Data)) != o.Chunk.Bytes() {
				t.Fatalf("feeds [%d, %d) with %d bytes", o.Chunk.From, o.Chunk.To, len(o.Chunk.Data))
			}
		case OutSnapshot:
			if d.child {
				t.Fatal("two snapshots at once")
			}
			d.child = !o.Socket
		case OutKillSnapshot:
			d.child = false
		case OutSendSnapshot:
			d.sending = append(d.sending, o.Conn)
		case OutReceive:
			d.bulk, d.bulkOn = o.Bytes, o.Bytes != 0
		case OutLoad:
			if d.booting = o.Conn == 0; !d.booting {
				d.loading, d.bulkOn = true, false
			}
		case OutHangup:
			d.gone(o.Conn)
		case OutExit:
			d.stopped = true
		case OutNote:
			_ = o.Event.String()
			if o.Event.Kind == EvOnline {
				d.ups++
			}
		}
	}
	if first, n := d.s.History(); n < 0 || d.s.hasHistory() && first+Offset(n) != d.s.MRO()+1 {
		t.Fatalf("history [%d, %d) with master_repl_offset %d, after %+v", first, first+Offset(n), d.s.MRO(), in)
	}
	if d.s.LinkUp() && d.up == 0 {
		t.Fatalf("a link that is up without a connection, after %+v", in)
	}
	if d.s.Processed() > d.s.Read() {
		t.Fatalf("processed %d of %d after %+v", d.s.Processed(), d.s.Read(), in)
	}
}

// hasHistory says whether a backlog exists.
func (s *Server) hasHistory() bool { return s.Info(s.now).BacklogActive }

// fuzzSeeds are conversations that go somewhere: a first sync as master, and one
// as replica, for every version.
func fuzzSeeds(add func(data []byte)) {
	for v := range Profiles() {
		for flags := range byte(4) {
			master := []byte{flags, byte(v), 9, 70, 0, 0, 20, 3, 5, 0, 0, 1, 5, 0, 0, 3, 16, 200, 17, 9, 0, 20, 18, 16, 9, 5, 0, 0, 2, 50, 0, 100}
			master = append(master, 8, 0, 16, 40, 3, 5, 0, 1, 1, 5, 0, 1, 8, 0, 200, 21, 5, 20, 1, 0, 60, 22, 9, 16, 4)
			add(master)
			replica := []byte{flags | 4, byte(v), 9, 70, 0, 0, 20, 9, 12, 0, 12, 2, 12, 2, 12, 4, 77, 12, 11, 12, 7, 3, 13, 13, 13, 13, 19, 15, 30, 30, 15, 9, 9, 0, 60}
			replica = append(replica, 10, 0, 30, 9, 12, 0, 12, 2, 12, 2, 12, 5, 15, 9, 9, 3, 5, 0, 0, 3, 0, 30, 20, 0, 20, 2, 0, 30, 22, 4)
			add(replica)
		}
	}
}

// FuzzServer drives a server by everything that can happen to it.
func FuzzServer(f *testing.F) {
	fuzzSeeds(func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		(&fuzzDriver{rest: data}).play(t)
	})
}

// TestRandomServer drives servers by random bytes: many short lives, on which
// the fuzzer would need long.
func TestRandomServer(t *testing.T) {
	count := uint64(4000)
	if testing.Short() {
		count = 500
	}
	var ups, passed int
	for n := range count {
		r := rand.New(rand.NewPCG(8, n))
		data := make([]byte, 100+r.IntN(900))
		for i := range data {
			data[i] = byte(r.Uint64())
		}
		d := &fuzzDriver{rest: append([]byte{}, data...)}
		func() {
			defer func() {
				if e := recover(); e != nil {
					t.Fatalf("number %d: %v\n%s", n, e, debug.Stack())
				}
			}()
			d.play(t)
		}()
		if t.Failed() {
			t.Fatalf("number %d", n)
		}
		ups += d.ups
		if d.s.stats.partialOK > 0 {
			passed++
		}
	}
	if ups < int(count)/5 || passed < int(count)/30 {
		t.Errorf("only %d links came up, %d masters let somebody continue", ups, passed)
	}
}

// FuzzMasterBytes lets a client say anything to a master, in pieces.
func FuzzMasterBytes(f *testing.F) {
	for v := range Profiles() {
		f.Add(byte(v), []byte("PING\r\nREPLCONF listening-port 1\r\nREPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n\n"), byte(7))
		f.Add(byte(v), []byte("*3\r\n$5\r\nPSYNC\r\n$1\r\nx\r\n$20\r\n-9223372036854775808\r\nSYNC\r\nPSYNC a\r\n"), byte(3))
	}
	f.Fuzz(func(t *testing.T, version byte, data []byte, cut byte) {
		d := &fuzzDriver{s: NewServer(fuzzConfig(version))}
		d.step(t, Input{Kind: InStart})
		d.clients, d.accepted = []ConnID{-1}, -1
		d.step(t, Input{Kind: InAccept, Conn: -1, Peer: "p"})
		for len(data) > 0 && d.open(-1) {
			n := min(1+int(cut), len(data))
			d.step(t, Input{Kind: InData, Conn: -1, Data: data[:n]})
			data = data[n:]
			d.wait(t, 300_000_000)
		}
	})
}

// FuzzReplicaBytes lets a master say anything to a replica, in pieces.
func FuzzReplicaBytes(f *testing.F) {
	for v := range Profiles() {
		f.Add(byte(v), []byte("+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC 0123456789012345678901234567890123456789 5\r\n\n$2\r\nab*1\r\n$4\r\nPING\r\n"), byte(9))
		f.Add(byte(v), []byte("+PONG\r\n-ERR\r\n-ERR\r\n+CONTINUE\r\n"), byte(200))
		f.Add(byte(v), []byte("+PONG\r\n+OK\r\n+OK\r\n-ERR\r\n$0\r\n*1\r\n$4\r\nPING\r\n"), byte(2))
	}
	f.Fuzz(func(t *testing.T, version byte, data []byte, cut byte) {
		c := fuzzConfig(version)
		c.Master = "m"
		d := &fuzzDriver{s: NewServer(c)}
		d.step(t, Input{Kind: InStart})
		for i := 0; len(data) > 0 && i < 2000; i++ {
			d.wait(t, 150_000_000)
			if d.dialing > 0 {
				d.up, d.dialing = d.dialing, 0
				d.step(t, Input{Kind: InUp, Conn: d.up})
			}
			if d.loading {
				d.loading = false
				d.step(t, Input{Kind: InLoaded, Conn: d.up})
			}
			if d.up == 0 || d.loading {
				continue
			}
			n := min(1+int(cut), len(data))
			d.fromMaster(t, data[:n])
			data = data[n:]
		}
	})
}

func fuzzConfig(version byte) ServerConfig {
	all := Profiles()
	p := all[int(version)%len(all)]
	return ServerConfig{Name: "s", Profile: p, Settings: p.Defaults(), Port: 6379, IDSeed: 1, Bytes: true}
}
