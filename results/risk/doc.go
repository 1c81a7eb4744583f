// Package risk turns simulated outages into a recommendation for
// repl-backlog-size: what share of outages ends in a full resynchronization at
// any size, how sure that is, and which size keeps a promise.
//
// An [Outage] says how large a backlog it needed. Of many, sorted, one [Curve]
// is made: the share of full resynchronizations against size, for all sizes
// from one set of runs. The number of outages that a size leaves over is
// binomial, so its share has the exact interval of Clopper and Pearson; and the
// size itself is an order statistic, chosen so that the lower end of that
// interval reaches the target. Where there are too few outages for that,
// [Curve.Recommend] refuses and says how many it takes.
//
// Nothing here knows how an outage plays out. That was simulated.
package risk
