// make_profile [--functions N] [--pairs M] [--seed S] OUT: the profile of a huge made-up program,
// as Python 3.11's cProfile.Profile.dump_stats would write it with marshal.dump (version 4):
//   fb                              dict, FLAG_REF: slot 0 of the reference table
//     29 03 fa.. 69.. da..          (file, line, name), a tuple of its own
//     29 05 e9.. 72.. 67.. 67.. 7b  (cc, nc, tt, ct, callers
//       a9 03.. | 29 03.. | 72..      (file, line, name) of a caller
//       29 04 72.. 72.. 67.. 67..     (nc, cc, tt, ct): counts swapped against the level above
//     30 .. 30                      ) NULL ends a dict
// From CPython 3.11: Lib/cProfile.py (snapshot_stats), Modules/_lsprof.c, Python/marshal.c (w_ref).
// Kept, because a reader's speed and memory depend on it:
// * Sharing: what has several owners is flagged and takes the next slot where it begins, so before
//   its members; then it is `72 slot`. A caller's key is one tuple for all its callees, plain if
//   it has one callee, and never the key of its own entry. To know which, the callers are drawn
//   twice from the seed: nothing is stored per pair, some 60 bytes per function.
// * Strings: one object per file name (`fa`) and per identifier (`da`; `f4` beyond ASCII). Names
//   as `<module>` are not interned: each file has its own object, so one text has many slots.
// * Numbers: ints to 256 are singletons, so shared; others (`6c` from 2^31) and floats are fresh.
// * Order: by address, so short runs of a file's functions, else mixed; callers in the same order.
// The bytes depend on the arguments only: no std::*_distribution, no libm.

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Within a list of words all differ, so that different numbers give different texts.
constexpr std::string_view kVerbs =  // 32
    "add bind build call check clear close copy count drop emit fetch fill find flush join list "
    "load lock make merge open parse pop push read render send sort split sync write";
constexpr std::string_view kNouns =  // 32
    "batch block buffer cache chunk client config cursor device entry error event field file frame "
    "group header index item job key lock node order packet path query route row task token user";
constexpr std::string_view kCommon = "__init__ get run __new__ __call__ wrapper close setup";
constexpr std::string_view kBuiltins = "isinstance len repr getattr exec sorted map max";
constexpr std::string_view kPrefixes = " _ test_ is_ on_ _on_ do_ größe_";
constexpr std::string_view kUnnamed = "<module> <lambda> <listcomp> <genexpr> <dictcomp>";
constexpr std::string_view kRoots =
    "/usr/lib/python3.11/ /usr/lib/python3/dist-packages/ /srv/app/current/services/ "
    "/home/deploy/venv/lib/python3.11/site-packages/";

// The numbers of names. First what is interned: words with a prefix, then common names. Then what
// is not: builtins, which use the words twice, and the unnamed code of each file.
constexpr std::uint32_t kWords = 32 * 32 * 32;
constexpr std::uint32_t kMade = 8 * kWords;
constexpr std::uint32_t kInterned = kMade + 8;
constexpr std::uint32_t kMostFunctions = 20 * 2 * kWords;

std::string word(std::string_view list, std::uint32_t index) {
  for (; index > 0; --index) list.remove_prefix(list.find(' ') + 1);
  return std::string(list.substr(0, list.find(' ')));
}

std::string words(std::uint32_t number) {
  const std::string text = word(kVerbs, number % 32) + "_" + word(kNouns, number / 32 % 32);
  return number < 1024 ? text : text + "_" + word(kNouns, number / 1024);
}

std::string name_text(std::uint32_t name, std::uint32_t builtins) {
  if (name < kMade) return word(kPrefixes, name / kWords) + words(name % kWords);
  if (name < kInterned) return word(kCommon, name - kMade);
  const std::uint32_t index = name - kInterned;
  if (index >= builtins) return word(kUnnamed, (index - builtins) % 5);
  if (index < 8) return "<built-in method builtins." + word(kBuiltins, index) + ">";
  const std::string text = words(index / 2 * 20253 % kWords);  // an odd factor, so all differ
  const std::string module = "_" + word(kNouns, index % 31);
  if (index % 2 == 0) return "<built-in method " + module + "." + text + ">";
  return "<method '" + text + "' of '" + module + ".object' objects>";
}

