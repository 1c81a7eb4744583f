package measured

import (
	"strings"

	"psyncsim/model"
)

// ids says which recorded id (id1, id2, … in the order in which they appeared
// in the recording; id0 is forty zeros) is which simulated one. The recorder
// numbers an id when it first writes it down: in a line, in a request, in
// INFO's master_replid, master_replid2 and, before 4.0, run_id. Ids that
// nothing shows have no number. Each recorded id must stay one simulated id and
// the other way round.
type ids struct {
	of   map[string]string // recorded: simulated
	name map[string]string // the other way round
}

func newIDs() *ids {
	zero := string(model.ZeroID)
	return &ids{of: map[string]string{"id0": zero}, name: map[string]string{zero: "id0"}}
}

func (t *ids) clone() *ids {
	u := newIDs()
	for k, v := range t.of {
		u.bind(k, v)
	}
	return u
}

func (t *ids) bind(recorded, simulated string) {
	t.of[recorded], t.name[simulated] = simulated, recorded
}

// isToken says whether a word is a recorded id.
func isToken(word string) bool {
	rest, ok := strings.CutPrefix(word, "id")
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}

// isID says whether a word is an id as servers write it.
func isID(word string) bool {
	return len(word) == len(model.ZeroID) && strings.Trim(word, "0123456789abcdef") == ""
}

// same compares one word, and learns from it.
func (t *ids) same(recorded, simulated string) bool {
	if !isToken(recorded) || !isID(simulated) {
		return recorded == simulated
	}
	sim, known := t.of[recorded]
	_, taken := t.name[simulated]
	if !known && !taken {
		t.bind(recorded, simulated)
		return true
	}
	return sim == simulated
}

// sameLine compares a line word by word.
func (t *ids) sameLine(recorded, simulated string) bool {
	r, s := strings.Split(recorded, " "), strings.Split(simulated, " ")
	if len(r) != len(s) {
		return false
	}
	for i := range r {
		if !t.same(r[i], s[i]) {
			return false
		}
	}
	return true
}

// show writes a simulated line as the recorder would have.
func (t *ids) show(simulated string) string {
	words := strings.Split(simulated, " ")
	for i, w := range words {
		if isID(w) {
			if name, ok := t.name[w]; ok {
				words[i] = name
			} else {
				words[i] = "id?"
			}
		}
	}
	return strings.Join(words, " ")
}
