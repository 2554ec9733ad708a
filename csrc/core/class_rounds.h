// Showing the items of classes in rounds, some at a time, so that all come before it starts over.
#pragma once

#include <cstdint>

#include "core/class_table.h"
#include "core/macros.h"
#include "core/permutation.h"
#include "core/stream.h"

namespace pysampler {

constexpr uint64_t kMaxCycle = (uint64_t{1} << 56) - 1;  // of a class's orders, as many as make_permutation tells apart

// How often a class has been shown, and at which place of its order an item stands.
//
// A cycle of ceil(size / per_round) rounds goes once through an order of the class's items; what the last of them lacks it
// takes from the beginning of the same order. So no round shows an item twice (if per_round <= size; else each item
// floor or ceil(per_round / size) times), and each cycle has a new order.
struct RoundPlace {
  uint64_t cycle;
  uint64_t place;  // below size
};

PYSAMPLER_HOST_DEVICE RoundPlace place_in_round(uint64_t round, uint64_t within, uint64_t per_round, uint64_t size) {
  const uint64_t rounds = (size - 1) / per_round + 1;
  return {round / rounds, (round % rounds * per_round + within) % size};
}

// The order number `cycle` of a class's items.
PYSAMPLER_HOST_DEVICE Permutation class_order(uint64_t seed, uint64_t of_class, uint64_t cycle, uint64_t size) {
  return make_permutation(make_stream(seed, of_class, Tag::kClassOrder), cycle & kMaxCycle, size);
}

// What a batch takes from the deck of classes: the card at `place` of order number `cycle`, for the `round`-th time.
struct Deal {
  uint64_t cycle;
  uint64_t place;  // below classes
  uint64_t round;  // how many times the class has been dealt before, in all epochs
};

// The card number `card` of batch number `batch` of an epoch. Batches of all epochs take `per_batch` <= classes cards each,
// one after another, from a deck that is dealt over and over. It is put into a new order whenever a batch ends where the
// deck does: only then, so that no batch meets a class twice, and every class has then been dealt equally often.
PYSAMPLER_HOST_DEVICE Deal deal(uint64_t epoch, uint64_t batches_per_epoch, uint64_t batch, uint64_t card,
                                uint64_t per_batch, uint64_t classes) {
  uint64_t divisor = classes;  // the greatest common one
  for (uint64_t rest = per_batch; rest != 0;) {
    const uint64_t next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  const uint64_t batches = classes / divisor;  // with one order
  // epoch * batches_per_epoch + batch, divided by `batches`: the quotient modulo 2^64, the remainder exact.
  const uint64_t whole = batches_per_epoch / batches, part = batches_per_epoch % batches;
  const uint64_t sum = epoch % batches * part + batch % batches;
  const uint64_t cycle = epoch * whole + epoch / batches * part + batch / batches + sum / batches;
  const uint64_t cards = sum % batches * per_batch + card;
  return {cycle, cards % classes, cycle * (per_batch / divisor) + cards / classes};
}

PYSAMPLER_HOST_DEVICE Permutation deck_order(uint64_t seed, uint64_t cycle, uint64_t classes) {
  return make_permutation(make_stream(seed, 0, Tag::kClassDeck), cycle & kMaxCycle, classes);
}

}  // namespace pysampler
