#include "converters/strace/descriptors.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::converters::strace {
namespace {

class DescriptorTableTest : public ::testing::Test {
 protected:
  OpenFile& make() {
    OpenFile& file = files_.emplace_back();
    file.number = files_.size();
    file.home = &all_;
    return file;
  }

  Descriptors all_{false};
  std::deque<OpenFile> files_;
};

TEST_F(DescriptorTableTest, ACopySharesWhatDoesNotChange) {
  DescriptorTable parent;
  constexpr std::int64_t kOpen = 10'000;
  for (std::int64_t fd = 0; fd < kOpen; ++fd) parent.set(fd, FilePtr(make()), false);
  std::vector<DescriptorTable> children(100, parent);
  const auto shares = [&] {
    std::size_t sum = 0;
    for (const OpenFile& file : files_) sum += file.shares;
    return sum;
  };
  EXPECT_EQ(shares(), kOpen);
  for (DescriptorTable& child : children) child.close(3);
  // A page of 32, of which one is closed.
  EXPECT_EQ(shares(), kOpen + 100 * 31);
  EXPECT_TRUE(children[7].find(3)->is_closed);
  EXPECT_FALSE(children[7].find(3)->file);
  EXPECT_EQ(parent.find(3)->file.get(), &files_[3]);
  EXPECT_EQ(children[7].find(9'999)->file.get(), &files_[9'999]);
  for (DescriptorTable& child : children) child.close_range(3, UINT32_MAX, false);
  EXPECT_EQ(shares(), kOpen + 100 * 3);
  parent = {};
  EXPECT_EQ(shares(), 100 * 3U);
}

TEST_F(DescriptorTableTest, HighNumbersAreKnownWithinABound) {
  DescriptorTable table;
  const std::int64_t high = DescriptorTable::kHigh;
  for (std::int64_t at = 0; at < 100; ++at) table.set(high + at, FilePtr(make()), false);
  EXPECT_EQ(table.find(high)->file.get(), &files_[0]);
  EXPECT_EQ(table.find(high + 63)->file.get(), &files_[63]);
  EXPECT_EQ(table.find(high + 64), nullptr);
  EXPECT_EQ(all_.left_out(), 36U);
  table.close(high);
  EXPECT_EQ(table.find(high), nullptr);
  table.set(high + 64, FilePtr(files_[64]), true);
  EXPECT_EQ(table.find(high + 64)->file.get(), &files_[64]);
  EXPECT_EQ(table.find(-1), nullptr);
  EXPECT_EQ(table.find(INT64_MIN), nullptr);
  EXPECT_EQ(table.find(INT64_MAX), nullptr);
  table.set(-1, FilePtr(files_[0]), false);
  table.exec();
  EXPECT_EQ(table.find(high + 64), nullptr);
}

// A child may have closed or opened a number before it is known whose child it is.
TEST_F(DescriptorTableTest, WhatATableKnowsItselfIsNotTakenOver) {
  DescriptorTable parent;
  DescriptorTable child;
  for (const std::int64_t fd : {3, 4, 5}) parent.set(fd, FilePtr(make()), true);
  child.close(3);
  OpenFile& own = make();
  child.set(4, FilePtr(own), false);
  child.add(parent);
  EXPECT_TRUE(child.find(3)->is_closed);
  EXPECT_FALSE(child.find(3)->file);
  EXPECT_EQ(child.find(4)->file.get(), &own);
  EXPECT_FALSE(child.find(4)->closes_on_exec);
  EXPECT_EQ(child.find(5)->file.get(), &files_[2]);
  EXPECT_TRUE(child.find(5)->closes_on_exec);
}

// Each on the border of a page (32) and of a group of them (2048), and above all (kHigh).
TEST_F(DescriptorTableTest, RangesEndWhereTheyEnd) {
  constexpr std::int64_t kHigh = DescriptorTable::kHigh;
  for (const std::int64_t first : {std::int64_t{3}, std::int64_t{32}, std::int64_t{2040}, kHigh}) {
    for (const std::int64_t last : {first, first + 1, first + 28, first + 31, first + 40}) {
      for (const bool on_exec_only : {false, true}) {
        SCOPED_TRACE(std::to_string(first) + " " + std::to_string(last));
        DescriptorTable table;
        for (std::int64_t fd = first - 2; fd < first + 45; ++fd)
          table.set(fd, FilePtr(make()), false);
        table.close_range(first, last, on_exec_only);
        for (std::int64_t fd = first - 2; fd < first + 45; ++fd) {
          const bool is_inside = fd >= first && fd <= last;
          const DescriptorTable::Entry* const entry = table.find(fd);
          ASSERT_NE(entry, nullptr) << fd;
          EXPECT_EQ(entry->file.get() == nullptr, is_inside && !on_exec_only) << fd;
          EXPECT_EQ(entry->closes_on_exec, is_inside && on_exec_only) << fd;
        }
        table.exec();
        for (std::int64_t fd = first - 2; fd < first + 45; ++fd) {
          const bool is_inside = fd >= first && fd <= last;
          const DescriptorTable::Entry* const entry = table.find(fd);
          EXPECT_EQ(entry != nullptr && entry->file.get() != nullptr, !is_inside) << fd;
        }
      }
    }
  }
}

// What ends at the same time does so in the order of its numbers.
TEST(DescriptorTable, FilesEndInTheOrderOfTheirNumbers) {
  Descriptors all(true);
  std::deque<OpenFile> files(5'000);
  {
    DescriptorTable table;
    for (std::size_t at = 0; at < files.size(); ++at) {
      files[at].home = &all;
      table.set(static_cast<std::int64_t>(at), FilePtr(files[at]), false);
    }
  }
  const std::vector<OpenFile*>& ended = all.take_ended();
  ASSERT_EQ(ended.size(), files.size());
  for (std::size_t at = 0; at < files.size(); ++at) ASSERT_EQ(ended[at], &files[at]);
}

// A table of single entries: what the rules in descriptors.h say, with nothing shared.
struct Plain {
  struct Entry {
    const OpenFile* file = nullptr;
    bool is_closed = false, closes_on_exec = false;
  };
  std::map<std::int64_t, Entry> entries;

  void close_range(std::int64_t first, std::int64_t last, bool on_exec_only, std::int64_t end) {
    for (std::int64_t fd = first; fd <= std::min(last, end - 1); ++fd) {
      if (on_exec_only) {
        entries[fd].closes_on_exec = true;
      } else {
        entries[fd] = {nullptr, true, false};
      }
    }
  }
  void exec() {
    for (auto& [fd, entry] : entries) {
      if (entry.closes_on_exec) entry = {nullptr, true, false};
    }
  }
  void add(const Plain& other) {
    for (const auto& [fd, entry] : other.entries) {
      Entry& own = entries[fd];
      if (own.file == nullptr && !own.is_closed) own = entry;
    }
  }
};

TEST_F(DescriptorTableTest, TablesThatShareAreAsTablesThatDoNot) {
  std::mt19937 random(1);
  constexpr std::int64_t kMost = 6 * 1024;  // three groups of pages
  std::vector<DescriptorTable> tables(4);
  std::vector<Plain> plains(tables.size());
  for (int at = 0; at < 50; ++at) make();
  const auto any = [&](std::int64_t most) { return static_cast<std::int64_t>(random() % most); };
  const auto any_fd = [&] { return any(8) == 0 ? any(kMost) : any(70); };
  for (std::size_t at = 0; at < tables.size(); ++at) {
    tables[at].set(kMost - 1, FilePtr(files_[0]), false);
    plains[at].entries[kMost - 1] = {&files_[0], false, false};
  }
  for (int step = 0; step < 20'000; ++step) {
    const auto which = static_cast<std::size_t>(any(4));
    const auto other = static_cast<std::size_t>(any(4));
    DescriptorTable& table = tables[which];
    Plain& plain = plains[which];
    const std::int64_t fd = any_fd();
    const std::int64_t action = any(100);
    if (action < 50) {
      OpenFile& file = files_[static_cast<std::size_t>(any(50))];
      table.set(fd, FilePtr(file), step % 2 == 0);
      plain.entries[fd] = {&file, false, step % 2 == 0};
    } else if (action < 80) {
      table.close(fd);
      plain.entries[fd] = {nullptr, true, false};
    } else if (action < 90) {
      const DescriptorTable::Entry* const entry = table.find(fd);
      if (entry == nullptr || !entry->file) continue;
      table.set_closes_on_exec(fd, true);
      plain.entries[fd].closes_on_exec = true;
    } else if (action < 92) {
      const std::int64_t last = any(2) == 0 ? UINT32_MAX : fd + any(100);
      table.close_range(fd, last, step % 2 == 0);
      plain.close_range(fd, last, step % 2 == 0, kMost);
    } else if (action < 93) {
      table.exec();
      plain.exec();
    } else if (action < 96) {
      table = DescriptorTable(tables[other]);
      plain = Plain(plains[other]);
    } else if (action < 97) {
      table.add(tables[other]);
      plain.add(plains[other]);
    }
    if (step % 10 != 0) continue;
    for (std::int64_t at = 0; at < kMost; at += at < 100 ? 1 : 37) {
      const DescriptorTable::Entry* const found = table.find(at);
      const auto known = plain.entries.find(at);
      const Plain::Entry expected = known == plain.entries.end() ? Plain::Entry() : known->second;
      const DescriptorTable::Entry none;
      const DescriptorTable::Entry& entry = found == nullptr ? none : *found;
      ASSERT_EQ(std::tuple(entry.file.get(), entry.is_closed),
                std::tuple(expected.file, expected.is_closed))
          << "descriptor " << at << ", step " << step;
    }
  }
  tables.clear();
  for (const OpenFile& file : files_) EXPECT_EQ(file.shares, 0U);
}

}  // namespace
}  // namespace tracebraid::converters::strace
