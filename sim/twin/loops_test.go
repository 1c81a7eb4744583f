package twin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRounds(t *testing.T) {
	x := func(request, reply string) Exchange { return Exchange{Request: request, Reply: reply} }
	again := func(n int, e Exchange) (list []Exchange) {
		for i := range n {
			e.Request = strings.Replace(e.Request, "N", fmt.Sprint(i), 1)
			list = append(list, e)
		}
		return list
	}
	first, full := x("PSYNC ? -1", "+FULLRESYNC a 7"), x("PSYNC a N", "+FULLRESYNC a 8")
	for _, c := range []struct {
		what string
		list []Exchange
		left []int
	}{
		{"nothing", nil, nil},
		{"no loop", []Exchange{first, full, first}, []int{0, 0, 0}},
		{"as many as are kept, and the last", append([]Exchange{first}, again(keptRounds+1, full)...), []int{0, 0, 0, 0, 0}},
		{"one more", append([]Exchange{first}, again(keptRounds+2, full)...), []int{0, 0, 0, 0, 1}},
		{"many", append(again(500, full), first), []int{0, 0, 0, 500 - keptRounds - 1, 0}},
		{"two loops", append(again(9, full), again(9, x("SYNC", ""))...), []int{0, 0, 0, 5, 0, 0, 0, 5}},
		{"another reason", append(again(9, full), Exchange{Request: full.Request, Reply: full.Reply, Reason: "other"}), []int{0, 0, 0, 5, 0}},
		{"another id", append(again(9, full), x("PSYNC b 9", "+FULLRESYNC a 8")), []int{0, 0, 0, 5, 0}},
		{"another replica", append(again(9, full), Exchange{Replica: 1, Request: full.Request, Reply: full.Reply}), []int{0, 0, 0, 5, 0}},
	} {
		var left []int
		for _, r := range rounds(c.list) {
			left = append(left, r.left)
		}
		if !slices.Equal(left, c.left) {
			t.Errorf("%s: %v, want %v", c.what, left, c.left)
		}
	}
}

// The number of rounds decides nothing that is told in words, but it is compared.
func TestLoopsAreCounted(t *testing.T) {
	loop := func(n int) account {
		o := &outcome{infos: nil}
		for i := range n {
			o.exchanges = append(o.exchanges, Exchange{Master: 1, Request: fmt.Sprint("PSYNC a ", i), Reply: "+CONTINUE a", Gap: -1, Stream: -1})
		}
		return accountOf([]string{"r", "m"}, o, 2)
	}
	real, seeds := loop(100), []account{loop(50), loop(200)}
	agrees := func(real account) bool {
		return !slices.ContainsFunc(compare(real, seeds), func(f Fact) bool { return !f.Agree && strings.Contains(f.What, "rounds") })
	}
	if !slices.Equal(real.talk, seeds[0].talk) || !agrees(real) {
		t.Error("a hundred rounds do not agree with 50 to 200")
	}
	if agrees(loop(300)) {
		t.Error("300 rounds agree with 50 to 200")
	}
	if slices.Equal(loop(keptRounds+1).talk, loop(keptRounds).talk) {
		t.Error("a few rounds are not told one by one")
	}
}
