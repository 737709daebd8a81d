#include "formats/marshal/string_table.h"

#include <cstring>

#include "formats/io/hash.h"

namespace tracebraid::formats::marshal {
namespace {

constexpr std::size_t kFirstBuckets = 1024;

}  // namespace

StringId StringTable::intern(std::string_view text) {
  if (strings_.size() * 2 >= buckets_.size()) grow();
  const auto hash = static_cast<std::uint32_t>(io::hash_text(text));
  const std::size_t mask = buckets_.size() - 1;
  std::size_t bucket = hash & mask;
  while (buckets_[bucket] != 0) {
    const Stored& stored = strings_[buckets_[bucket] - 1];
    if (stored.hash == hash && stored.size == text.size() &&
        std::memcmp(stored.text, text.data(), text.size()) == 0) {
      return buckets_[bucket] - 1;
    }
    bucket = (bucket + 1) & mask;
  }
  const auto id = static_cast<StringId>(strings_.size());
  strings_.push_back({store(text), static_cast<std::uint32_t>(text.size()), hash});
  buckets_[bucket] = id + 1;
  return id;
}

const char* StringTable::store(std::string_view text) {
  if (text.empty()) return "";
  if (text.size() > kPage / 4) {
    // A page of its own, so that no room of the open page is lost.
    auto page = std::make_unique_for_overwrite<char[]>(text.size());
    std::memcpy(page.get(), text.data(), text.size());
    pages_.push_back(std::move(page));
    return pages_.back().get();
  }
  if (text.size() > free_size_) {
    pages_.push_back(std::make_unique_for_overwrite<char[]>(kPage));
    free_ = pages_.back().get();
    free_size_ = kPage;
  }
  char* stored = free_;
  std::memcpy(stored, text.data(), text.size());
  free_ += text.size();
  free_size_ -= text.size();
  return stored;
}

void StringTable::grow() {
  const std::size_t size = buckets_.empty() ? kFirstBuckets : buckets_.size() * 2;
  buckets_.assign(size, 0);
  for (std::size_t id = 0; id < strings_.size(); ++id) {
    std::size_t bucket = strings_[id].hash & (size - 1);
    while (buckets_[bucket] != 0) bucket = (bucket + 1) & (size - 1);
    buckets_[bucket] = static_cast<std::uint32_t>(id + 1);
  }
}

}  // namespace tracebraid::formats::marshal
