// What top adds up of each type of records, and the order of its rows.
#include "analyzers/top/tally.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/top/table.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using record::AnyRecord;
using record::Duration;

// Rows of a table as texts, in order; a missing value is -.
std::vector<std::vector<std::string>> rows_of(TopTable& table) {
  std::vector<std::vector<std::string>> rows;
  table.show([&](std::span<const record::Value> values) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const record::Value& value : values) {
      if (value.is_nil()) {
        row.emplace_back("-");
      } else if (value.kind() == record::Kind::kText) {
        row.emplace_back(value.bytes());
      } else {
        row.push_back(std::to_string(value.as_int()));
      }
    }
  });
  return rows;
}

// The column of a name.
std::string at(TopTable& table, const std::vector<std::string>& row, std::string_view column) {
  const auto fields = table.type().fields;
  for (std::size_t each = 0; each < fields.size(); ++each) {
    if (fields[each].name == column) return row[each];
  }
  ADD_FAILURE() << "no column " << column;
  return {};
}

record::Syscall call(std::string_view name, std::int64_t ns = -1) {
  record::Syscall call;
  call.syscall = name;
  if (ns >= 0) call.duration = Duration{ns};
  return call;
}

void add_calls(TopTable& table) {
  record::Syscall one = call("read", 5);
  one.direction = "in";
  one.bytes = 10;
  record::Syscall two = call("read", 7);
  two.wait = "net";
  two.error = "EAGAIN";
  record::Syscall three = call("sendfile", 100);
  three.direction = "both";
  three.bytes = 1000;
  record::Syscall four = call("write", 1);
  four.direction = "out";
  four.bytes = 3;
  for (const record::Syscall& each : {one, two, three, four}) table.add(AnyRecord(each));
}

// By the measure that calls have, and by another name of a field, which is looked up.
TEST(CallTally, AddsUpTimesBytesAndErrors) {
  for (const bool is_looked_up : {false, true}) {
    TopRequest request;
    if (is_looked_up) request.measure = "ts_resolution";
    TopTable table(make_call_tally(), request);
    if (is_looked_up) {
      for (const auto& [name, ns, wait] : {std::tuple{"read", 5, ""}, {"read", 7, "net"}}) {
        record::Syscall each = call(name);
        each.ts_resolution = Duration{ns};
        each.wait = wait;
        if (*wait != '\0') {
          each.error = "EAGAIN";
        } else {
          each.direction = "in";
          each.bytes = 10;
        }
        table.add(AnyRecord(each));
      }
    } else {
      add_calls(table);
    }
    const auto rows = rows_of(table);
    const auto& read = is_looked_up ? rows.at(0) : rows.at(1);
    EXPECT_EQ(read[0], "read");
    EXPECT_EQ(at(table, read, "calls"), "2");
    EXPECT_EQ(at(table, read, "errors"), "1");
    EXPECT_EQ(at(table, read, "time"), "12");
    EXPECT_EQ(at(table, read, "wait"), "7");
    EXPECT_EQ(at(table, read, "mean"), "6");
    EXPECT_EQ(at(table, read, "p50"), "5");
    EXPECT_EQ(at(table, read, "max"), "7");
    EXPECT_EQ(at(table, read, "bytes_in"), "10");
    EXPECT_EQ(at(table, read, "bytes_out"), "0");
    EXPECT_EQ(at(table, read, "by_error"), "EAGAIN 1");
    if (is_looked_up) continue;
    EXPECT_EQ(rows.at(0)[0], "sendfile");
    EXPECT_EQ(at(table, rows[0], "bytes_in"), "1000");
    EXPECT_EQ(at(table, rows[0], "bytes_out"), "1000");
    EXPECT_EQ(at(table, rows[0], "wait"), "0");
    EXPECT_EQ(at(table, rows[2], "bytes_in"), "0");
    EXPECT_EQ(at(table, rows[2], "bytes_out"), "3");
  }
}

