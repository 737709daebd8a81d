// speedscope's own file format: JSON with a table of frames and, for each profile, samples (stacks
// of frame numbers, the outermost first) and their weights.
//
// Definition: speedscope, src/lib/file-format-spec.ts. E.g.
//   {"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{"frames":[
//   {"name":"main"},{"name":"read"}]},"profiles":[{"type":"sampled","name":"process 7",
//   "unit":"nanoseconds","startValue":0,"endValue":120,"samples":[[0,1]],"weights":[120]}],
//   "name":"server.strace"}
//
// Memory: the distinct frames, and all samples.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/io/hash.h"
#include "formats/io/output.h"

namespace tracebraid::formats::flame {

class Speedscope {
 public:
  // `unit` is nanoseconds, bytes or none.
  explicit Speedscope(std::string_view unit) : unit_(unit) {}

  // `profile` names the profile that the sample belongs to; they are listed as they come.
  void add(std::string_view profile, std::span<const std::string_view> frames,
           std::uint64_t weight);
  void write(io::Output& output, std::string_view name, std::string_view exporter) const;

 private:
  struct Sample {
    std::vector<std::uint32_t> frames;
    std::uint64_t weight;
  };
  struct Profile {
    std::string name;
    std::vector<Sample> samples;
    std::uint64_t total = 0;
  };

  std::string unit_;
  std::deque<std::string> frames_;
  std::unordered_map<std::string_view, std::uint32_t, io::TextHash> frame_numbers_;
  std::deque<Profile> profiles_;
};

}  // namespace tracebraid::formats::flame
