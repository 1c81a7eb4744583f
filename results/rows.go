package results

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rows writes one CSV file, quoting as RFC 4180 has it, lines ended by \n. A sweep
// has millions of them, so nothing is made for a row but its bytes.
type rows struct {
	w    io.Writer // nil keeps them in line
	l    layout
	line []byte // rows that are not written yet
	of   Meta   // whose cells are in point
	// point is the cells of a point, with the commas behind them: they are the same
	// for all its seeds.
	point []byte
	err   error
}

// rowsBlock is how many bytes are written at once.
const rowsBlock = 1 << 16

func newRows(w io.Writer, l layout) rows { return rows{w: w, l: l} }

func (r *rows) begin(first string, columns []string) error {
	for i, c := range append(append([]string{first}, r.l.columns...), columns...) {
		if i > 0 {
			r.line = append(r.line, ',')
		}
		r.text(c)
	}
	return r.end()
}

// end ends a row.
func (r *rows) end() error {
	r.line = append(r.line, '\n')
	if len(r.line) >= rowsBlock && r.w != nil {
		return r.flush()
	}
	return r.err
}

// flush writes all rows.
func (r *rows) flush() error {
	if r.err == nil && len(r.line) > 0 {
		_, r.err = r.w.Write(r.line)
	}
	r.line = r.line[:0]
	return r.err
}

// text adds a cell, quoted if need be: as encoding/csv does it.
func (r *rows) text(s string) { r.line = appendQuoted(r.line, s) }

func appendQuoted(b []byte, s string) []byte {
	if !needsQuotes(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := strings.IndexByte(s, '"'); i >= 0; i = strings.IndexByte(s, '"') {
		b = append(append(b, s[:i]...), `""`...)
		s = s[i+1:]
	}
	return append(append(b, s...), '"')
}

func needsQuotes(s string) bool {
	if s == "" {
		return false
	}
	if s == `\.` {
		return true
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\n' || c == '\r' || c == '"' || c == ',' {
			return true
		}
	}
	first, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(first)
}

// key starts a row with the run's place, point and seed.
func (r *rows) key(m *Meta) {
	r.line = append(strconv.AppendInt(r.line, int64(m.Index), 10), ',')
	if len(r.point) == 0 || !r.of.samePoint(m) {
		r.of, r.point = *m, r.point[:0]
		for i := range r.l.columns {
			r.point = append(r.l.appendCell(r.point, m, i), ',')
		}
	}
	r.line = strconv.AppendUint(append(r.line, r.point...), m.Seed, 10)
}

// samePoint says whether two runs are known to be of one point: by where their
// values are, for they are compared for every row.
func (m *Meta) samePoint(o *Meta) bool {
	return len(m.Point) == len(o.Point) && (len(m.Point) == 0 || &m.Point[0] == &o.Point[0]) && m.Backlog == o.Backlog &&
		m.WriteRate == o.WriteRate && m.Outage == o.Outage && m.Fault == o.Fault && m.Version == o.Version
}

// appendCell writes the value for a column; an absent word is an empty cell.
func (l *layout) appendCell(b []byte, m *Meta, i int) []byte {
	v := l.value(m, i)
	switch {
	case v.Text != "":
		return appendQuoted(b, v.Text)
	case l.base[i] >= 3:
		return b
	}
	return appendValue(b, v, 0)
}

func (r *rows) num(ns ...int64) {
	for _, n := range ns {
		r.line = strconv.AppendInt(append(r.line, ','), n, 10)
	}
}

func (r *rows) seconds(ns int64) { r.line = appendSeconds(append(r.line, ','), ns, 0) }

func (r *rows) words(texts ...string) {
	for _, s := range texts {
		r.line = append(r.line, ',')
		r.text(s)
	}
}

func (r *rows) run(n *Row) error {
	r.key(&n.Meta)
	r.num(n.Reconnects, n.Fulls, n.Partials, n.GapMax)
	r.num(n.Reasons[:]...)
	r.seconds(n.DownMax)
	r.num(n.SyncFull, n.SyncPartialOK, n.SyncPartialNo)
	r.words(n.Fingerprint, strings.Join(n.Warnings, "; "))
	return r.end()
}

func (r *rows) resync(m *Meta, v *Resync) error {
	r.key(m)
	first := int64(0)
	if v.First {
		first = 1
	}
	r.seconds(v.T)
	r.words(v.Replica, v.Master, v.Request, v.Reply, v.Kind, v.Reason)
	r.num(v.Gap)
	r.seconds(v.Down)
	r.seconds(v.Silence)
	r.num(first)
	return r.end()
}
