package rig

import (
	"cmp"
	"slices"
	"time"
)

// span is [From, To] on the forwarder's clock.
type span struct{ from, to time.Duration }

const forever = time.Duration(1<<63 - 1)

// passage is a packet that came to a path.
type passage struct {
	at     time.Duration
	from   Side
	passed bool // it came out at the other end
}

// moments are those of an experiment at which a timer that is held up may move what
// comes of it. All else that a machine does in twenty seconds of silence moves nothing.
//
// What a TCP does on its own is to send: of every timer that decides there is a packet,
// the one that it sent when it went off. A timer that was due while its CPU stood still
// goes off when the CPU runs again, so its packet comes right after the hold. A hold
// that ended longer ago than settle held up no timer of that packet; and the next timer
// is set from when the packet went. So what matters are the times shortly before each
// packet, and shortly after those that passed: what they set off at the other end.
type moments struct {
	every   []span // in these, each instant matters
	packets []passage
	travel  time.Duration // of a packet, one way
	// from is when packets begin to matter: what happened to a round trip before is forgotten,
	// unless it was longer than mostLate and a timer went off.
	from  time.Duration
	until time.Duration // when the result was known: what came later does not matter; 0 is not yet
}

const (
	// nap is how long a canary sleeps.
	nap = 4 * time.Millisecond
	// settle is what a machine needs, after it stood still, to do what was due: run the
	// timers, send, and take the packet from the device.
	settle = 50 * time.Millisecond
	// apart is how long a side was quiet before a packet that a timer sent: less than the
	// shortest retransmission timeout.
	apart = 150 * time.Millisecond
	// memory is how long a TCP that writes every 10 ms remembers a round trip that was longer by
	// less than mostLate. Its average forgets an eighth at each of a hundred ACKs, the
	// deviation a quarter at each of thirty round trips: of 150 ms, less than 0.1 ms is left.
	memory = 1200 * time.Millisecond
)

// harm says what holds did to an experiment: the longest at a moment that matters, and
// the sum of those at packets that timers sent. They add up: each timer is set when the one before
// it went off.
func (m *moments) harm(holds []span) (worst, sum time.Duration) {
	var chained []span
	for _, h := range holds {
		first := span{h.from - nap, h.to} // it may have begun when the canary fell asleep
		if m.until > 0 && first.from > m.until {
			continue
		}
		dense, timed := m.touches(first)
		if dense || timed {
			worst = max(worst, h.to-h.from)
		}
		if timed {
			chained = append(chained, h)
		}
	}
	for _, h := range union(chained) {
		sum += h.to - h.from
	}
	return worst, sum
}

// touches says whether a hold lies at a moment that matters, and whether at that of a
// packet that a timer sent.
func (m *moments) touches(h span) (any, timed bool) {
	for _, e := range m.every {
		any = any || h.from <= e.to && h.to >= e.from
	}
	// The windows reach at most this far from their packets.
	far := m.travel + settle
	i, _ := slices.BinarySearchFunc(m.packets, h.from-far, func(p passage, t time.Duration) int { return cmp.Compare(p.at, t) })
	for ; i < len(m.packets); i++ {
		p := m.packets[i]
		if p.at-settle > h.to {
			break
		}
		if m.until > 0 && p.at > m.until {
			break
		}
		if p.at < m.from && h.to-h.from < mostLate {
			continue
		}
		ends := p.at
		if p.passed {
			ends += far
		}
		if h.from <= ends {
			any, timed = true, timed || m.alone(i)
		}
	}
	return any, timed
}

// alone says whether a packet came after its side had been quiet for a while.
func (m *moments) alone(i int) bool {
	for k := i - 1; k >= 0; k-- {
		if m.packets[i].at-m.packets[k].at >= apart {
			return true
		}
		if m.packets[k].from == m.packets[i].from {
			return false
		}
	}
	return true
}

// union joins what overlaps: two CPUs that stood still at once held nothing up twice.
func union(s []span) (out []span) {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, x := range s {
		if n := len(out); n > 0 && x.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, x.to)
			continue
		}
		out = append(out, x)
	}
	return out
}
