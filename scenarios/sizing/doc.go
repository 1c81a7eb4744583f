// Package sizing makes the runs from which a size is read: one outage each, of
// one replica, with the user's version, settings, load and link.
//
// A [Spec] becomes the embedded scenario "outage" with fields set, so whatever
// is simulated here is also what "psyncsim run outage --set …" plays;
// [Plan.Replay] gives those sets. Outage number i is the same, at the same
// moment of the same load, whatever the settings are (common random numbers):
// two settings differ by what they do, not by luck.
//
// Virtual time: the first synchronization, without any load, from 0 to
// [Plan.Begin]; the load from there; the outage 2 to 3 s later, at a moment
// drawn anew for each outage, as are the phases of timers and bursts.
// A captured load begins at a place of the capture that is drawn too, and goes
// on from its beginning behind its end.
//
// What makes one full: a resynchronization is full where the history is too short
// (repl-backlog-size), freed (repl-backlog-ttl) or another one (identity), and where the replica
// is closed before it has what it missed (an output buffer's hard limit, up to 6.2). Full
// ones never end where their output buffer is closed each time (hard or soft limit), or the link is slower than
// the load. repl-diskless-sync-delay is in none of them: it begins when a resynchronization is full already.
// A link of formulas takes what it is given, and sends it as fast as it can, so a soft limit closes no
// replica there that is sent what it missed over a slow link. A real one may; the replica then asks for the rest,
// which is less, and goes on.
package sizing
