package model

import "time"

// client-output-buffer-limit for replicas (facts: 2.9). A replica's output
// buffer is what the stream holds for it and the transport has not taken: all
// since the set-up of its full sync, or behind a connection that takes no more.
//
// A node is told of many writes at once, so it says beforehand where the next
// limit lies (Horizon); the driver makes an event of the write that reaches it.

// staticReply is the part of an output buffer that is not counted: it lies in
// the client itself (PROTO_REPLY_CHUNK_BYTES, <= 6.2).
const staticReply = 16 * 1024

// replyNode is what a block of a reply list costs beside its payload: the list
// node and the block's header (getClientOutputBufferMemoryUsage, 6.2).
const replyNode = 40

// waits is the first stream byte in a replica's output buffer, MRO+1 when it is
// empty.
func (s *Server) waits(c *client) Offset {
	switch {
	case c.buffers():
		return c.bufFrom
	case c.streams() && c.stall > 0:
		return min(c.stall, s.mro+1)
	}
	return s.mro + 1
}

// used is the size of a replica's output buffer as the server counts it.
func (s *Server) used(c *client) int64 {
	if c.reads && s.blocks != nil {
		return s.blocks.Used(c.reader)
	}
	from := s.waits(c)
	n := int64(s.mro+1-from) - staticReply
	if n <= 0 {
		return 0
	}
	payload := s.replyPayload()
	return (n + payload - 1) / payload * (payload + replyNode)
}

// replyPayload is what one block of a reply list holds: its 16 KiB are rounded
// up by the allocator.
func (s *Server) replyPayload() int64 {
	if s.cfg.LibcMalloc {
		return 16 * 1024
	}
	return 20480 - 16
}

// reached is the stream offset at which a replica's buffer comes to limit.
func (s *Server) reached(c *client, limit int64) Offset {
	if c.reads && s.blocks != nil {
		return s.blocks.FillsAt(c.reader, limit)
	}
	payload := s.replyPayload()
	blocks := (limit + payload + replyNode - 1) / (payload + replyNode)
	return s.waits(c) + Offset(staticReply+(blocks-1)*payload)
}

// tested is the offset at which the server sees that a replica's buffer has come
// to limit. One that was set below what is there already waits for the next
// write; blocks see to that themselves. Where the block that is there is too much for a
// replica that waits for its first byte, the cron sees to it when that byte has come.
func (s *Server) tested(c *client, limit int64) Offset {
	switch {
	case s.blocks != nil && c.reads && s.blocks.Seated(c.reader) >= limit:
		return s.mro + 1
	case s.blocks != nil:
		return s.reached(c, limit)
	}
	return max(s.reached(c, limit), s.mro+1)
}

// hardLimit is the limit in force: from 7.0 on at least the backlog's size.
func (s *Server) hardLimit() int64 {
	if s.set.HardLimit > 0 && s.prof.HardLimitFloor {
		return max(s.set.HardLimit, s.set.BacklogSize)
	}
	return s.set.HardLimit
}

// limited says whether a replica's buffer grows with every write.
func (s *Server) limited(c *client) bool {
	return !c.closing && (c.buffers() || c.streams() && c.stall > 0 || c.kept && c.reads)
}

// Horizon is the first stream offset at which a limit is reached, 0 without one.
func (s *Server) Horizon() Offset {
	var at Offset
	nearer := func(o Offset) {
		o = max(o, s.mro+1) // a limit that was lowered below what is there waits for the next write
		if at == 0 || o < at {
			at = o
		}
	}
	for _, c := range s.clients {
		if s.oneTooMuch(c) {
			nearer(s.mro + 1)
			continue
		}
		if !s.limited(c) {
			continue
		}
		if c.stall > s.mro && c.reads { // from there on its blocks are held back
			nearer(c.stall)
			continue
		}
		if hard := s.hardLimit(); hard > 0 {
			nearer(s.tested(c, hard))
		}
		if s.set.SoftLimit > 0 && c.softSince == 0 {
			nearer(s.tested(c, s.set.SoftLimit))
		}
	}
	return at
}

