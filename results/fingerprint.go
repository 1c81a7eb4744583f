package results

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Fingerprint is a watcher that hashes the trace: every record's line of text
// but the samples', which depend on how closely somebody wants to look.
type Fingerprint struct {
	h   hash.Hash
	buf []byte // lines not yet hashed
	sum [sha256.Size]byte
}

// fingerprintBlock is how many bytes of text are hashed at once.
const fingerprintBlock = 1 << 13

// NewFingerprint makes the watcher.
func NewFingerprint() *Fingerprint {
	return &Fingerprint{h: sha256.New(), buf: make([]byte, 0, fingerprintBlock+1<<10)}
}

// Reset forgets what was seen.
func (f *Fingerprint) Reset() { f.h.Reset(); f.buf = f.buf[:0] }

// Observe adds one record.
func (f *Fingerprint) Observe(r *trace.Record) {
	if r.Event.Kind == trace.Sampled || r.Event.Kind == trace.Asked {
		return
	}
	f.line(r)
	if len(f.buf) >= fingerprintBlock {
		f.h.Write(f.buf)
		f.buf = f.buf[:0]
	}
}

func (f *Fingerprint) line(r *trace.Record) { f.buf = append(r.AppendText(f.buf), '\n') }

// Sum is the fingerprint so far: 32 hexadecimal characters.
func (f *Fingerprint) Sum() string {
	f.h.Write(f.buf)
	f.buf = f.buf[:0]
	return shorten(f.h, f.sum[:0])
}

// shorten is what we show of a hash; into is memory for the whole of it.
func shorten(h hash.Hash, into []byte) string {
	var text [32]byte
	hex.Encode(text[:], h.Sum(into)[:16])
	return string(text[:])
}

// reasons lists why a resynchronization can be full, in the order of the
// columns; what is none of them is counted as "other", last.
var reasons = [...]model.Why{
	model.WhyFirstSync, model.WhyIDMismatch, model.WhySecondOffset, model.WhyBacklogAbsent,
	model.WhyBelowBacklog, model.WhyAheadOfMaster, model.WhyBadOffset, model.WhyNoPSYNC,
}
