package outages

import (
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"strings"
	"time"

	"psyncsim/scenarios"
)

// Limits on what is read.
const (
	maxText  = 1 << 20  // bytes of a text
	maxFile  = 64 << 20 // bytes of a file
	maxList  = 1_000_000
	maxTerms = 32
)

// Parse reads a distribution as people state it; see the comment of the
// package. Outages whose kind is not stated are of kind def. Errors are one
// sentence that begins with the place: a character of the text, or FILE:LINE.
func Parse(text string, def Kind) (*Distribution, error) { return parse(text, def, readFile) }

func parse(text string, def Kind, read func(string) ([]byte, error)) (*Distribution, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the text has %d bytes, at most %d are read; put a long list into a file, and give @FILE", len(text), maxText)
	}
	if !slices.Contains(Kinds(), def) {
		return nil, fmt.Errorf("%q is no kind of outage; expected one of %v", shorten(string(def)), Kinds())
	}
	p := &parser{def: def, read: read}
	d := &Distribution{}
	stated, sum := 0, int64(0)
	terms := split(text, " + ", 0)
	if len(terms) > maxTerms {
		return nil, fmt.Errorf("%d terms; at most %d", len(terms), maxTerms)
	}
	var names []string
	for _, t := range terms {
		one, name, weighted, err := p.term(t)
		if err != nil {
			return nil, err
		}
		if weighted {
			stated++
			sum += one.weight
		}
		d.parts, names = append(d.parts, one), append(names, name)
	}
	switch n := len(terms); {
	case stated == 0:
		left := whole
		for i := range d.parts {
			d.parts[i].weight = left / int64(n-i)
			left -= d.parts[i].weight
		}
	case stated != n:
		return nil, piece{text, 0}.fail("%d of %d terms say how many of the outages they are; all must, such as 90%% reset:2s + 10%% zone-cut, or none", stated, n)
	case sum != whole:
		return nil, piece{text, 0}.fail("the terms are %g%% of the outages together; they must be 100%%", float64(sum)/1e7)
	}
	d.text = strings.Join(names, " + ")
	return d, nil
}

// piece is a piece of the text and where it begins, counted from 0.
type piece struct {
	text string
	at   int
}

// fail is an error about a piece.
func (w piece) fail(format string, args ...any) error {
	return fmt.Errorf("at character %d: %q: %w", w.at+1, shorten(w.text), fmt.Errorf(format, args...))
}

// split cuts a text and trims the pieces.
func split(text, sep string, at int) (all []piece) {
	for {
		head, rest, more := strings.Cut(text, sep)
		all = append(all, piece{head, at}.trim())
		if !more {
			return all
		}
		at += len(head) + len(sep)
		text = rest
	}
}

func (w piece) trim() piece {
	t := strings.TrimLeft(w.text, " \t")
	return piece{strings.TrimRight(t, " \t"), w.at + len(w.text) - len(t)}
}

// from is the piece without its first n bytes.
func (w piece) from(n int) piece { return piece{w.text[n:], w.at + n}.trim() }

func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:57], "") + "..."
	}
	return s
}

type parser struct {
	def  Kind
	read func(string) ([]byte, error)
}

// term reads [WEIGHT%] [KIND:]WHAT.
func (p *parser) term(w piece) (one part, name string, weighted bool, err error) {
	one.weight = whole
	if head, _, ok := strings.Cut(w.text, "%"); ok && head != "" && strings.Trim(head, "0123456789. ") == "" {
		if one.weight, err = percent(head); err != nil || one.weight == 0 {
			return one, "", false, piece{head + "%", w.at}.fail("not a share of the outages; expected one above 0%% and at most 100%%")
		}
		name, weighted = strings.TrimSpace(head)+"% ", true
		w = w.from(len(head) + 1)
	}
	kind, stated := p.def, false
	for _, k := range Kinds() {
		if strings.HasPrefix(w.text, string(k)+":") {
			kind, stated = k, true
			w = w.from(len(k) + 1)
		}
	}
	if one.list, one.table, one.kind, err = p.what(w, kind, stated); err != nil {
		return one, "", false, err
	}
	if preset := named(w.text); preset == nil && (w.text == "" || w.text[0] != '@') || stated {
		name += string(kind) + ":"
	}
	return one, name + w.text, weighted, nil
}

// percent reads a share in percent as parts per billion: at most 100, exact.
func percent(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if r, ok := new(big.Rat).SetString(s); ok && len(s) <= 20 && strings.Trim(s, "0123456789.") == "" {
		r.Mul(r, big.NewRat(whole/100, 1))
		if r.IsInt() && r.Sign() >= 0 && r.Cmp(big.NewRat(whole, 1)) <= 0 {
			return r.Num().Int64(), nil
		}
	}
	return 0, fmt.Errorf("%q is no share in percent from 0 to 100, with at most seven decimals", shorten(s))
}

const want = "expected a duration (30s), a list (1s,2s,45s), quantiles (p50=2s,p99=45s), a file (@outages.csv), a preset or a distribution"

// what reads a distribution without weight and kind.
func (p *parser) what(w piece, kind Kind, stated bool) ([]Outage, *table, Kind, error) {
	switch {
	case w.text == "":
		return nil, nil, "", fmt.Errorf("at character %d: an outage is missing; %s", w.at+1, want)
	case w.text[0] == '@':
		list, err := p.file(w.text[1:], kind, stated)
		return list, nil, kind, err
	case strings.HasSuffix(w.text, ")"):
		t, err := distribution(w)
		return nil, t, kind, err
	case strings.Contains(w.text, "="):
		t, err := quantiles(w)
		return nil, t, kind, err
	case w.text[0] >= '0' && w.text[0] <= '9' || strings.ContainsAny(w.text[:1], "-.,"):
		list, err := durations(w, kind)
		return list, nil, kind, err
	}
	preset := named(w.text)
	if preset == nil {
		return nil, nil, "", unknown(w)
	}
	if !stated {
		kind = preset.Kind
	}
	t, err := quantiles(piece{preset.Durations, 0})
	return nil, t, kind, err
}

// unknown says what a word might have meant.
func unknown(w piece) error {
	if _, err := os.Stat(w.text); err == nil && len(w.text) < 4096 {
		return w.fail("write @%s to read that file", shorten(w.text))
	}
	name, _, _ := strings.Cut(w.text, ":")
	if name != w.text && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == "" {
		return w.fail("%s is no kind of outage; expected one of %s", shorten(name), kindNames())
	}
	return w.fail("unknown; %s: %s; %s", want, strings.Join(presetNames(), ", "), strings.Join(distributionNames(), ", "))
}

// durations reads a list with commas.
func durations(w piece, kind Kind) (all []Outage, err error) {
	for _, one := range split(w.text, ",", w.at) {
		t, err := duration(one)
		if err != nil {
			return nil, err
		}
		all = append(all, Outage{t, kind})
	}
	return sorted(all), nil
}

// duration reads one that is longer than nothing.
func duration(w piece) (time.Duration, error) {
	t, err := scenarios.ParseDuration(w.text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("at character %d: %w", w.at+1, err)
	case t <= 0:
		return 0, w.fail("an outage lasts longer than nothing; expected a duration such as 250ms, 5s or 2h")
	}
	return t, nil
}

func readFile(name string) ([]byte, error) {
	st, err := os.Stat(name)
	var p *fs.PathError
	switch {
	case errors.As(err, &p):
		return nil, fmt.Errorf("%s: %w", name, p.Err)
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a file of durations", name)
	case st.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", name, st.Size(), maxFile)
	}
	return os.ReadFile(name)
}
