// Package twin plays one scenario twice, on real servers and in simulation, and
// compares what both decided.
//
// # How
//
// The real run comes first. Servers start on loopback in folders of their own;
// between each replica and each server it may follow stands a proxy of package
// live, which plays the faults of the link and hears what is said. A client
// writes the very commands of the load, as many by each instant as the load
// says; before a fault it waits until they are executed and followed. Whatever
// is done to the servers is written down with the two instants between which it
// took effect.
//
// The simulation is then told to do the same things, in the same order, each at
// an instant that the seed draws from between its two. What is decided is the
// model's own affair: when replicas dial, what they ask, what is answered, what
// the history holds. So a difference is one of protocol, and not one of how fast
// a shell starts a process. Where timing decides, seeds differ; a real number
// must then lie between the least and the greatest of the simulated ones, and
// that range is printed.
//
// A silence that ends is the one place where the proxy chooses: of a connection that one
// end has closed meanwhile a network may still deliver all, some or nothing. The proxy
// delivers nothing and breaks it, and so does the simulation here (World.BreakGone).
//
// What the machine does to the servers is measured with a timer beside them, and never
// explains a difference where it was more than mostHeld or mostAtOnce (lateness.bearable); a try under more is void.
// The simulations run on one thread that gives way to the servers.
//
// # What is not played
//
// Latency and bandwidth of the scenario's links (it is loopback), dataset, save
// and load rates (the servers start empty).
package twin
