// Rates of writing and reading flow records, and what they allocate after the first thousand: the
// exit status is 1 unless that is nothing.
// usage: bench_records [RECORDS]
#include "tests/support/records.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "formats/record/flow.h"
#include "formats/record/reader.h"
#include "formats/record/writer.h"

namespace {

std::atomic<std::uint64_t> allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace tracebraid {
namespace {

namespace io = formats::io;
namespace record = formats::record;

constexpr std::uint64_t kWarm = 1000;
bool has_allocated = false;

class NoOutput final : public io::Output {
 public:
  void write(std::string_view block) override { bytes += block.size(); }
  void commit() override {}
  std::uint64_t bytes = 0;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void show(const char* what, std::uint64_t records, std::uint64_t bytes, double seconds,
          std::uint64_t allocated) {
  has_allocated = has_allocated || allocated > 0;
  std::printf(
      "%-16s %6.2f million records/s %8.1f MB/s %6llu bytes a record, %llu allocations\n", what,
      static_cast<double>(records) / seconds / 1e6, static_cast<double>(bytes) / seconds / 1e6,
      static_cast<unsigned long long>(bytes / records), static_cast<unsigned long long>(allocated));
}

void write_all(record::Format format, std::uint64_t records) {
  const tests::Flows flows;
  NoOutput output;
  const auto writer = record::make_writer(format, output, {.producer = "bench 1"});
  std::uint64_t before = 0;
  const Stopwatch stopwatch;
  for (std::uint64_t at = 0; at < records; ++at) {
    if (at == kWarm) before = allocations;
    writer->write(flows[at]);
  }
  const std::uint64_t allocated = allocations - before;
  writer->finish();
  const std::string what =
      "write " + std::string(record::kFormatNames[static_cast<std::size_t>(format)]);
  show(what.c_str(), records, output.bytes, stopwatch.seconds(), allocated);
}

void read_all(record::Format format, std::uint64_t records) {
  std::string stream;
  {
    const tests::Flows flows;
    const auto output = io::memory_output(stream);
    const auto writer = record::make_writer(format, *output, {.producer = "bench 1"});
    for (std::uint64_t at = 0; at < records; ++at) writer->write(flows[at]);
    writer->finish();
  }
  const auto source = io::memory_source("memory", stream);
  constexpr std::array<const record::TypeInfo*, 1> kTypes = {&record::kTypeInfo<record::Flow>};
  record::StreamReader reader(*source, kTypes);
  record::Flow flow;
  std::uint64_t before = 0;
  std::uint64_t seen = 0;
  std::uint64_t sum = 0;
  const Stopwatch stopwatch;
  while (reader.next()) {
    if (++seen == kWarm) before = allocations;
    reader.get(flow);
    sum += flow.resp_ip_bytes;
  }
  const std::uint64_t allocated = allocations - before;
  const std::string what =
      "read " + std::string(record::kFormatNames[static_cast<std::size_t>(format)]);
  show(what.c_str(), seen, stream.size(), stopwatch.seconds(), allocated);
  if (seen != records || sum == 0) std::abort();
}

}  // namespace
}  // namespace tracebraid

int main(int argc, char** argv) {
  const std::uint64_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  for (int run = 0; run < 3; ++run)
    tracebraid::write_all(tracebraid::record::Format::kMsgpack, records);
  for (const auto format :
       {tracebraid::record::Format::kJsonLines, tracebraid::record::Format::kCsv,
        tracebraid::record::Format::kTsv, tracebraid::record::Format::kZeek,
        tracebraid::record::Format::kTable}) {
    tracebraid::write_all(format, records / 4 + 1);
  }
  for (int run = 0; run < 3; ++run)
    tracebraid::read_all(tracebraid::record::Format::kMsgpack, records);
  tracebraid::read_all(tracebraid::record::Format::kJsonLines, records / 4 + 1);
  return tracebraid::has_allocated ? 1 : 0;
}
