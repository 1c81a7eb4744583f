// Package outages reads how long outages last and of which kind they are, as
// people state it, and draws from it:
//
//	30s                                  always the same
//	1s,2s,45s                            each as likely as the others
//	@outages.csv                         the same from a file: one a line, or CSV
//	p50=2s,p99=45s                       quantiles; min and max are p0 and p100
//	lognormal(median=5s,sigma=1.2)       a distribution of gonum's, by name
//	pod-restart                          a preset; see [Presets]
//	silent:30s                           of a stated kind: reset, silent, restart, crash,
//	                                     failover, switchover, replica-restart; see [Kind]
//	90% reset:2s + 10% zone-cut          a mixture
//
// Between two stated quantiles the logarithm of the duration is linear in the
// normal score of the share, and beyond the first and the last the line goes
// on: two quantiles state a log-normal distribution. Where p0 or p100 is
// stated the duration is linear in the share up to it, and none is beyond.
//
// Draws are whole-number arithmetic on a table, the same on every machine. A
// table has the quantiles of 4,096 equal shares, and of 4,096 more of the last
// share, up to one outage in 33 million: the longest that is ever drawn. Its
// entries are rounded to four significant digits, and never below 1 µs. The
// functions of math differ in their last bits from CPU to CPU; rounded, a
// table differs only if one of its values lies that close to a border, which
// is one table in millions. Stated durations and lists are not rounded.
package outages
