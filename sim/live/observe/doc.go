// Package observe samples the load of a running master: it asks for INFO once
// a second and writes a row for each answer.
//
// All it ever sends is AUTH (within HELLO where the server knows that), INFO,
// and to find a master: SENTINEL GET-MASTER-ADDR-BY-NAME to Sentinels, CLUSTER
// SLOTS to nodes of a cluster. Never a PSYNC, never a write. An ACL user needs
// +info, with a cluster +cluster|slots too.
//
// The file is an info.csv: the columns unix_ms and master_repl_offset, others
// by INFO's names, and gap. Each row is one write, so the file is whole at
// every moment. A row after a time without answers says in gap what happened;
// a restart shows in run_id and master_replid.
package observe
