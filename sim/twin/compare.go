package twin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"psyncsim/model"
)

// Fact is one thing that both sides have, side by side.
type Fact struct {
	What      string  `json:"what"`
	Real      string  `json:"real"`
	Simulated string  `json:"simulated"` // a value, or what seeds gave: a range a..b, or a, b
	Agree     bool    `json:"agree"`
	T         float64 `json:"t"`
}

// fact is one thing of one side: a word or a number.
type fact struct {
	what   string
	word   string
	number int64
	t      float64
}

// account is what an outcome comes to: words that timing must not change
// (the conversation), and facts.
type account struct {
	talk  []string
	facts []fact
	// digests are those of the streams that followed replies, by the name of the
	// fact that counts their bytes.
	digests map[string]string
}

// fields are those of INFO that are compared.
var fields = []string{"role", "master_link_status", "master_replid", "master_replid2", "run_id", "master_repl_offset", "second_repl_offset",
	"repl_backlog_active", "repl_backlog_size", "repl_backlog_first_byte_offset", "repl_backlog_histlen",
	"sync_full", "sync_partial_ok", "sync_partial_err", "slave_repl_offset", "slave_read_repl_offset", "connected_slaves", "replicas_waiting_psync",
	"min_slaves_good_slaves", "master_failover_state"}

// accountOf tells an outcome in words that are the same for both sides.
func accountOf(names []string, o *outcome, psync int) (a account) {
	ids := map[string]string{}
	a.digests = map[string]string{}
	id := func(s string) string {
		switch s {
		case "?":
			return s
		case "", string(model.ZeroID): // INFO's zeros were read as a number
			return "0"
		}
		if ids[s] == "" {
			ids[s] = "id" + strconv.Itoa(len(ids)+1)
		}
		return ids[s]
	}
	num := func(t float64, n int64, format string, v ...any) {
		a.facts = append(a.facts, fact{what: fmt.Sprintf(format, v...), number: n, t: t})
	}
	list := slices.DeleteFunc(slices.Clone(o.exchanges), func(e Exchange) bool { return !e.told() })
	slices.SortStableFunc(list, func(x, y Exchange) int { return cmp.Compare(x.Replica, y.Replica) })
	count, last := 0, -1
	for _, e := range rounds(list) {
		req, rep, decided := words(e.Request), words(e.Reply), e.decided()
		if e.Replica != last {
			count, last = 0, e.Replica
		}
		count++
		what := fmt.Sprintf("%s #%d", names[e.Replica], count)
		if e.last {
			num(e.T, int64(e.left), "%s", rounded(what))
		}
		text := names[e.Replica] + " -> " + names[e.Master] + ": " + req[0]
		if len(req) > 2 {
			text += " " + id(req[1]) + " P"
			p, _ := strconv.ParseInt(req[2], 10, 64)
			num(e.T, p, "%s P", what)
			if len(rep) > 2 {
				off, _ := strconv.ParseInt(rep[2], 10, 64)
				num(e.T, off, "%s FULLRESYNC offset", what)
			}
		}
		if decided {
			text += " -> " + rep[0]
			if len(rep) > 1 {
				text += " " + id(rep[1])
			}
			if e.Reason != "" {
				text += " (" + e.Reason + ")"
			}
		}
		if off, ok := strings.CutPrefix(e.Reply, endOffset); ok && len(rep) > 1 {
			text += " -> " + endOffset + " " + id(rep[1])
			n, _ := strconv.ParseInt(words(off)[0], 10, 64)
			num(e.T, n, "%s end offset", what)
		}
		if e.Gap >= 0 {
			num(e.T, e.Gap, "%s gap_bytes", what)
		}
		if e.Stream >= 0 {
			num(e.T, e.Stream, "%s", what+streamBytes)
		}
		if e.Digest != "" {
			a.digests[what+streamBytes] = e.Digest
		}
		a.talk = append(a.talk, text)
	}
	answers := slices.Clone(o.answers) // of each server, in order
	slices.SortStableFunc(answers, func(x, y string) int { return cmp.Compare(words(x)[0], words(y)[0]) })
	for _, text := range answers {
		a.talk = append(a.talk, "answer: "+text)
	}
	for i, info := range o.infos {
		num(0, o.written[i], "%s commands written", names[i])
		for _, name := range fields {
			j := slices.IndexFunc(info, func(f model.Field) bool { return f.Name == name })
			if j < 0 || name == "run_id" && psync != 1 {
				continue
			}
			f := fact{what: names[i] + "." + name, word: info[j].Text, number: info[j].Number}
			if strings.HasPrefix(name, "master_replid") || name == "run_id" {
				f.word, f.number = id(info[j].Text), 0
			}
			a.facts = append(a.facts, f)
		}
	}
	return a
}