// 24 modules make a package of its own name; the later ones lie in its folders of six.
std::string file_text(std::uint32_t file) {
  if (file == 0) return "~";
  const std::uint32_t package = (file - 1) / 24 * 20253 % kWords;
  const std::uint32_t module = (file - 1) % 24;
  std::string out = word(kRoots, package / 64 % 4) + words(package) + "/";
  if (module == 3 && package % 4 == 0) out += "données/";
  if (module == 5 && package % 64 == 0) out += std::string(240, 'v') + "/";  // too long for `fa`
  if (module >= 6) out += word("internal backends models tests", module / 6) + "/";
  return out + (module % 6 == 0 ? "__init__" : word(kNouns, (package + module) % 32)) + ".py";
}

// splitmix64 (Steele, Lea, Flood, 2014), one sequence per key, to be drawn again at any time.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t key) : state_(seed) { state_ = next() + key; }
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
  // 0 <= result < limit; limit <= 2^32.
  std::uint32_t below(std::uint64_t limit) { return skewed(limit, 1); }
  bool one_in(std::uint64_t chance) { return below(chance) == 0; }
  int level(int most) { return std::min(std::countr_zero(next()), most); }  // P(k) = 2^-(k+1)
  // Below limit, too, but number k with a density falling as k^(1 / power - 1).
  std::uint32_t skewed(std::uint64_t limit, int power) {
    const std::uint64_t drawn = next() >> 32;
    std::uint64_t product = drawn;
    while (--power > 0) product = product * drawn >> 32;
    return static_cast<std::uint32_t>(product * limit >> 32);
  }

 private:
  std::uint64_t state_;
};

// Numbers the slots as w_ref does. Slot 0 is the outermost dict's: for anything else, "not yet".
class MarshalWriter {
 public:
  // A type code and a little-endian number, if it has any.
  void plain(char type, std::uint64_t number = 0, int bytes = 0) {
    buffer_.push_back(type);
    for (; bytes > 0; --bytes, number >>= 8) buffer_.push_back(static_cast<char>(number & 0xff));
  }
  std::uint32_t flagged(char type, std::uint64_t number = 0, int bytes = 0) {
    plain(static_cast<char>(type | 0x80), number, bytes);
    return slots_++;
  }
  bool repeated(std::uint32_t slot) {
    if (slot != 0) plain('r', slot, 4);
    return slot != 0;
  }
  std::uint32_t text(std::string_view text, bool interned) {
    const bool ascii = std::none_of(text.begin(), text.end(), [](char c) { return c & 0x80; });
    const bool brief = ascii && text.size() < 256;
    const char type = (interned ? "tAZ" : "uaz")[ascii + brief];
    const std::uint32_t slot = flagged(type, text.size(), brief ? 1 : 4);
    buffer_.append(text);
    return slot;
  }
  void integer(std::uint64_t value) {
    if (value < small_.size()) {
      if (!repeated(small_[value])) small_[value] = flagged('i', value, 4);
    } else if (value >> 31 == 0) {
      plain('i', value, 4);
    } else {  // digits of 15 bits; no value here has more than four
      plain('l', value >> 45 != 0 ? 4 : 3, 4);
      for (; value != 0; value >>= 15) plain(static_cast<char>(value & 0xff), value >> 8 & 0x7f, 1);
    }
  }
  void number(double value) { plain('g', std::bit_cast<std::uint64_t>(value), 8); }
  void flush(std::FILE* out) {  // a failure shows in std::ferror
    std::fwrite(buffer_.data(), 1, buffer_.size(), out);
    buffer_.clear();
  }

 private:
  std::string buffer_;
  std::uint32_t slots_ = 0;
  std::array<std::uint32_t, 257> small_{};
};

using Cost = std::array<std::uint64_t, 4>;  // of a pair: nc, cc, tt and ct in ns
struct Function {
  std::uint32_t place = 0;  // builtins come first, then file by file
  std::uint64_t order = 0;  // of the entries
  std::uint32_t file = 0, line = 0, name = 0;
  std::uint32_t callers = 0, callees = 0;  // how many
  std::uint32_t last_draw = 0;             // that made it a caller
  std::uint32_t key_slot = 0;              // of its key as a caller
  bool leaf = false, root = false;         // calls nothing; is called from outside only
};

