package tcp

import "math/bits"

// cubic is CUBIC (RFC 9438) with whole numbers as in net/ipv4/tcp_cubic.c: time in
// 1/1024 s, windows in segments, C = 0.4 as 410/1024 and beta = 0.7 as 717/1024;
// with HyStart's two signs for the end of slow start.
type cubic struct {
	cnt             int64 // segments acknowledged for one segment more
	lastMax         int64 // the window at the last loss
	lastCwnd        int64
	lastTime        Time
	origin, k       int64
	delayMin        int64 // microseconds; 0 unknown
	epoch           Time  // when this growth began; -1
	ackCnt, tcpCwnd int64

	found       bool // slow start is over
	round       Time
	lastAck     Time
	roundEnd    int64
	currRTT     int64
	samples     int
	initialized bool
}

const (
	cubicBeta     = 717  // of cubicScale
	cubicScale    = 1024 // BICTCP_BETA_SCALE
	cubicRTTScale = 410  // bic_scale * 10: C in 1/1024
	cubicHZ       = 10   // BICTCP_HZ: time is in 2^-10 s
	renoScale     = 8 * (cubicScale + cubicBeta) / 3 / (cubicScale - cubicBeta)

	hystartLowWindow = 16
	hystartSamples   = 8
	hystartAckDelta  = 2 * Millisecond
	hystartDelayMin  = 4000 // microseconds
	hystartDelayMax  = 16000
)

func (c *cubic) reset(now Time, s *socket) {
	*c = cubic{epoch: -1}
	c.newRound(now, s)
}

func (c *cubic) newRound(now Time, s *socket) {
	c.round, c.lastAck, c.roundEnd, c.currRTT, c.samples = now, now, s.nxt, 1<<62, 0
}

// lost is cubictcp_recalc_ssthresh.
func (c *cubic) lost(s *socket) int64 {
	c.epoch = -1
	if s.cwnd < c.lastMax { // fast convergence
		c.lastMax = s.cwnd * (cubicScale + cubicBeta) / (2 * cubicScale)
	} else {
		c.lastMax = s.cwnd
	}
	return max(s.cwnd*cubicBeta/cubicScale, 2)
}

// resume is cubictcp_cwnd_event(CA_EVENT_TX_START): an idle time is no growth.
func (c *cubic) resume(now, last Time) {
	if c.epoch >= 0 && now > last {
		c.epoch = min(c.epoch+now-last, now)
	}
}

// update is bictcp_update: after how many acknowledged segments the window grows.
func (c *cubic) update(now Time, s *socket, acked int64) int64 {
	c.ackCnt += acked
	if c.lastCwnd == s.cwnd && now-c.lastTime <= Second/32 && c.cnt > 0 {
		return max(c.cnt, 2)
	}
	if c.epoch >= 0 && now-c.lastTime < max(s.o.Tick, Millisecond) && c.cnt > 0 {
		return c.friendly(s)
	}
	c.lastCwnd, c.lastTime = s.cwnd, now
	if c.epoch < 0 {
		c.epoch, c.ackCnt, c.tcpCwnd = now, acked, s.cwnd
		c.k, c.origin = 0, s.cwnd
		if c.lastMax > s.cwnd {
			c.k = cubeRoot((1 << (10 + 3*cubicHZ)) / cubicRTTScale * (c.lastMax - s.cwnd))
			c.origin = c.lastMax
		}
	}
	target := c.target(now - c.epoch + c.delayMin*Microsecond)
	c.cnt = 100 * s.cwnd
	if target > s.cwnd {
		c.cnt = s.cwnd / (target - s.cwnd)
	}
	if c.lastMax == 0 {
		c.cnt = min(c.cnt, 20)
	}
	return c.friendly(s)
}

// target is where the cubic wants the window to be, so long after its epoch.
func (c *cubic) target(t Time) int64 {
	at := int64(uint64(t>>cubicHZ)*(1<<20)/uint64(Second)) - c.k // t in 1/1024 s
	offset := at
	if offset < 0 {
		offset = -offset
	}
	offset = min(offset, 1<<17) // two minutes: no window is larger
	delta := cubicRTTScale * offset * offset / cubicScale * offset >> (3 * cubicHZ)
	if at < 0 {
		return c.origin - delta
	}
	return c.origin + delta
}

// friendly is the TCP-friendly region: not slower than Reno would be.
func (c *cubic) friendly(s *socket) int64 {
	if delta := s.cwnd * renoScale >> 3; delta > 0 && c.ackCnt > delta {
		n := (c.ackCnt - 1) / delta
		c.ackCnt -= n * delta
		c.tcpCwnd += n
	}
	if ahead := c.tcpCwnd - s.cwnd; ahead > 0 {
		c.cnt = min(c.cnt, s.cwnd/ahead)
	}
	c.cnt = max(c.cnt, 2)
	return c.cnt
}

// acked is cubictcp_acked: the least delay, and HyStart.
func (c *cubic) acked(now Time, s *socket, rtt int64) {
	if rtt < 0 || c.epoch >= 0 && now-c.epoch < Second {
		return
	}
	rtt = max(rtt, 1)
	if c.delayMin == 0 || rtt < c.delayMin {
		c.delayMin = rtt
	}
	if !c.found && s.slowStart() && !s.o.NoHyStart {
		c.hystart(now, s, rtt)
	}
}

// hystart is hystart_update: slow start ends when a train of ACKs is as long as
// half the least delay, or when the delay grows by an eighth.
func (c *cubic) hystart(now Time, s *socket, rtt int64) {
	if s.una > c.roundEnd {
		c.newRound(now, s)
	}
	if s.cwnd < hystartLowWindow {
		return
	}
	if now-c.lastAck <= hystartAckDelta {
		c.lastAck = now
		if now-c.round > (c.delayMin+s.ackDelay())*Microsecond>>1 {
			c.found = true
		}
	}
	c.currRTT = min(c.currRTT, rtt)
	if c.samples < hystartSamples {
		c.samples++
	} else if c.currRTT > c.delayMin+min(max(c.delayMin>>3, hystartDelayMin), hystartDelayMax) {
		c.found = true
	}
	if c.found {
		s.ssthresh = s.cwnd
	}
}

// ackDelay is hystart_ack_delay: what aggregation may add, microseconds.
func (s *socket) ackDelay() int64 {
	rate := 2 * s.o.MSS * s.cwnd * 1_000_000 / max(s.srtt>>3, 1) // pacing rate of slow start
	return min(1000, 4*65536*1_000_000/max(rate, 1))
}

// cubeRoot is the whole part of the cube root of a, digit by digit.
func cubeRoot(a int64) int64 {
	if a <= 0 {
		return 0
	}
	x, y := uint64(a), uint64(0)
	for shift := (bits.Len64(x) - 1) / 3 * 3; shift >= 0; shift -= 3 {
		y <<= 1
		if b := 3*y*(y+1) + 1; x>>uint(shift) >= b {
			x -= b << uint(shift)
			y++
		}
	}
	return int64(y)
}
