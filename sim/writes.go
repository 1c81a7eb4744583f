package sim

import "psyncsim/model"

// Writes is a load outside of a run, for whoever plays the same writes on real
// servers: which command is written when, and its bytes. Commands are numbered
// from 0. It is what a run of the same configuration writes.
type Writes struct{ l *load }

// NewWrites is load number i of a configuration.
func NewWrites(c *Config, i int) (*Writes, error) {
	l, err := newLoad(&c.Loads[i], c.horizon(), c.Seed, streamLoad+uint64(i))
	if err != nil {
		return nil, err
	}
	return &Writes{l}, nil
}

// Upto is how many commands are written at or before an instant.
func (w *Writes) Upto(at model.Instant) int64 { return w.l.upto(at) }

// Size is the length of command k on the stream.
func (w *Writes) Size(k int64) int64 { return w.l.size(k) }

// Append appends the bytes of command k.
func (w *Writes) Append(dst []byte, k int64) []byte { return w.l.fill(dst, k) }

// Pieces are the lengths in which a master with blocks feeds command k, if one
// of its arguments is longer than model.BlockRequest; else nil.
func (w *Writes) Pieces(k int64) []int64 {
	if w.l.nextLong(k, k+1) > k {
		return nil
	}
	return w.l.pieces(nil, k)
}
