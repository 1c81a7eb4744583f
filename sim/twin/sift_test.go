package twin

import (
	"strings"
	"testing"
)

// However a stream is cut into pieces, and wherever PINGs stand in it, its digest
// is that of the other commands.
func TestSift(t *testing.T) {
	const ping, set = "*1\r\n$4\r\nping\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
	digest := func(text string, piece int) string {
		var s sifter
		for len(text) > 0 {
			n := min(piece, len(text))
			s.write([]byte(text[:n]))
			text = text[n:]
		}
		return s.digest()
	}
	want := digest(strings.Repeat(set, 5), 1000)
	for _, text := range []string{strings.Repeat(set, 5), ping + strings.Repeat(set, 5), strings.Repeat(set, 5) + ping,
		set + ping + ping + set + set + strings.ToUpper(ping) + set + set, set + set + ping + set + ping + set + set} {
		for piece := 1; piece < 60; piece++ {
			if got := digest(text, piece); got != want {
				t.Errorf("%q in pieces of %d: %s, not %s", text, piece, got, want)
			}
		}
	}
	if digest(ping+ping, 3) != "" || digest("", 1) != "" {
		t.Error("nothing but PINGs has a digest")
	}
	if digest(strings.Repeat(set, 4), 1000) == want || digest(strings.Replace(strings.Repeat(set, 5), "k", "K", 1), 7) == want {
		t.Error("another stream has the same digest")
	}
}