class Program {
 public:
  Program(std::uint32_t functions, std::uint64_t pairs, std::uint64_t seed)
      : seed_(seed), total_(functions) {
    Random random(seed, 0);
    std::uint32_t left = 0, line = 0;  // in this file
    std::uint64_t run = 0;
    for (std::uint32_t place = 0; place < total_; ++place) {
      Function& function = functions_[place];
      function.place = place;
      if (!random.one_in(3)) run = random.next() << 32;
      function.order = run | place;
      function.name = kInterned + place;
      function.leaf = place < builtins_ ? place / 4 != 1 : random.one_in(3);
      if (place < builtins_) continue;
      const bool first = left == 0;
      if (first) ++files_;
      left = first ? 9 + random.below(16) : left - 1;
      line = first ? 1 : line + 1 + random.skewed(72, 2);
      function.file = files_;
      function.line = line;
      function.name = first ? kInterned + builtins_ + 5 * files_ : draw_name(random);
      function.root = (place - builtins_) % 1000 == 0;
    }
    std::ranges::sort(functions_, {}, &Function::order);
    for (std::uint32_t i = 0; i < total_; ++i) index_at_[functions_[i].place] = i;
    for (std::uint32_t dealt = 0; pairs > 0; dealt += dealt < total_) {
      const bool builtin = random.one_in(4);
      const std::uint32_t place = builtin ? random.skewed(builtins_, 3) : anywhere(random);
      Function& function = functions_[index_at_[dealt < total_ ? dealt : place]];
      if (function.root || function.callers >= total_ / 4) continue;
      ++function.callers;
      --pairs;
    }
    for (const Function& function : functions_) {
      for (const std::uint32_t caller : draw_callers(function)) ++functions_[caller].callees;
    }
  }

  void write(std::FILE* file) {
    MarshalWriter out;
    std::vector<std::uint32_t> slots(kInterned + builtins_ + 6 * (files_ + 1));
    const auto write_key = [&](const Function& function, bool shared) {
      if (!shared) out.plain(')', 3, 1);
      const std::uint32_t key_slot = shared ? out.flagged(')', 3, 1) : 0;
      std::uint32_t& file_slot = slots[slots.size() - 1 - function.file];
      if (!out.repeated(file_slot)) file_slot = out.text(file_text(function.file), false);
      out.integer(function.line);
      std::uint32_t& slot = slots[function.name];
      const bool interned = function.name < kInterned;
      if (!out.repeated(slot)) slot = out.text(name_text(function.name, builtins_), interned);
      return key_slot;
    };
    const auto write_cost = [&out](std::uint64_t size, const Cost& cost) {
      out.plain(')', size, 1);
      out.integer(cost[0]);
      out.integer(cost[1]);
      out.number(static_cast<double>(cost[2]) * 1e-9);  // as _lsprof does; / 1e9 would differ
      out.number(static_cast<double>(cost[3]) * 1e-9);
    };
    out.flagged('{');
    for (const Function& callee : functions_) {
      std::vector<std::uint32_t>& callers = draw_callers(callee);
      std::ranges::sort(callers);
      Cost sum = callers.empty() ? draw_cost(callee, total_) : Cost{};
      for (const std::uint32_t caller : callers) {
        const Cost cost = draw_cost(callee, functions_[caller].place);
        for (std::size_t i = 0; i < cost.size(); ++i) sum[i] += cost[i];
        if (&functions_[caller] == &callee) sum[1] -= cost[1];  // a recursive call is not primitive
      }
      write_key(callee, false);
      write_cost(5, {sum[1], sum[0], sum[2], sum[3]});
      out.plain('{');
      for (const std::uint32_t index : callers) {
        Function& caller = functions_[index];
        if (!out.repeated(caller.key_slot)) caller.key_slot = write_key(caller, caller.callees > 1);
        write_cost(4, draw_cost(callee, caller.place));
      }
      out.plain('0');
      out.flush(file);
    }
    out.plain('0');
    out.flush(file);
  }

 private:
  std::uint32_t draw_name(Random& random) const {
    const std::uint32_t kind = random.below(100);
    if (kind < 4) return kInterned + builtins_ + 5 * files_ + 1 + kind;
    if (kind < 24) return kMade + random.skewed(8, 2);
    const std::uint32_t prefix = random.one_in(80) ? 7 : random.skewed(7, 2);
    return prefix * kWords + random.below(random.one_in(3) ? 1024 : kWords);
  }

