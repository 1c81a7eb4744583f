package sim

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"psyncsim/model"
)

// cycle is the command mix: a list that repeats, with sums up to each entry.
type cycle struct {
	list     []cycleEntry
	commands int64 // in one cycle
	size     int64 // bytes of one cycle
	longest  int64 // bytes of the longest command
	divisor  int64 // the greatest that divides the size of every command
	long     bool  // an entry is
	free     bool  // an entry needs no memory
}

// cycleEntry is one command and its repeats.
type cycleEntry struct {
	commands, bytes int64 // in the cycle before this entry
	size            int64 // of one command
	parts           []part
	long            bool    // an argument is longer than model.BlockRequest
	pieces          []int64 // see load.pieces; of long entries
	ttl, keys       int64   // ms that its keys live, 0 for ever; how many it writes
	keyLen          int
	value           int64  // bytes that it stores beside its key
	word            string // that key, if it is always the same
	stores          bool   // it leaves data behind
	needs           bool   // it is refused for want of memory
}

// part is one command as RESP; several are a transaction.
type part struct {
	head  []byte
	args  []int
	words []string
}

func (m *cycle) compile(commands []Command) error {
	if len(commands) == 0 {
		return errors.New("no commands")
	}
	for i := range commands {
		c := &commands[i]
		if c.Times < 1 {
			return fmt.Errorf("command %d: name %q, times %d", i, c.Name, c.Times)
		}
		e := cycleEntry{commands: m.commands, bytes: m.size, size: c.Bytes()}
		if err := errors.Join(e.compile(c), e.expires(c)); err != nil {
			return fmt.Errorf("command %d: %w", i, err)
		}
		m.list = append(m.list, e)
		m.long = m.long || e.long
		m.free = m.free || !e.needs
		m.commands += int64(c.Times)
		hi, lo := bits.Mul64(uint64(e.size), uint64(c.Times))
		if hi != 0 || lo >= 1<<40 || m.size+int64(lo) >= 1<<40 || m.commands >= 1<<30 {
			return errors.New("one cycle of the commands is longer than 2^40 bytes or 2^30 commands")
		}
		m.size += int64(lo)
		m.longest = max(m.longest, e.size)
		m.divisor = int64(commonDivisor(uint64(m.divisor), uint64(e.size)))
	}
	return nil
}

// compile makes the parts of an entry.
func (e *cycleEntry) compile(c *Command) error {
	for i := range 1 + len(c.Then) {
		one := c
		if i > 0 {
			one = &c.Then[i-1]
		}
		begins, ends := i == 0 && len(c.Then) > 0, i > 0 && i == len(c.Then)
		switch {
		case one.Name == "":
			return errors.New("no name")
		case begins != (one.alone("MULTI")) || ends != one.alone("EXEC"):
			return errors.New("commands that go together begin with MULTI and end with EXEC")
		}
		for j, n := range one.Args {
			if n < 0 || n > 512<<20 {
				return fmt.Errorf("argument of %d bytes", n)
			}
			e.long = e.long || n > model.BlockRequest
			if j < len(one.Words) && one.Words[j] != "" && len(one.Words[j]) != n {
				return fmt.Errorf("%q is not %d bytes", one.Words[j], n)
			}
		}
		head := fmt.Appendf(nil, "*%d\r\n$%d\r\n%s\r\n", 1+len(one.Args), len(one.Name), one.Name)
		e.parts = append(e.parts, part{head: head, args: one.Args, words: one.Words})
		e.holds(one)
	}
	for i := 0; e.long && i <= len(c.Then); i++ {
		one := c
		if i > 0 {
			one = &c.Then[i-1]
		}
		e.pieces = model.AppendCommandPieces(e.pieces, append([]int{len(one.Name)}, one.Args...)...)
	}
	return nil
}

// alone says whether the command is this word and no more.
func (c *Command) alone(word string) bool {
	return len(c.Args) == 0 && strings.EqualFold(c.Name, word)
}

// wireLen is the length of a command as a RESP array of bulk strings.
func wireLen(name string, args []int) int64 {
	bulk := func(n int) int64 { return 5 + decimals(n) + int64(n) }
	size := 3 + decimals(1+len(args)) + bulk(len(name))
	for _, n := range args {
		size += bulk(n)
	}
	return size
}

func decimals(n int) int64 {
	d := int64(1)
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// at is the entry of the r-th command of a cycle.
func (m *cycle) at(r int64) int {
	lo, hi := 0, len(m.list)
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); m.list[mid].commands <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func (m *cycle) bytes(k int64) int64 {
	if len(m.list) == 1 {
		return k * m.list[0].size
	}
	q, r := k/m.commands, k%m.commands
	e := &m.list[m.at(r)]
	return q*m.size + e.bytes + (r-e.commands)*e.size
}

func (m *cycle) find(b int64) int64 {
	if len(m.list) == 1 {
		return b / m.list[0].size
	}
	q, r := b/m.size, b%m.size
	lo, hi := 0, len(m.list)
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); m.list[mid].bytes <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	e := &m.list[lo]
	return q*m.commands + e.commands + (r-e.bytes)/e.size
}