TEST(CallTally, ShowsTheMostFrequentErrorFirst) {
  TopRequest request;
  TopTable table(make_call_tally(), request);
  for (const std::string_view error : {"EIO", "EBADF", "EPIPE", "EBADF", "EPIPE", "EBADF"}) {
    record::Syscall failed = call("read");
    failed.error = error;
    table.add(AnyRecord(failed));
  }
  const auto rows = rows_of(table);
  EXPECT_EQ(at(table, rows.at(0), "by_error"), "EBADF 3, EPIPE 2, EIO 1");
  EXPECT_EQ(at(table, rows[0], "time"), "-");
}

TEST(FlowTally, AddsUpBothSides) {
  TopRequest request;
  TopTable table(make_flow_tally(), request);
  std::uint64_t failed = 0;
  for (const auto& [state, fails] : {std::pair{"SF", false},
                                     {"S0", true},
                                     {"S1", false},
                                     {"S2", false},
                                     {"S3", false},
                                     {"REJ", true},
                                     {"RSTO", true},
                                     {"RSTR", true},
                                     {"RSTOS0", true},
                                     {"RSTRH", true},
                                     {"SH", true},
                                     {"SHR", true},
                                     {"OTH", false}}) {
    record::Flow flow;
    flow.proto = "tcp";
    flow.conn_state = state;
    flow.orig_payload_bytes = 1;
    flow.resp_payload_bytes = 20;
    flow.orig_pkts = 300;
    flow.resp_pkts = 4000;
    flow.orig_rexmit_pkts = 5;
    flow.resp_rexmit_pkts = 60;
    table.add(AnyRecord(flow));
    failed += fails ? 1 : 0;
    const auto rows = rows_of(table);
    EXPECT_EQ(at(table, rows.at(0), "failed"), std::to_string(failed)) << state;
  }
  const auto row = rows_of(table).at(0);
  EXPECT_EQ(at(table, row, "flows"), "13");
  EXPECT_EQ(at(table, row, "orig_bytes"), "13");
  EXPECT_EQ(at(table, row, "resp_bytes"), "260");
  EXPECT_EQ(at(table, row, "orig_pkts"), "3900");
  EXPECT_EQ(at(table, row, "resp_pkts"), "52000");
  EXPECT_EQ(at(table, row, "rexmit_pkts"), "845");
}

// By time; of equal times the more calls; of those, by name. What has no value comes last.
TEST(TopTable, TheHeaviestComeFirst) {
  TopRequest request;
  TopTable table(make_call_tally(), request);
  const auto add = [&](std::string_view name, std::int64_t ns, int times) {
    for (int time = 0; time < times; ++time) table.add(AnyRecord(call(name, ns)));
  };
  add("d", 6, 1);
  add("c", 3, 2);
  add("b", 6, 1);
  add("a", -1, 9);
  add("e", 7, 1);
  std::string order;
  for (const auto& row : rows_of(table)) order += row[0];
  EXPECT_EQ(order, "ecbda");
  for (const auto& [most, count] : {std::pair{0U, 5U}, {3U, 3U}, {5U, 5U}, {9U, 5U}}) {
    request.most = most;
    EXPECT_EQ(rows_of(table).size(), count);
  }
}

// Names that have their first and last bytes in common are names of their own.
TEST(TopTable, NamesAreToldApartByAllOfTheirBytes) {
  TopRequest request;
  TopTable table(make_call_tally(), request);
  for (int time = 0; time < 3; ++time) {
    for (const std::string_view name : {"prefix__one__suffix_", "prefix__two__suffix_", "p", "q"}) {
      table.add(AnyRecord(call(name, 1)));
    }
  }
  EXPECT_EQ(table.size(), 4U);
  for (const auto& row : rows_of(table)) EXPECT_EQ(at(table, row, "calls"), "3") << row[0];
}

}  // namespace
}  // namespace tracebraid::analyzers
