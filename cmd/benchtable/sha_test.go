package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A loop is found by its jump back, and every instruction between counts.
func TestLoopOf(t *testing.T) {
	code := make([]byte, 4*200+6+1)
	starts := []uint64{}
	for i := range 200 {
		starts = append(starts, uint64(1000+4*i))
	}
	jump := uint64(1000 + 4*200)
	starts = append(starts, jump, jump+6)
	back := int32(1000 + 4*40 - int(jump) - 6)
	copy(code[4*200:], []byte{0x0f, 0x85, byte(back), byte(back >> 8), byte(back >> 16), byte(back >> 24), 0xc3})
	c, err := loopOf(starts, code, 1000)
	if err != nil || c != (shaCode{block: 161, call: 41}) {
		t.Fatalf("%v %v", c, err)
	}
	code[4*200+1] = 0x84
	if c, err := loopOf(starts, code, 1000); err == nil {
		t.Fatalf("a loop without a jump back: %v", c)
	}
}

// callgrind's file names a function once and then by its number.
func TestShaCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	text := "fn=(1) main.main\ncfn=(2) crypto/internal/fips140/sha256.blockAVX2.abi0\ncalls=3 0\n+1 900\ncfn=(3) other\ncalls=50 0\n* 4\nfn=(4) x\ncfn=(2)\ncalls=4 0\n* 1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := shaCalls(path); n != 7 || err != nil {
		t.Fatalf("%g %v", n, err)
	}
}

// On a processor with the instructions this very program has the code for them.
func TestReadSHA(t *testing.T) {
	if runtime.GOARCH != "amd64" || !hasSHA() {
		t.Skip("a program for this processor has no instructions for SHA-256")
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := readSHA(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.block < 150 || c.block > 400 || c.call > 100 {
		t.Fatalf("%+v", c)
	}
}
