package tcp

// Time is a moment or a duration in nanoseconds. Moments count from any fixed
// instant; the driver supplies them and they never go back.
type Time = int64

// Units of Time.
const (
	Microsecond Time = 1_000
	Millisecond Time = 1_000_000
	Second      Time = 1_000_000_000
	Never       Time = 1<<63 - 1
)

// Congestion names a congestion control.
type Congestion uint8

// The congestion controls.
const (
	Cubic Congestion = iota // RFC 9438 as in net/ipv4/tcp_cubic.c, with HyStart
	Reno                    // RFC 5681 as in net/ipv4/tcp_cong.c
)

func (c Congestion) String() string {
	if c == Reno {
		return "reno"
	}
	return "cubic"
}

// Options are what a host's kernel is set to: the sysctls of net.ipv4 and the
// socket options that matter to a replication link. Both ends may differ.
type Options struct {
	// MSS is the payload of a full segment, bytes: 1460 of an Ethernet frame less
	// the 12 bytes of timestamps that each carries (RFC 6691, RFC 7323).
	MSS        int64
	Congestion Congestion
	NoHyStart  bool  // tcp_cubic's hystart; on by default
	InitCwnd   int64 // segments (TCP_INIT_CWND, RFC 6928)

	SYNRetries    int // tcp_syn_retries
	SYNACKRetries int // tcp_synack_retries
	LinearSYNs    int // tcp_syn_linear_timeouts: so many SYNs come a second apart before the pause doubles; 0 before Linux 6.5
	Retries2      int // tcp_retries2: after how many timeouts (of a doubling RTO from RTOMin) a connection is given up
	OrphanRetries int // tcp_orphan_retries: the same for one that the application has closed (0 means 8, tcp_orphan_retries())

	UserTimeout Time // TCP_USER_TIMEOUT; 0 is none
	RTOMin      Time // TCP_RTO_MIN; RFC 6298 would have 1 s
	RTOMax      Time // TCP_RTO_MAX
	RTOInitial  Time // TCP_TIMEOUT_INIT (RFC 6298 2.1)

	DelAckMin, DelAckMax Time // TCP_DELACK_MIN, TCP_DELACK_MAX

	// KeepIdle, KeepInterval, KeepCount are TCP_KEEPIDLE, TCP_KEEPINTVL,
	// TCP_KEEPCNT; KeepIdle 0 is no SO_KEEPALIVE. See RedisKeepAlive.
	KeepIdle, KeepInterval Time
	KeepCount              int

	WmemInit, WmemMax int64 // tcp_wmem[1], [2]: bytes, bookkeeping included
	RmemInit, RmemMax int64 // tcp_rmem[1], [2]: bytes, half of it is window (tcp_win_from_space)

	FinTimeout Time // tcp_fin_timeout: how long a closed socket waits for the peer's FIN

	NoSlowStartAfterIdle bool // tcp_slow_start_after_idle; on by default

	// Tick is the kernel's clock tick, 1/HZ: timers are late by up to one tick,
	// and by up to an eighth of themselves (the timer wheel, kernel/time/timer.c).
	// 0 lets timers be exact. Phase is where in its tick the clock stands at 0.
	Tick, Phase Time
}

// Linux are the defaults of a Linux server of today (6.x).
func Linux() Options {
	return Options{MSS: 1448, InitCwnd: 10, SYNRetries: 6, SYNACKRetries: 5, LinearSYNs: 4, Retries2: 15, OrphanRetries: 8,
		RTOMin: 200 * Millisecond, RTOMax: 120 * Second, RTOInitial: Second,
		DelAckMin: 40 * Millisecond, DelAckMax: 200 * Millisecond,
		WmemInit: 16 << 10, WmemMax: 4 << 20, RmemInit: 128 << 10, RmemMax: 6 << 20, FinTimeout: 60 * Second}
}

// RedisKeepAlive sets keepalive as redis does it for a tcp-keepalive of so many
// seconds (anetKeepAlive in anet.c): probes begin after that time, come a third of
// it apart, and the third without answer ends the connection.
func (o *Options) RedisKeepAlive(seconds int64) {
	o.KeepIdle, o.KeepInterval, o.KeepCount = seconds*Second, max(seconds/3, 1)*Second, 3
}

// SYNPause is the wait after SYN number n (from 0) before the next one or, after
// the last, before the connect fails: a second at first, which doubles once the
// linear ones are over (RFC 6298 5.5; tcp_retransmit_timer in tcp_timer.c).
func (o *Options) SYNPause(n int) Time {
	return min(o.RTOInitial<<min(max(n-o.LinearSYNs, 0), 20), o.RTOMax)
}

// SYNs is how many SYNs a connect sends at most.
func (o *Options) SYNs() int { return 1 + o.SYNRetries + o.LinearSYNs }

// giveUp is after what time without an answer so many retries are over: those of
// an RTO that begins at RTOMin and doubles up to RTOMax (tcp_model_timeout).
func (o *Options) giveUp(retries int) Time {
	var sum Time
	rto := o.RTOMin
	for range retries + 1 {
		sum += rto
		rto = min(2*rto, o.RTOMax)
	}
	return sum
}

// expires is when a timer that is set at now for d goes off. Without ticks that
// is exact. With them it is as the timer wheel does it: in whole ticks, of the
// level's granularity, and never too early (calc_index in kernel/time/timer.c).
func (o *Options) expires(now, d Time) Time {
	if o.Tick == 0 {
		return now + d
	}
	jiffies := (now + o.Phase) / o.Tick
	at := jiffies + (d+o.Tick-1)/o.Tick
	shift := uint(0)
	for left := at - jiffies; left >= 63; left >>= 3 {
		shift += 3
	}
	at = (at + 1<<shift) >> shift << shift
	return max(at*o.Tick-o.Phase, now)
}