// streamBytes ends the name of the fact that says how many bytes of stream
// followed a reply, before that connection ended.
const streamBytes = " stream bytes"

// digested puts the digest of each real stream beside those that some simulated
// runs with bytes gave: where all of them count the same bytes and give the same
// digest. Elsewhere timing decides what was on the stream when.
func digested(real account, facts []Fact, runs []account) (more []Fact) {
	for _, f := range facts {
		want := real.digests[f.What]
		if want == "" || !f.Agree || f.Real != f.Simulated {
			continue
		}
		var got []string
		for _, r := range runs {
			if d := r.digests[f.What]; !slices.Contains(got, d) {
				got = append(got, d)
			}
		}
		if len(got) == 1 && got[0] != "" {
			more = append(more, Fact{What: strings.TrimSuffix(f.What, streamBytes) + " stream digest", Real: want, Simulated: got[0], Agree: want == got[0], T: f.T})
		}
	}
	return more
}

// compare holds a real account against those of several seeds.
func compare(real account, seeds []account) (facts []Fact) {
	same := slices.DeleteFunc(slices.Clone(seeds), func(a account) bool { return !slices.Equal(a.talk, real.talk) })
	if len(same) == 0 {
		best := slices.MaxFunc(seeds, func(a, b account) int { return cmp.Compare(common(a.talk, real.talk), common(b.talk, real.talk)) })
		for i := range max(len(best.talk), len(real.talk)) {
			r, s := at(real.talk, i), at(best.talk, i)
			facts = append(facts, Fact{What: "request and reply", Real: r, Simulated: s, Agree: r == s})
		}
		same = seeds
	} else {
		for _, t := range real.talk {
			facts = append(facts, Fact{What: "request and reply", Real: t, Simulated: t, Agree: true})
		}
	}
	for _, f := range real.facts {
		facts = append(facts, beside(f, same))
	}
	return facts
}

// beside puts one real fact beside what seeds gave.
func beside(f fact, seeds []account) Fact {
	out := Fact{What: f.what, Real: f.text(), T: f.t}
	var words []string
	lo, hi, n := int64(0), int64(0), 0
	for _, a := range seeds {
		i := slices.IndexFunc(a.facts, func(g fact) bool { return g.what == f.what })
		if i < 0 {
			continue
		}
		g := a.facts[i]
		if g.word != "" {
			if !slices.Contains(words, g.word) {
				words = append(words, g.word)
			}
			continue
		}
		if n == 0 {
			lo, hi = g.number, g.number
		}
		n++
		lo, hi = min(lo, g.number), max(hi, g.number)
	}
	switch {
	case len(words) > 0:
		slices.Sort(words)
		out.Simulated = strings.Join(words, ", ")
		out.Agree = slices.Contains(words, f.text())
	case n == 0:
		out.Simulated = "none"
	case lo == hi:
		out.Simulated = strconv.FormatInt(lo, 10)
		out.Agree = f.word == "" && f.number == lo
	default:
		out.Simulated = fmt.Sprintf("%d..%d", lo, hi)
		out.Agree = f.word == "" && lo <= f.number && f.number <= hi
	}
	return out
}

func (f fact) text() string {
	if f.word != "" {
		return f.word
	}
	return strconv.FormatInt(f.number, 10)
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}

// common is how many entries both begin with, whatever the rest.
func common(a, b []string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
