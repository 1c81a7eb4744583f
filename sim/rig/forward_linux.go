package rig

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// forwarder carries packets between two TUN devices. One thread does it all; the
// mutex guards the paths, which others add, and what they read.
type forwarder struct {
	tun   [2]int // file descriptors
	begun time.Time

	mu    sync.Mutex
	paths map[netip.Addr]*Path // by the address at side B
	tap   func(at time.Duration, p *Path, from Side, data []byte, ok bool)

	wire  onWire
	turn  uint64
	spare [][]byte
	stop  bool
}

// clock is the forwarder's time.
func (f *forwarder) clock() time.Duration { return time.Since(f.begun) }

// run carries packets until stopped. Its thread gets real-time priority where
// that is allowed.
func (f *forwarder) run() error {
	runtime.LockOSThread()
	// A thread that is late makes round trips longer. 1 is the
	// lowest of the real-time priorities: enough to go before all ordinary threads.
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	fds := []unix.PollFd{{Fd: int32(f.tun[A]), Events: unix.POLLIN}, {Fd: int32(f.tun[B]), Events: unix.POLLIN}}
	for {
		f.mu.Lock()
		stop, wait := f.stop, f.flush()
		f.mu.Unlock()
		if stop {
			return nil
		}
		ts := unix.NsecToTimespec(int64(min(wait, 20*time.Millisecond)))
		if _, err := unix.Ppoll(fds, &ts, nil); err != nil && err != unix.EINTR {
			return fmt.Errorf("ppoll: %w", err)
		}
		for side := range fds {
			if fds[side].Revents&unix.POLLIN == 0 {
				continue
			}
			if err := f.take(Side(side)); err != nil {
				return err
			}
		}
	}
}

// batch is how many packets are read from one device before others have their turn.
const batch = 64

// take reads what a device has and puts it on its way.
func (f *forwarder) take(side Side) error {
	for range batch {
		buf := f.buffer()
		n, err := unix.Read(f.tun[side], buf)
		if err == unix.EAGAIN || err == unix.EINTR {
			f.spare = append(f.spare, buf)
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading from a TUN device: %w", err)
		}
		f.mu.Lock()
		f.enter(side, buf[:n])
		f.mu.Unlock()
	}
	return nil
}

func (f *forwarder) buffer() []byte {
	if n := len(f.spare); n > 0 {
		b := f.spare[n-1]
		f.spare = f.spare[:n-1]
		return b[:cap(b)]
	}
	return make([]byte, 2048)
}

// enter puts one packet on its path.
func (f *forwarder) enter(side Side, data []byte) {
	drop := func() { f.spare = append(f.spare, data) }
	if len(data) < 20 || data[0]>>4 != 4 {
		drop() // router solicitations and the like
		return
	}
	at := 12 // the source address
	if side == A {
		at = 16
	}
	p := f.paths[netip.AddrFrom4([4]byte(data[at:at+4]))]
	if p == nil {
		drop()
		return
	}
	now := f.clock()
	due, ok := p.Enter(now, side, int(binary.BigEndian.Uint16(data[2:])))
	if f.tap != nil {
		f.tap(now, p, side, data, ok)
	}
	if !ok {
		drop()
		return
	}
	f.turn++
	heap.Push(&f.wire, &packet{due: due, turn: f.turn, to: 1 - side, data: data, path: p})
}

// spin is how long before a packet is due the thread stops sleeping: waking up
// takes so long, mostly.
const spin = 40 * time.Microsecond

// flush delivers what is due and says how long nothing else is.
func (f *forwarder) flush() (wait time.Duration) {
	for {
		if len(f.wire) == 0 {
			return time.Hour
		}
		p := f.wire[0]
		now := f.clock()
		if p.due > now+spin {
			return p.due - now - spin
		}
		for p.due > now {
			now = f.clock()
		}
		heap.Pop(&f.wire)
		_, err := unix.Write(f.tun[p.to], p.data)
		p.path.came(p.due, now-p.due, err)
		f.spare = append(f.spare, p.data)
	}
}

// with runs fn while no packet moves.
func (f *forwarder) with(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}
