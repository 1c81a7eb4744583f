package twin

import (
	"strconv"
	"strings"
)

// A replica that is cut off as soon as it is accepted comes back at once, and is
// cut off again. How often in a second is a matter of the machine: of such a loop
// the first rounds and the last one are compared, and the number of rounds as any
// number that timing decides.

// keptRounds is how many rounds stay at the beginning of a loop.
const keptRounds = 3

// round is an exchange that is told.
type round struct {
	Exchange
	last bool // of a loop; so many rounds were
	left int  // left out before it
}

// rounds leaves out the middle of loops. list has each replica's exchanges in order.
func rounds(list []Exchange) (out []round) {
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && sameAgain(&list[i], &list[i+n]) {
			n++
		}
		for j := range n {
			switch {
			case j < keptRounds:
				out = append(out, round{Exchange: list[i+j]})
			case j == n-1:
				out = append(out, round{list[i+j], true, n - keptRounds - 1})
			}
		}
		i += n
	}
	return out
}

// sameAgain says that two exchanges are told in the same words.
func sameAgain(a, b *Exchange) bool {
	return a.Replica == b.Replica && a.Master == b.Master && a.Reason == b.Reason &&
		sameWords(a.Request, b.Request, 2) && sameWords(a.Reply, b.Reply, 2)
}

// sameWords compares the first n words: the rest are offsets.
func sameWords(a, b string, n int) bool {
	x, y := words(a), words(b)
	for i := range n {
		if at(x, i) != at(y, i) {
			return false
		}
	}
	return true
}

// decided says that an exchange was answered with a way to go on.
func (e *Exchange) decided() bool {
	rep := words(e.Reply)
	return len(rep) > 0 && (fullReply(rep[0]) || rep[0] == "+CONTINUE")
}

// told says that an exchange is compared: one that was refused for now, or not
// answered, is not; how often is a matter of when.
func (e *Exchange) told() bool {
	req := words(e.Request)
	return e.decided() || len(req) > 0 && strings.ToUpper(req[0]) == "SYNC"
}

// rounded is the name of the fact that says how many rounds were left out.
func rounded(what string) string {
	return what + " rounds of the loop before it, beside " + strconv.Itoa(keptRounds)
}