// checkLimits closes replicas whose output buffer came to a limit
// (checkClientOutputBufferLimits, closeClientOnOutputBufferLimitReached).
// A soft limit runs out only where expire says so: blocks are tested when one is
// made and by the cron, a reply list with each write.
func (s *Server) checkLimits(expire bool) {
	for i := len(s.clients) - 1; i >= 0; i-- {
		c := s.clients[i]
		used := s.idles(c)
		switch {
		case s.limited(c):
			used = s.used(c)
		case used > 0 && !expire:
			continue // only the cron looks
		case used == 0:
			c.softSince = 0
			continue
		}
		if hard := s.hardLimit(); hard > 0 && used >= hard {
			s.overLimit(c, WhyHardLimit)
			continue
		}
		if s.set.SoftLimit == 0 || used < s.set.SoftLimit {
			c.softSince = 0
			continue
		}
		if c.softSince == 0 {
			c.softSince = s.unix()
		}
		// Before 6.2.4 nobody looks unless something is written.
		wrote := s.mro != c.softMRO
		c.softMRO = s.mro
		if expire && s.unix()-c.softSince > wholeSeconds(s.set.SoftSeconds) && (wrote || s.prof.ChecksIdle) {
			s.overLimit(c, WhySoftLimit)
		}
	}
}

// overLimit closes a replica: at once from 6.0 on, before that with the next
// serverCron turn (freeClientAsync).
func (s *Server) overLimit(c *client, why Why) {
	s.stats.overLimit++
	c.kept = false // nor is an rdb channel kept that holds back too much
	if !s.prof.ClosesInCron {
		s.drop(c, why)
		return
	}
	c.closing, c.closeWhy, c.closeFrom = true, why, s.now
}

// copyRate is how many bytes a second a server copies from its backlog to a
// reply list: redis#1400 saw 0.32 s for 272 MB, a 3.2.13 here 2 ms for 8 MB.
const copyRate = 1_000_000_000

// overAtOnce handles a replica whose history is more than its buffer may hold
// from the start; true if it is sent some of it. From 6.0 on nothing is ever
// sent. Before that the socket takes what it can until the next serverCron turn;
// but a turn that falls due while the history is copied comes first, and then
// nothing is sent either (aeProcessEvents: time events before the next writes).
func (s *Server) overAtOnce(c *client) bool {
	s.overLimit(c, WhyHardLimit)
	if !c.closing {
		return false
	}
	copied := s.now + Instant(s.mro+1-c.bufFrom)*Instant(time.Second)/copyRate
	if turn := s.cron.at(max(s.cron.next, s.cron.turnFrom(s.now))); turn > copied {
		return true
	}
	c.closeFrom = copied
	return false
}

// closeMarked closes what overLimit marked.
func (s *Server) closeMarked() {
	for i := len(s.clients) - 1; i >= 0; i-- {
		if c := s.clients[i]; c.closing && s.now >= c.closeFrom {
			s.drop(c, c.closeWhy)
		}
	}
}

// stalled is told by the driver: the transport takes no byte from `from` on, or
// takes all again when that is 0.
func (s *Server) stalled(id ConnID, from Offset) {
	if c := s.client(id); c != nil && c.streams() {
		c.stall = from
		s.checkLimits(false)
	}
}

// WriteEnds is when a soft limit runs out for whoever is written to then; Never
// without one, or where only the cron looks.
func (s *Server) WriteEnds() Instant {
	if due := s.limitDue(); due > 0 && s.prof.Backlog != Blocks {
		return s.reaches(due)
	}
	return Never
}

// limitDue is the next unix second at which a soft limit can run out; 0 without.
func (s *Server) limitDue() (second int64) {
	for _, c := range s.clients {
		if c.softSince == 0 || c.closing {
			continue
		}
		if due := s.limitEnds(c); second == 0 || due < second {
			second = due
		}
	}
	return second
}

// limitEnds is the unix second at which the soft limit that a client is over runs out.
func (s *Server) limitEnds(c *client) int64 { return c.softSince + wholeSeconds(s.set.SoftSeconds) + 1 }

// copyTooLarge says whether the history from byte p on is more than a replica's
// output buffer may hold. Up to 6.2 it is copied there at once: the master
// accepts the request and then closes the connection (facts: 2.9).
func (s *Server) copyTooLarge(p Offset) bool {
	if s.prof.Backlog != Ring || s.set.HardLimit == 0 {
		return false
	}
	return s.replyUsed(int64(s.mro+1-p)) >= s.set.HardLimit
}

