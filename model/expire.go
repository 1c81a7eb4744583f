package model

import (
	"math/bits"
	"time"
)

// Keys whose time is over (facts: 7). Only a master deletes them: when a client
// touches one, and by a cycle of its own that serverCron runs (activeExpireCycle)
// and that looks at a few keys at random. Each deletion is a DEL or UNLINK on the
// stream. Replicas wait for it.
//
// A node has no keys. Its driver counts them, and asks it how many the cycle
// finds; chance is replaced by what is expected, in whole numbers with 32 binary
// digits of fraction.

// ExpireRules are how a version's cycle looks for keys whose time is over.
type ExpireRules struct {
	// Stops is how many of the 20 keys that a round looks at may be expired
	// without another round following at once: the cycle goes on above that.
	Stops int
	// Fast says that the event loop runs short cycles too while it thinks that too
	// many expired keys are left (>= 6.0: expired_stale_perc).
	Fast bool
	// PausedStill says that nothing expires while clients are paused.
	PausedStill bool
}

var (
	expire26 = ExpireRules{Stops: 5}                                // more than a quarter (2.6 - 5.0)
	expire62 = ExpireRules{Stops: 2, Fast: true, PausedStill: true} // more than a tenth
)

const (
	expireSample = 20      // ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP, _LOOKUPS_PER_LOOP before
	one32        = 1 << 32 // 1, as a fraction here
	// expireRound is what a round is taken to cost a server. The cycle stops after a
	// quarter of serverCron's period, a short one after a millisecond.
	expireRound  = 20 * time.Microsecond
	slowRounds   = int64(time.Second / CronHz / 4 / expireRound)
	fastRounds   = int64(time.Millisecond / expireRound)
	fastEvery    = 2 * time.Millisecond
	fastPerTurn  = int64(time.Second / CronHz / fastEvery)
	staleKept    = 95 // of expired_stale_perc, in hundredths, when a cycle ends
	staleTooMany = 10 // percent
)

// expiry is the state of the cycle.
type expiry struct {
	known bool    // some key has a time to live
	at    Instant // no key's time is over before
	asked int64   // the turn, plus 1, at which the driver was asked
	left  uint64  // the fraction of a key that was found and not deleted
	stale uint64  // expired_stale_perc, as a fraction of 1
}

// Expires tells the node when the next key's time is over, or that none has a
// time to live (Never).
func (s *Server) Expires(at Instant) { s.expiry.known, s.expiry.at = at != Never, at }

// ShowsExpired says whether a read of this node finds a key whose time is over and that is
// still there. A master deletes it when it is read (expireIfNeeded); a replica keeps it for
// its master's DEL, and up to 2.8 shows it until then (lookupKeyRead; seen with a frozen
// master: GET gives the value on 2.8.24 and nil from 3.2.13 to 7.4.1 and valkey 8.0.1, where DBSIZE
// still counts the key).
func (s *Server) ShowsExpired() bool { return s.up.host != "" && s.prof.ShowsExpired }

// expires says whether the cycle may delete something with a serverCron turn.
func (s *Server) expires() bool {
	return s.expiry.known && s.up.host == "" && !(s.pause.kind != pauseNone && s.prof.Expire.PausedStill)
}

// midTurn says that the serverCron turn of this instant has asked for expired keys and goes on
// behind them: the event loop has not come round.
func (s *Server) midTurn() bool {
	if !s.cron.running || !s.expires() {
		return false
	}
	turn := s.cron.turnAt(s.now)
	return s.expiry.asked == turn+1 && s.cron.next <= turn
}

// ExpireTurn is how many keys the cycle deletes with this serverCron turn, short
// cycles since the last one included: keys have a time to live, expired of them
// a time that is over, and the event loop went round so often since then.
func (s *Server) ExpireTurn(keys, expired, loops int64) int64 {
	if expired == 0 {
		return 0
	}
	e := &s.expiry
	found := e.left + s.expireCycle(keys, expired, slowRounds)
	for n := min(loops, fastPerTurn); n > 0 && s.prof.Expire.Fast && int64(found>>32) < expired; n-- {
		if e.stale*100 < staleTooMany*one32 {
			break
		}
		done := int64(found >> 32)
		found += s.expireCycle(keys-done, expired-done, fastRounds)
	}
	n := min(int64(found>>32), expired)
	e.left = 0
	if n < expired {
		e.left = found & (one32 - 1)
	}
	return n
}

// expireCycle is how many keys one cycle can be expected to delete, in
// fractions: each round happens as likely as all before it went on.
func (s *Server) expireCycle(keys, expired, rounds int64) (found uint64) {
	going := uint64(one32)
	var looked uint64
	for ; rounds > 0 && going > one32>>16; rounds-- {
		done := int64(found >> 32)
		n, x := keys-done, expired-done
		if x <= 0 {
			break
		}
		share := fraction(x, n)
		sample := uint64(min(n, expireSample))
		found += mul32(going, sample*share)
		looked += mul32(going, sample<<32)
		going = mul32(going, goesOn(share, int(sample), s.prof.Expire.Stops))
	}
	if found>>32 >= uint64(expired) {
		found = uint64(expired) << 32
	}
	if looked > 0 {
		now, _ := bits.Div64(found>>32, found<<32, looked)
		s.expiry.stale = (s.expiry.stale*staleKept + now*(100-staleKept)) / 100
	}
	return found
}

// fraction is x / n, both above 0 and x at most n.
func fraction(x, n int64) uint64 {
	if x >= n {
		return one32
	}
	q, _ := bits.Div64(uint64(x)>>32, uint64(x)<<32, uint64(n))
	return q
}

// mul32 multiplies two fractions.
func mul32(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<32 | lo>>32
}

// goesOn is how likely more than `most` of n keys are expired, when a share p of
// all is: the rest of a binomial distribution.
func goesOn(p uint64, n, most int) uint64 {
	if n <= most {
		return 0
	}
	if p >= one32 {
		return one32
	}
	// The likelihood of i of them: C(n,i) p^i (1-p)^(n-i).
	q := one32 - p
	var powers [expireSample + 1]uint64 // of q
	powers[0] = one32
	for i := 1; i <= n; i++ {
		powers[i] = mul32(powers[i-1], q)
	}
	rest, choose, pi := uint64(one32), uint64(1), uint64(one32)
	for i := 0; i <= most; i++ {
		rest -= min(rest, mul32(pi, powers[n-i])*choose)
		choose = choose * uint64(n-i) / uint64(i+1)
		pi = mul32(pi, p)
	}
	return rest
}

// DeleteWord is the command that a deletion of the server's own becomes.
func (s *Server) DeleteWord(why Why) string {
	if why == WhyEvicted && s.set.LazyEvict || why != WhyEvicted && s.set.LazyExpire {
		return "UNLINK"
	}
	return "DEL"
}

// deleted takes a deletion of the server's own into the stream: of a key whose
// time is over, or that had to make room.
func (s *Server) deleted(in *Input) {
	if in.Why == WhyEvicted {
		s.stats.evicted += in.Commands
	} else {
		s.stats.expired += in.Commands
	}
	if s.up.host == "" && (s.log != nil || s.replicas() > 0) {
		s.write(in)
	} else if s.aof.state != aofOff && s.prof.CountsAOF {
		s.mro += Offset(in.Commands)
	}
	s.aofWritten(in.Bytes, s.mro)
}
