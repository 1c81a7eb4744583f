package twin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// sifter digests a stream without what the servers put into it by the clock:
// PINGs. Where these stand among the writes is a matter of when.
type sifter struct {
	sum  hash.Hash
	some bool
	rest []byte // may be the beginning of a PING
}

// clockwork are the commands that are left out.
var clockwork = [][]byte{[]byte("*1\r\n$4\r\nPING\r\n"), []byte("*1\r\n$4\r\nping\r\n")}

const longestClockwork = 14

func (s *sifter) write(b []byte) {
	if s.sum == nil {
		s.sum = sha256.New()
	}
	s.rest = append(s.rest, b...)
	for {
		first, n := -1, 0
		for _, c := range clockwork {
			if i := bytes.Index(s.rest, c); i >= 0 && (first < 0 || i < first) {
				first, n = i, len(c)
			}
		}
		if first < 0 {
			break
		}
		s.take(first)
		s.rest = append(s.rest[:0], s.rest[n:]...)
	}
	if n := len(s.rest) - longestClockwork; n > 0 {
		s.take(n)
	}
}

// take digests n bytes of the rest.
func (s *sifter) take(n int) {
	s.some = s.some || n > 0
	s.sum.Write(s.rest[:n])
	s.rest = append(s.rest[:0], s.rest[n:]...)
}

// digest is that of all that was written, "" of nothing. It ends the sifter.
func (s *sifter) digest() string {
	if s.sum == nil {
		return ""
	}
	if s.take(len(s.rest)); !s.some {
		return ""
	}
	return hex.EncodeToString(s.sum.Sum(nil)[:8])
}
