// Package samples reads what people have about the load and the settings of a
// master: samples of INFO, an info.csv, the answer of a Prometheus range query,
// a redis.conf, the output of CONFIG GET.
//
// [Read] and [Parse] tell the kinds apart by their content. The result is a [Set]:
// one load curve (what the master wrote, by master_repl_offset), the settings
// with the place where each was read, and the traps: what is true of these
// samples and would lead to a wrong size if nobody said it. A trap is a
// sentence, not an error. What cannot be read is an error of one sentence that
// begins with its place, FILE:LINE.
//
// The curve counts bytes of the stream, as master_repl_offset does: PINGs and
// SELECTs are part of it. Where the offset began anew (a restart) the curve
// goes on from where it was: what was written between the two samples is not
// known, and the mean rate of all others is taken for it.
package samples
