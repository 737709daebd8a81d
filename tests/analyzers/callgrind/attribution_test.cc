// Which function made which system calls: evidence by hand-made stacks, maps and profiles.
#include "analyzers/callgrind/attribution.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::string_view kRecv = "<method 'recv' of '_socket.socket' objects>";
constexpr std::string_view kSend = "<method 'send' of '_socket.socket' objects>";
constexpr std::string_view kSendall = "<method 'sendall' of '_socket.socket' objects>";

class Evidences : public ::testing::Test {
 protected:
  void add_function(std::string_view file, std::string_view name, std::uint64_t calls,
                    std::uint32_t line = 0) {
    record::Function function;
    function.file = file;
    function.name = name;
    function.line = line;
    function.calls = function.primitive_calls = calls;
    graph_.add(function);
  }
  void add_call(std::string_view caller, std::uint32_t line, std::string_view builtin) {
    record::Call call;
    call.caller_file = "/srv/a.py";
    call.caller_line = line;
    call.caller_name = caller;
    call.callee_file = "~";
    call.callee_name = builtin;
    call.calls = 1;
    call.cumtime = record::Duration{5};
    graph_.add(call);
  }
  void add_symbol(std::uint64_t pid, std::uint64_t start, std::string_view name) {
    record::Symbol symbol;
    symbol.pid = pid;
    symbol.start = start;
    symbol.size = 11;
    symbol.name = name;
    attribution_.add(symbol);
  }
  void add_calls(std::string_view syscall, std::uint64_t count, std::string_view stack = {},
                 std::uint64_t pid = 1, std::uint64_t tid = 1) {
    record::Syscall call;
    call.syscall = syscall;
    call.pid = pid;
    call.tid = tid;
    call.stack = stack;
    call.fd = 3;
    call.kind = "tcp";
    for (std::uint64_t each = 0; each < count; ++each) {
      ++attribution_.costs(attribution_.cell(call, {}))[kSyscalls];
    }
  }
  // "evidence function/builtin": calls.
  std::map<std::string, std::uint64_t> attribute() {
    graph_.seal();
    std::map<std::string, std::uint64_t> found;
    for (const Attributed& each : attribution_.attribute(graph_)) {
      std::string text(kEvidenceNames[static_cast<std::size_t>(each.evidence)]);
      text.append(" ");
      if (each.function != CallGraph::kNone) text.append(graph_.name_of(each.function));
      text.append("/");
      if (each.callee != CallGraph::kNone) text.append(graph_.name_of(each.callee));
      found[text] += each.costs[kSyscalls];
    }
    return found;
  }

  CallGraph graph_{kCountedEvents};
  Attribution attribution_;
};

std::string stack_to(std::string_view symbol, std::string_view address) {
  return "/usr/lib/libc.so.6(recv+0x64) [0x10a974]\n/py/lib-dynload/_socket.so(" +
         std::string(symbol) +
         "+0x124) [0xb284]\n/py/libpython3.12.so(method_vectorcall_VARARGS+0xb1) [0x17c8d1]\n"
         "/py/libpython3.12.so(_PyEval_EvalFrameDefault+0x4a52) [0x110812]\n"
         "unexpected_backtracing_error [" +
         std::string(address) + "]";
}

using Found = std::map<std::string, std::uint64_t>;

TEST_F(Evidences, StackAndMapAreExact) {
  add_function("/srv/a.py", "handle", 5, 10);
  add_function("~", kRecv, 5);
  add_symbol(1, 0x1000, "py::Server.handle:/srv/a.py");
  add_calls("recvfrom", 5, stack_to("sock_recv", "0x1006"));
  EXPECT_EQ(attribute(), (Found{{"stack handle/" + std::string(kRecv), 5}}));
}

// The address is outside of the function before it.
TEST_F(Evidences, AddressesBeyondTheMapAreNotGuessed) {
  add_function("~", kRecv, 5);
  add_symbol(1, 0x1000, "py::f:/srv/a.py");
  add_calls("recvfrom", 5, stack_to("sock_recv", "0x100b"));
  EXPECT_EQ(attribute(), (Found{{"method /" + std::string(kRecv), 5}}));
  EXPECT_EQ(attribution_.summary().unresolved, 5U);
}

// Process 1 is the parent of 2, or 2 is a thread of its; then 2 makes calls.
class Clones : public Evidences {
 protected:
  Found attribute_child(bool is_thread) {
    add_function("/srv/a.py", "handle", 5, 10);
    add_function("~", kRecv, 5);
    add_symbol(1, 0x1000, "py::Server.handle:/srv/a.py");
    record::Process clone;
    clone.event = "clone";
    clone.pid = 1;
    clone.child = 2;
    clone.is_thread = is_thread;
    attribution_.add(clone);
    add_calls("recvfrom", 5, stack_to("sock_recv", "0x1006"), 2, 2);
    return attribute();
  }
};

// What was there before a fork is in the parent's map alone.
TEST_F(Clones, AForkHasItsParentsMap) {
  EXPECT_EQ(attribute_child(false), (Found{{"stack handle/" + std::string(kRecv), 5}}));
}

// A thread is no process: one that has its number is another.
TEST_F(Clones, AThreadsNumberIsNoProcess) {
  EXPECT_EQ(attribute_child(true), (Found{{"method /" + std::string(kRecv), 5}}));
}

