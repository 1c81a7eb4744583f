package main

import (
	"bufio"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// What the sums of a run's fingerprint cost where a processor has instructions for
// SHA-256: valgrind's has none, so what it counts there is another program than the one
// that runs here. Both are in the binary that is counted: one is counted as it runs, the
// instructions of the other are counted as they stand.

// shaCode is the code of the standard library that makes such sums with a processor's own
// instructions: one loop, which goes round once for each block of 64 bytes.
type shaCode struct {
	block, call float64 // instructions of one round, and of a call beside its rounds
}

const shaName = "crypto/internal/fips140/sha256.blockSHANI.abi0"

// hasSHA says that this processor has the instructions.
func hasSHA() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && regexp.MustCompile(`(?m)^flags\s*:.*\bsha_ni\b`).Match(text)
}

// readSHA counts the instructions in a binary. Each of them has a line of its own in its
// source, and the binary knows where each line begins.
func readSHA(binaryPath string) (c shaCode, err error) {
	f, err := elf.Open(binaryPath)
	if err != nil {
		return c, err
	}
	defer f.Close()
	text, table := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || table == nil {
		return c, errors.New("no code of Go's")
	}
	code, err := text.Data()
	if err != nil {
		return c, err
	}
	lines, err := table.Data()
	if err != nil {
		return c, err
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text.Addr))
	if err != nil {
		return c, err
	}
	fn := symbols.LookupFunc(strings.TrimSuffix(shaName, ".abi0"))
	if fn == nil {
		fn = symbols.LookupFunc(shaName)
	}
	if fn == nil {
		return c, errors.New("no " + shaName)
	}
	var starts []uint64 // of its instructions
	last := 0
	for pc := fn.Entry; pc < fn.End; pc++ {
		if _, line, _ := symbols.PCToLine(pc); line != last {
			starts, last = append(starts, pc), line
		}
	}
	return loopOf(starts, code[fn.Entry-text.Addr:fn.End-text.Addr], fn.Entry)
}

// loopOf finds the loop of a function that has one: a conditional jump back (0F 85, JNE).
func loopOf(starts []uint64, code []byte, entry uint64) (c shaCode, err error) {
	loops := 0
	for i, pc := range starts {
		at := pc - entry
		if at+6 > uint64(len(code)) || code[at] != 0x0f || code[at+1] != 0x85 {
			continue
		}
		to := pc + 6 + uint64(int64(int32(binary.LittleEndian.Uint32(code[at+2:]))))
		if to >= pc || to < entry {
			continue
		}
		loops++
		for j := 0; j <= i; j++ {
			if starts[j] >= to {
				c.block++
			}
		}
	}
	if loops != 1 || c.block < 100 {
		return shaCode{}, fmt.Errorf("%s has %d loops, of %g instructions", shaName, loops, c.block)
	}
	c.call = float64(len(starts)) - c.block
	return c, nil
}

var (
	shaNamed  = regexp.MustCompile(`^c?fn=\((\d+)\) .*fips140/sha256\.block(AVX2|Generic|SHANI)`)
	shaCallee = regexp.MustCompile(`^cfn=\((\d+)\)`)
	calls     = regexp.MustCompile(`^calls=(\d+) `)
)

// shaCalls is how often the sums' code was called, as callgrind's own file tells.
func shaCalls(path string) (n float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in, ids, called := bufio.NewScanner(f), map[string]bool{}, ""
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := in.Text()
		if m := shaNamed.FindStringSubmatch(line); m != nil {
			ids[m[1]] = true
		}
		if m := shaCallee.FindStringSubmatch(line); m != nil {
			called = m[1]
		} else if m := calls.FindStringSubmatch(line); m != nil && ids[called] {
			k, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				return 0, err
			}
			n += k
		}
	}
	return n, in.Err()
}
