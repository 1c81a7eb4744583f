package model

import (
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"testing"
)

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
			n := 0
			for _, p := range o.Held {
				n += len(p.Data)
			}
			if o.Chunk.From > o.Chunk.To || o.Chunk.Data != nil || d.s.cfg.Bytes && int64(n) != o.Chunk.Bytes() || !d.s.cfg.Bytes && len(o.Held) > 0 {
				t.Fatalf("attaches [%d, %d) with %d bytes", o.Chunk.From, o.Chunk.To, n)
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