// replyUsed is what n bytes that are written at once come to in an empty reply
// list: in a block of their own if the static buffer does not hold them
// (_addReplyProtoToList). From 5.0 on the block is as large as the memory that
// it was given.
func (s *Server) replyUsed(n int64) int64 {
	if n <= staticReply {
		return 0
	}
	if s.prof.ReplyBlocks && !s.cfg.LibcMalloc {
		const header = 16 // struct clientReplyBlock
		n = AllocJemalloc.Usable(n+header) - header
	}
	return n + replyNode
}

// Lone is the least size of a command that may bring a replica's output buffer
// to a limit although the replica reads all that it is sent: a server looks when
// it appends, before it sends. 0 is that none can. Commands of that size must be
// told one at a time; a server decides about each.
//
// longest is that of the longest command there is: where none of them can be one, the
// answer is 0 at once.
func (s *Server) Lone(longest int64) (least int64) {
	if s.blocks == nil && longest <= staticReply {
		return 0
	}
	limit := s.hardLimit()
	if soft := s.set.SoftLimit; s.blocks != nil && soft > 0 && (limit == 0 || soft < limit) {
		limit = soft
	}
	if limit == 0 {
		return 0
	}
	for _, c := range s.clients {
		if !s.readsAll(c) {
			continue
		}
		n := max(staticReply+1, limit*3/4) // a block is at most a quarter larger than what is in it
		if c.reads && s.blocks != nil {
			block := s.blocks.payload + blockCost
			n = max(1, (limit-max(s.blocks.Used(c.reader), 2*block)-block)*3/4)
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}

// idles is what the blocks of a replica come to that has taken all: it stands on
// the last one until there is another. 0 for any other.
func (s *Server) idles(c *client) int64 {
	if !c.reads || s.blocks == nil || !s.readsAll(c) {
		return 0
	}
	return s.blocks.Used(c.reader)
}

// oneTooMuch says that a replica that has taken all stands on no block, and the one that the
// next byte puts it on is more than a limit: the cron sees to it when that byte has come. That
// is the last block, if it has room, however large a long argument made it; else a new one.
func (s *Server) oneTooMuch(c *client) bool {
	if s.blocks == nil || !c.reads {
		return false
	}
	hard, soft, block := s.hardLimit(), s.set.SoftLimit, s.blocks.Seated(c.reader)
	if block == 0 {
		block = s.blocks.payload + blockCost
	}
	if !(hard > 0 && block >= hard || soft > 0 && block >= soft && c.softSince == 0) {
		return false
	}
	return s.readsAll(c) && s.blocks.Used(c.reader) == 0
}

// overIdle says whether the next serverCron turn has something to do about a
// replica that has taken all, or whose first byte to wait for has come: its last
// block alone is more than a limit, or no longer is.
func (s *Server) overIdle() bool {
	if s.blocks == nil {
		return false
	}
	hard, soft := s.hardLimit(), s.set.SoftLimit
	for _, c := range s.clients {
		used := s.idles(c)
		if c.reads && s.blocks != nil && s.limited(c) {
			used = s.blocks.Used(c.reader)
		}
		if used > 0 && (hard > 0 && used >= hard || (soft > 0 && used >= soft) != (c.softSince > 0)) {
			return true
		}
	}
	return false
}

// readsAll says whether a replica is sent the stream and has taken all of it.
func (s *Server) readsAll(c *client) bool {
	return c.state == online && c.attached && c.stall == 0 && !c.closing
}

// checkLone closes replicas that read all they are sent and are over the limit
// with what was just appended.
func (s *Server) checkLone() {
	hard := s.hardLimit()
	if hard == 0 {
		return
	}
	for i := len(s.clients) - 1; i >= 0; i-- {
		c := s.clients[i]
		if !s.readsAll(c) {
			continue
		}
		used := s.replyUsed(int64(s.mro - s.began))
		if c.reads && s.blocks != nil {
			used = s.blocks.Used(c.reader)
		}
		if used >= hard {
			s.overLimit(c, WhyHardLimit)
		}
	}
}
