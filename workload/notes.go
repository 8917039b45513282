package workload

// TableRows is how many rows the table has before the first transaction: Rows,
// and the notes of Spec.Notes.
func (g *Generator) TableRows() uint64 {
	if g.spec.Notes {
		return g.spec.Rows + g.clients
	}
	return g.spec.Rows
}

// NoteKey is the row whose k is the number of the client's transactions up to
// the last one that committed a change: 1 after the 0th. REQUIRES: Spec.Notes.
func (g *Generator) NoteKey(client uint32) uint64 { return g.spec.Rows + uint64(client) }

// Commits reports whether the n-th transaction of a client commits a change:
// not if it only reads, and not if it asks for a rollback.
func (g *Generator) Commits(client uint32, n uint64) bool {
	r := g.draws(client, n)
	reads, rollback := g.fate(&r)
	return !reads && !rollback
}

// Noted returns what the client's note says after n transactions: n, less those
// at the end that commit no change.
func (g *Generator) Noted(client uint32, n uint64) uint64 {
	if g.spec.ReadShare == 0 && g.spec.RollbackShare == 0 {
		return n
	}
	for n > 0 && !g.Commits(client, n-1) {
		n--
	}
	return n
}

// note adds the statement that brings the client's note up to date. Adding, as
// the statements do, is enough: what the note says before is known.
func (g *Generator) note(r *draws, client uint32, n uint64, t *Txn) {
	if g.spec.Notes {
		g.add(r, t, Op{Kind: OpUpdateK, Key: g.NoteKey(client), Delta: int64(n + 1 - g.Noted(client, n))})
	}
}

// isNote reports whether a row is a client's note.
func (g *Generator) isNote(key uint64) bool {
	return g.spec.Notes && key >= g.spec.Rows && key-g.spec.Rows < g.clients
}
