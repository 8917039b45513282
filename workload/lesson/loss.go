package lesson

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"flushbench/workload"
)

// loss names what a crash has taken from a bank.
type loss struct {
	transfers []transfer // the oldest acknowledgement first; never empty
	accounts  []account  // those that differ, the largest difference first
}

// transfer is an acknowledged transaction that is gone.
type transfer struct {
	client   int
	seq      uint64 // 1 and up, of the client's transactions
	from, to uint64 // accounts
	amount   int64
	at       int64 // when it was acknowledged, clock.Now; 0: not known any more
}

// words says what it was, and how long before the moment crash it was acknowledged.
func (x *transfer) words(crash int64) string {
	told := "told committed"
	if x.at != 0 {
		told += " " + seconds(time.Duration(crash-x.at)) + " before the crash"
	}
	return fmt.Sprintf("client %d, transfer %d: %d from account %d to account %d, %s", x.client, x.seq, x.amount, x.from, x.to, told)
}

// account is a row whose balance is not what its clients were told.
type account struct {
	key       uint64
	told, has int64
}

// lossOf names what a has lost. REQUIRES: the subject is a bank, something is lost,
// and there was no violation.
func lossOf(a *aftermath) (*loss, error) {
	if a.Books == nil {
		return nil, errors.New("lesson: what is there is not known: the judge has no books")
	}
	g, err := a.Subject.Generator()
	if err != nil {
		return nil, err
	}
	l := &loss{}
	off := map[uint64]int64{} // by account: what the lost transfers would have added
	for client := range a.State.Clients {
		txn := g.NewTxn(uint32(client))
		for seq := a.Books.Seqs[client] + 1; seq <= a.acked(client); seq++ {
			if !g.Commits(uint32(client), seq-1) {
				continue
			}
			g.Next(uint32(client), seq-1, txn)
			x := transfer{client: client, seq: seq}
			if ack, ok := a.State.Clients[client].At(seq); ok {
				x.at = ack.At
			}
			x.read(txn, g.Spec().Rows)
			off[x.from] -= x.amount
			off[x.to] += x.amount
			l.transfers = append(l.transfers, x)
		}
	}
	if len(l.transfers) == 0 {
		return nil, errors.New("lesson: the judge counts losses, and no transfer is missing")
	}
	slices.SortStableFunc(l.transfers, func(a, b transfer) int { return cmp.Compare(a.at, b.at) })
	return l, l.balances(a, g, off)
}

// read takes the transfer from the operations of its transaction.
func (x *transfer) read(txn *workload.Txn, accounts uint64) {
	for i := range txn.Ops {
		op := &txn.Ops[i]
		switch {
		case op.Kind != workload.OpUpdateK || op.Key >= accounts: // a note
		case op.Delta < 0:
			x.from, x.amount = op.Key, -op.Delta
		default:
			x.to = op.Key
		}
	}
}

// balances fills in the accounts: what they have, by the transfers that are there,
// which the judge has held against the rows, and what the clients were told.
func (l *loss) balances(a *aftermath, g *workload.Generator, off map[uint64]int64) error {
	has := make([]int64, g.Spec().Rows)
	for key := range has {
		has[key], _ = g.Row(uint64(key))
	}
	for client, seqs := range a.Books.Seqs {
		txn := g.NewTxn(uint32(client))
		for n := range seqs {
			g.Next(uint32(client), n, txn)
			if txn.Rollback {
				continue
			}
			for i := range txn.Ops {
				if op := &txn.Ops[i]; op.Kind == workload.OpUpdateK && op.Key < uint64(len(has)) {
					has[op.Key] += op.Delta
				}
			}
		}
	}
	for key, delta := range off {
		if delta != 0 {
			l.accounts = append(l.accounts, account{key: key, told: has[key] + delta, has: has[key]})
		}
	}
	slices.SortFunc(l.accounts, func(a, b account) int {
		return cmp.Or(cmp.Compare(abs(b.told-b.has), abs(a.told-a.has)), cmp.Compare(a.key, b.key))
	})
	return nil
}

func abs(n int64) int64 { return max(n, -n) }
