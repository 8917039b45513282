package undo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"flushbench/engine/table"
	"flushbench/engine/trx"
	"flushbench/engine/yield/seeds"
)

// bank is a table of accounts. Money moves, accounts are closed (deleted) and
// opened (inserted) again; the total never changes.
type bank struct {
	r     *rig
	locks []sync.Mutex // row locks, taken in ascending order
	total int64
}

const accounts = 12

func newBank(t *testing.T, o Options) *bank {
	b := &bank{r: newRig(t, o), locks: make([]sync.Mutex, accounts), total: 100 * accounts / 2}
	x := b.r.begin(RepeatableRead)
	for key := range uint64(accounts / 2) {
		must(t, x.Insert(b.r.rowOf(key, 100, 0)))
	}
	_, err := x.Commit()
	must(t, err)
	return b
}

// transfer moves all or a part of an account's money to another one.
func (b *bank) transfer(x *Txn, rng *rand.Rand) error {
	keys := []uint64{rng.Uint64N(accounts), rng.Uint64N(accounts)}
	if keys[0] == keys[1] {
		return nil
	}
	ordered := slices.Clone(keys)
	slices.Sort(ordered)
	for _, key := range ordered {
		b.locks[key].Lock()
		defer b.locks[key].Unlock() // after commit or rollback
	}
	if err := b.r.s.Begin(x, RepeatableRead); err != nil {
		return err
	}
	var from, to table.Row
	there, err := x.ReadLatest(keys[0], &from)
	if err != nil {
		return err
	}
	if there {
		if err := b.move(x, rng, from, keys[1], &to); err != nil {
			return err
		}
	}
	switch rng.IntN(5) {
	case 0:
		_, err = x.Rollback()
		return err
	case 1:
		if _, err := x.Prepare(7); err != nil {
			return err
		}
	}
	_, err = x.Commit()
	return err
}

func (b *bank) move(x *Txn, rng *rand.Rand, from table.Row, key uint64, to *table.Row) error {
	amount := rng.Int64N(from.K + 1)
	var err error
	if rng.IntN(3) == 0 {
		amount = from.K
		_, err = x.Delete(from.Key, nil)
	} else {
		_, _, err = x.Update(b.r.rowOf(from.Key, from.K-amount, byte(rng.Uint32())), nil)
	}
	if err != nil {
		return err
	}
	there, err := x.ReadLatest(key, to)
	if err != nil {
		return err
	}
	row := b.r.rowOf(key, amount, byte(rng.Uint32()))
	if !there {
		return x.Insert(row)
	}
	row.K += to.K
	_, _, err = x.Update(row, nil)
	return err
}

// sum reads all accounts in one view.
func (b *bank) sum(x *Txn) error {
	var row table.Row
	total := int64(0)
	for key := range uint64(accounts) {
		found, err := x.Read(key, &row)
		if err != nil {
			return err
		}
		if s := show(&row, found); found && s != fmt.Sprintf("%d:%d", row.K, row.C[0]) {
			return errors.New(s)
		}
		if found {
			total += row.K
		}
	}
	if total != b.total {
		return fmt.Errorf("a view sees a total of %d; want %d", total, b.total)
	}
	return nil
}

// Every repeatable-read snapshot has the same total, first and last time it is
// read, while money moves and purge runs as hard as it can; and purge follows the
// numbers.
func TestBank(t *testing.T) {
	rounds := 1
	if seeds.Heavy() {
		rounds = 5
	}
	seed := seeds.Base(t)
	for round := range rounds {
		o := small()
		// Few rows and few records a page: pages are freed and reused all the time.
		o.Layout, o.Slots = table.Layout{RowBytes: 3000}, 4
		b := newBank(t, o)
		last := trx.No(0)
		b.r.s.purge.passing = func(no trx.No) {
			if no <= last {
				t.Errorf("purge takes number %v after %v", no, last)
			}
			last = no
		}
		b.r.s.StartPurge()
		if err := b.run(seed+uint64(round), 4, 3, 400); err != nil {
			t.Fatal(err)
		}
		must(t, b.r.s.Close())
		b.r.mustPurge()
		x := b.r.begin(RepeatableRead)
		must(t, b.sum(x))
		_, err := x.Commit()
		must(t, err)
		_ = b.r.pool.Close()
	}
}

// run lets writers make so many transfers each, while readers sum.
func (b *bank) run(seed uint64, writers, readers, transfers int) error {
	errs := make(chan error, writers+readers)
	over := make(chan struct{})
	var wg, rd sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			var x Txn
			for range transfers {
				if err := b.transfer(&x, rng); err != nil {
					errs <- fmt.Errorf("writer %d: %w", i, err)
					return
				}
			}
		})
	}
	for i := range readers {
		rd.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(1000+i)))
			var x Txn
			for {
				err := b.r.s.Begin(&x, RepeatableRead)
				for range 1 + rng.IntN(20) {
					if err == nil {
						err = b.sum(&x)
					}
				}
				if err == nil {
					_, err = x.Commit()
				}
				if err != nil {
					errs <- fmt.Errorf("reader %d: %w", i, err)
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	wg.Wait()
	close(over)
	rd.Wait()
	close(errs)
	return <-errs
}