  // The distinct callers of `callee`: the same ones each time. Valid until the next call.
  std::vector<std::uint32_t>& draw_callers(const Function& callee) {
    const bool coded = callee.place >= builtins_;  // in Python
    const std::uint32_t self = index_at_[callee.place];
    Random random(seed_, std::uint64_t{callee.place} << 32 | total_);
    callers_.clear();
    functions_[self].last_draw = ++draws_;
    if (coded && callee.callers > 1 && random.one_in(80)) callers_.push_back(self);
    for (std::uint32_t tries = 0; callers_.size() < callee.callers; ++tries) {
      std::uint32_t place = random.one_in(4) ? (4 + random.below(4)) % total_ : anywhere(random);
      const std::uint32_t nearby = (callee.place + total_ + random.below(41) - 20) % total_;
      if (coded && random.one_in(2)) place = nearby;
      Function& caller = functions_[index_at_[place]];
      // Leaves call only if nobody else is left to.
      if (caller.last_draw == draws_ || (caller.leaf && tries < 64 + 16 * callee.callers)) continue;
      caller.last_draw = draws_;
      callers_.push_back(index_at_[place]);
    }
    return callers_;
  }
  // Few functions are drawn often. The factor spreads them: a prime beyond any total.
  std::uint32_t anywhere(Random& random) const {
    const std::uint64_t rank = random.skewed(total_, 3);
    return static_cast<std::uint32_t>(rank * 1'000'000'007 % total_);
  }
  // Most pairs are one call, 1 % are above 2000, and then short ones; a few need a `6c`.
  Cost draw_cost(const Function& callee, std::uint32_t caller_place) const {
    Random random(seed_, std::uint64_t{callee.place} << 32 | caller_place);
    std::uint64_t calls = 1U << (random.one_in(1U << 16) ? 31 : 2 * random.level(9));
    calls = random.one_in(2) ? 1 : calls + random.below(2 * calls);
    std::uint64_t primitive = calls;
    const bool recursive = callee.place == caller_place || random.one_in(150);
    if (recursive && calls > 1) primitive = 1 + calls / (2 + random.below(8));
    std::uint64_t each_ns = 30 + random.below(170);
    if (calls <= 4096) each_ns *= 10U << random.level(10);
    const std::uint64_t self_ns = calls * each_ns + random.below(each_ns);
    return {calls, primitive, self_ns,
            callee.leaf ? self_ns : self_ns * (1 + random.skewed(16, 4))};
  }

  std::uint64_t seed_;
  std::uint32_t total_;
  std::uint32_t builtins_ = total_ / 20;
  std::uint32_t files_ = 0;  // file 0 is the builtins' "~"
  std::uint32_t draws_ = 0;
  std::vector<Function> functions_ = std::vector<Function>(total_);           // in the dump's order
  std::vector<std::uint32_t> index_at_ = std::vector<std::uint32_t>(total_);  // by place
  std::vector<std::uint32_t> callers_;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t functions = 500'000, pairs = 3'000'000, seed = 1;
  const std::map<std::string_view, std::uint64_t*> options = {
      {"--functions", &functions}, {"--pairs", &pairs}, {"--seed", &seed}};
  const char* path = nullptr;
  bool good = true;
  for (int i = 1; i < argc && good; ++i) {
    const auto option = options.find(argv[i]);
    if (option != options.end() && i + 1 < argc) {
      const char* const text = argv[++i];
      const auto [stop, error] = std::from_chars(text, std::strchr(text, '\0'), *option->second);
      good = error == std::errc() && *stop == '\0';
    } else {
      good = path == nullptr && (argv[i][0] != '-' || argv[i][1] == '\0');
      path = argv[i];
    }
  }
  if (!good || path == nullptr || functions < 1 || functions > kMostFunctions ||
      pairs > functions * functions / 16) {
    std::fputs("usage: make_profile [--functions N] [--pairs M] [--seed S] OUT\n", stderr);
    std::fputs("OUT - is stdout; N is 1 to 1310720, M at most N * N / 16\n", stderr);
    return 2;
  }
  std::FILE* const out = std::strcmp(path, "-") == 0 ? stdout : std::fopen(path, "wb");
  if (out != nullptr) Program(static_cast<std::uint32_t>(functions), pairs, seed).write(out);
  if (out != nullptr && std::ferror(out) == 0 && std::fclose(out) == 0) return 0;
  std::fprintf(stderr, "make_profile: %s: %s\n", path, std::strerror(errno));
  return 1;
}
