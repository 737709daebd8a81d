// What is fuzzed: each runs one input in memory and must neither crash nor hang. Also run on the
// kept corpora by the ordinary tests.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tracebraid::tests {

// Any bytes as marshalled objects, in pieces of `piece` bytes. Returns what was read as text: for
// each object where it ends, its kind and value, then the error; aborts when it ends behind the
// input, or before its beginning.
std::string fuzz_marshal(std::span<const char> input, std::size_t piece);

// Any bytes as a capture, in pieces of `piece` bytes. Returns what was read as text: a line for
// each packet, then the error; aborts when a packet is not what PacketSource promises.
std::string fuzz_capture(std::span<const char> input, std::size_t piece);

// The whole conversion, in pieces of `piece` bytes. Returns the callgrind profile, as far as it
// got; aborts when it holds what no viewer may see.
std::string fuzz_cprof2callgrind(std::span<const char> input, std::size_t piece);

// Any bytes as a profile, in pieces of `piece` bytes, to function and call records as JSON Lines,
// then the error; aborts when a record is impossible, or their numbers do not add up.
std::string fuzz_cprofcalls(std::span<const char> input, std::size_t piece);

// Any bytes as a capture, in pieces of `piece` bytes, to flow and segment records as JSON Lines;
// aborts when the ledger does not add up, or a record is impossible.
std::string fuzz_pcapflows(std::span<const char> input, std::size_t piece);

// Four bytes that choose transport, sender and ports, then a payload. Aborts when a name is not of
// the list, when prefixes of the payload get two names, or when a view points elsewhere. Returns
// the name, which is empty where none of the prefixes has one.
std::string fuzz_service(std::span<const char> input);

// Any bytes as one line of an strace log. Aborts when a view points elsewhere, or when the parts of
// a call are not in their order, or are others without what stands in front of it. Returns the
// body's number in formats::strace::Body; 0 for what is no line.
int fuzz_strace_line(std::span<const char> input);

// Calls that make, copy, send and close descriptors, chosen by the bytes of `input`: the first says
// whether descriptors are printed with their texts (-yy). Without, every call has to be about what
// a model of the kernel's tables says; aborts when it is not, when a description ends twice, or
// when something unknown is taken for closed. Returns a sum of what it was shown.
std::size_t fuzz_descriptors(std::span<const char> input);

// Any bytes as an strace log, in pieces of `piece` bytes. Returns the records as JSON Lines; aborts
// when the ledger does not add up, or a record is impossible.
std::string fuzz_stracecalls(std::span<const char> input, std::size_t piece);

// Any bytes as a stream of records, in pieces of `piece` bytes. Returns the records as JSON Lines
// and the errors; aborts when what was read and is written anew is not the same.
std::string fuzz_record_stream(std::span<const char> input, std::size_t piece);

// Any bytes as a profile, system calls with stacks, and symbols, to a callgrind profile. Aborts
// when a cost is lost on its way from the calls to their functions, or from these to the root.
// Returns the profile.
std::string fuzz_callgrind(std::span<const char> input);

// A case (analyzer_case.h): an analyzer over several inputs, as files. Aborts when it ends with an
// internal error, or when what it says on standard error could speak to a terminal.
void fuzz_analyzers(std::span<const char> input);

}  // namespace tracebraid::tests
