package results

import (
	"bufio"
	"crypto/sha256"
	"hash"
	"io"
	"strconv"
)

// JSON writes the one document of --json, run by run: Begin, Add for each run
// in the order of the sweep, End. The fingerprint stands behind the runs it is
// of, so that none has to be kept.
type JSON struct {
	w       *bufio.Writer
	all     hash.Hash
	buf     []byte
	runs    int
	planned int
}

// NewJSON begins a document.
func NewJSON(w io.Writer, h Header) *JSON {
	j := &JSON{w: bufio.NewWriterSize(w, 1<<16), all: sha256.New(), planned: h.Planned}
	b := append(j.buf, "{ \"scenario\": "...)
	b = append(appendString(b, h.Scenario), ", \"question\": "...)
	b = append(appendString(b, h.Question), ", \"version\": "...)
	b = append(appendString(b, h.Version), ",\n  \"runs\": ["...)
	j.buf = b
	j.w.Write(b)
	return j
}

// Add writes one run.
func (j *JSON) Add(r *Run) error {
	j.buf = appendJSONRun(append(j.buf[:0], ','), r)
	io.WriteString(j.all, r.Fingerprint+"\n")
	return j.add(j.buf, 1)
}

// AddBlock writes the runs of a block that was made for it.
func (j *JSON) AddBlock(b *Block) error {
	j.all.Write(b.prints)
	return j.add(b.json, b.Len())
}

// add writes runs with a comma before each, the very first one's left out.
func (j *JSON) add(text []byte, runs int) error {
	if j.runs == 0 && runs > 0 {
		text = text[1:]
	}
	j.runs += runs
	_, err := j.w.Write(text)
	return err
}

// appendJSONRun writes a run as it stands in the document.
func appendJSONRun(b []byte, r *Run) []byte {
	b = append(b, "\n    { \"point\": "...)
	b = append(appendPoint(b, r.Point), ", \"seed\": "...)
	b = append(strconv.AppendUint(b, r.Seed, 10), ", \"fingerprint\": "...)
	b = append(appendString(b, r.Fingerprint), ",\n      \"servers\": {"...)
	for i, n := range r.Infos {
		b = comma(b, i, "\n          ")
		b = append(appendString(b, n.Name), ": {"...)
		for k, f := range n.Fields() {
			b = comma(b, k, " ")
			b = append(appendString(b, f.Name), ": "...)
			if f.Text != "" {
				b = appendString(b, f.Text)
			} else {
				b = strconv.AppendInt(b, f.Number, 10)
			}
		}
		b = append(b, " }"...)
	}
	b = append(b, " },\n      \"resyncs\": ["...)
	for i := range r.Resyncs {
		b = comma(b, i, "\n          ")
		b = r.Resyncs[i].appendJSON(b)
	}
	b = append(b, " ],\n      \"warnings\": ["...)
	for i, n := range r.Warnings {
		b = comma(b, i, "")
		b = appendString(b, n)
	}
	return append(b, "] }"...)
}

func (v *Resync) appendJSON(b []byte) []byte {
	str := func(name, s string) {
		b = append(append(append(b, ", \""...), name...), "\": "...)
		b = appendString(b, s)
	}
	sec := func(name string, ns int64) {
		b = append(append(append(b, ", \""...), name...), "\": "...)
		b = appendSeconds(b, ns, 1)
	}
	b = append(b, "{ \"t\": "...)
	b = appendSeconds(b, v.T, 1)
	str("replica", v.Replica)
	str("master", v.Master)
	str("request", v.Request)
	str("reply", v.Reply)
	str("kind", v.Kind)
	str("reason", v.Reason)
	b = strconv.AppendInt(append(b, ", \"gap_bytes\": "...), v.Gap, 10)
	sec("down_s", v.Down)
	sec("silence_s", v.Silence)
	b = strconv.AppendBool(append(b, ", \"first\": "...), v.First)
	return append(b, " }"...)
}

func comma(b []byte, i int, gap string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	if gap == "" && i > 0 {
		gap = " "
	}
	return append(b, gap...)
}

// End closes the document; after an interruption too, which "complete" then
// tells.
func (j *JSON) End() error {
	b := append(j.buf[:0], " ],\n  \"fingerprint\": "...)
	b = append(appendString(b, shorten(j.all, nil)), ", \"complete\": "...)
	b = strconv.AppendBool(b, j.runs >= j.planned)
	j.w.Write(append(b, " }\n"...))
	return j.w.Flush()
}
