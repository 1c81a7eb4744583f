package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkRead tells the bytes of log a second.
func BenchmarkRead(b *testing.B) {
	var all []byte
	names, _ := filepath.Glob("testdata/redis-7*.log")
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, text...)
	}
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		if _, err := Read([]string{"-"}, bytes.NewReader(all)); err != nil {
			b.Fatal(err)
		}
	}
}
