// Things by a hash, where many may have the same one: a ring for each hash, in the order in which
// they came, so that adding and taking away cost the same however many there are.
#pragma once

#include <cstdint>

#include "analyzers/util/hash_index.h"

namespace tracebraid::analyzers {

// Item has the members `std::uint64_t hash` (0: it is in no ring), `Item* before` and `Item*
// behind`, which are the ring's. Does not own them.
template <typename Item>
class Rings {
 public:
  // As the last of its hash, which is not 0.
  void add(std::uint64_t hash, Item& item) {
    item.hash = hash;
    Item* const first = firsts_.peek(hash);
    if (first == nullptr) {
      item.before = item.behind = &item;
      firsts_.insert(hash, &item);
      return;
    }
    item.before = first->before;
    item.behind = first;
    first->before->behind = &item;
    first->before = &item;
  }

  void take(Item& item) {
    if (item.hash == 0) return;
    if (item.behind == &item) {
      firsts_.erase(item.hash, &item);
    } else {
      item.before->behind = item.behind;
      item.behind->before = item.before;
      firsts_.replace(item.hash, &item, item.behind);
    }
    item.hash = 0;
  }

  // `look(item)` for the first `most` of the hash, until it is false.
  template <typename Look>
  void each_of_first(std::uint64_t hash, std::size_t most, Look look) const {
    Item* const first = firsts_.peek(hash);
    if (first == nullptr) return;
    Item* at = first;
    do {
      if (!look(*at)) return;
      at = at->behind;
    } while (--most > 0 && at != first);
  }
  // `look(item)` for the last `most` of them, in the order in which they came.
  template <typename Look>
  void each_of_last(std::uint64_t hash, std::size_t most, Look look) const {
    Item* const first = firsts_.peek(hash);
    if (first == nullptr) return;
    Item* at = first->before;
    while (--most > 0 && at != first) at = at->before;
    for (; look(*at), at->behind != first; at = at->behind) {
    }
  }

 private:
  HashIndex<Item> firsts_;
};

}  // namespace tracebraid::analyzers