TEST_F(Evidences, FunctionsOfOneNameAreToldByWhatTheyCall) {
  add_function("/srv/a.py", "step", 1, 10);
  add_function("/srv/a.py", "step", 1, 20);
  add_function("~", kRecv, 1);
  add_call("step", 20, kRecv);
  add_symbol(1, 0x1000, "py::B.step:/srv/a.py");
  add_calls("recvfrom", 1, stack_to("sock_recv", "0x1006"));
  graph_.seal();
  const auto found = attribution_.attribute(graph_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(graph_.line_of(found[0].function), 20U);
}

TEST_F(Evidences, WhereThatDoesNotTellTheQualifiedNameStands) {
  add_function("/srv/a.py", "step", 1, 10);
  add_function("/srv/a.py", "step", 1, 20);
  add_function("~", kRecv, 2);
  add_call("step", 10, kRecv);
  add_call("step", 20, kRecv);
  add_symbol(1, 0x1000, "py::B.step:/srv/a.py");
  add_calls("recvfrom", 1, stack_to("sock_recv", "0x1006"));
  EXPECT_EQ(attribute(), (Found{{"stack B.step/" + std::string(kRecv), 1}}));
}

// A child has what had begun before the fork in its parent's map only.
TEST_F(Evidences, MapsOfAncestorsAreLookedAtToo) {
  record::Process fork;
  fork.event = "clone";
  fork.pid = 1;
  fork.child = 2;
  fork.is_thread = false;
  attribution_.add(fork);
  add_symbol(1, 0x1000, "py::f:/srv/a.py");
  add_calls("recvfrom", 1, stack_to("sock_recv", "0x1006"), 2, 2);
  EXPECT_EQ(attribute(), (Found{{"stack f/" + std::string(kRecv), 1}}));
}

TEST_F(Evidences, CFunctionsThatAreNoEntriesStandForThemselves) {
  add_symbol(1, 0x1000, "py::f:/srv/a.py");
  add_calls("getsockname", 1, stack_to("sock_initobj", "0x1006"));
  EXPECT_EQ(attribute(), (Found{{"stack f/sock_initobj", 1}}));
}

// Debian's Python: every name is the nearest exported one. recv counts.
TEST_F(Evidences, NamesOfStrippedPythonsAreNotBelieved) {
  add_function("~", kRecv, 5);
  add_calls("recvfrom", 5,
            "/usr/bin/python3.11(_PyUnicode_Copy+0xe46) [0x1]\n"
            "/usr/bin/python3.11(_PyEval_EvalFrameDefault+0x1) [0x2]");
  EXPECT_EQ(attribute(), (Found{{"count /" + std::string(kRecv), 5}}));
  EXPECT_TRUE(attribution_.summary().is_stripped);
}

TEST_F(Evidences, CountsShareAmongThoseThatIssueTheCall) {
  add_function("~", kSend, 30);
  add_function("~", kSendall, 10);
  add_calls("sendto", 20);
  EXPECT_EQ(attribute(),
            (Found{{"count /" + std::string(kSend), 15}, {"count /" + std::string(kSendall), 5}}));
}

// 30 calls of send() make at most 30; sendall() may make any number.
TEST_F(Evidences, NoFunctionMakesMoreThanItCan) {
  add_function("~", kSend, 30);
  add_calls("sendto", 50);
  EXPECT_EQ(attribute(), (Found{{"count /" + std::string(kSend), 30}, {"none /", 20}}));
}

TEST_F(Evidences, WhatMakesAnyNumberTakesTheRest) {
  add_function("~", kSend, 30);
  add_function("~", kSendall, 10);
  add_calls("sendto", 50);
  EXPECT_EQ(attribute(),
            (Found{{"count /" + std::string(kSend), 30}, {"count /" + std::string(kSendall), 20}}));
}

// The profile counted what the main thread did: the other thread's calls are nobody's.
TEST_F(Evidences, ThreadsThatTheProfilerDidNotSeeAreLeftOut) {
  add_function("~", kRecv, 5);
  add_calls("recvfrom", 5, {}, 1, 1);
  add_calls("recvfrom", 40, {}, 1, 2);
  EXPECT_EQ(attribute(), (Found{{"count /" + std::string(kRecv), 5}, {"none /", 40}}));
  EXPECT_EQ(attribution_.summary().unseen, 40U);
}

TEST_F(Evidences, ProfilesOfAllThreadsAreRecognized) {
  add_function("~", kRecv, 45);
  add_calls("recvfrom", 5, {}, 1, 1);
  add_calls("recvfrom", 40, {}, 1, 2);
  EXPECT_EQ(attribute(), (Found{{"count /" + std::string(kRecv), 45}}));
}

TEST_F(Evidences, TheUserKnowsBest) {
  add_function("~", kRecv, 45);
  attribution_.set_seen_threads({2});
  add_calls("recvfrom", 5, {}, 1, 1);
  add_calls("recvfrom", 40, {}, 1, 2);
  EXPECT_EQ(attribute(), (Found{{"count /" + std::string(kRecv), 40}, {"none /", 5}}));
}

// python -m cProfile opens the script, and begins; at the end it writes the dump.
TEST_F(Evidences, CallsOutsideOfTheProfiledTimeAreNobodys) {
  add_function("~", kRecv, 5);
  attribution_.add_module_file("/srv/a.py");
  attribution_.add_profile_path("out/profiling.cprof");
  const auto open = [&](std::string_view path, std::string_view args) {
    record::Syscall call;
    call.syscall = "openat";
    call.pid = call.tid = 1;
    call.path = path;
    call.args = args;
    call.result = 4;
    (void)attribution_.cell(call, {});
  };
  add_calls("recvfrom", 3);
  open("/srv/__pycache__/a.cpython-311.pyc", "O_RDONLY");
  add_calls("recvfrom", 5);
  open("/other/profiling.cprof", "AT_FDCWD, \"x\", O_WRONLY|O_CREAT");
  add_calls("recvfrom", 2);
  EXPECT_EQ(attribute()["count /" + std::string(kRecv)], 5U);
  EXPECT_EQ(attribution_.summary().outside, 5U);
}

}  // namespace
}  // namespace tracebraid::analyzers
