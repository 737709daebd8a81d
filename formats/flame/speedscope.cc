#include "formats/flame/speedscope.h"

#include <algorithm>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "formats/io/text.h"

namespace tracebraid::formats::flame {

void Speedscope::add(std::string_view profile, std::span<const std::string_view> frames,
                     std::uint64_t weight) {
  auto known = std::ranges::find(profiles_, profile, &Profile::name);
  if (known == profiles_.end()) {
    profiles_.push_back({std::string(profile), {}, 0});
    known = profiles_.end() - 1;
  }
  Sample sample{{}, weight};
  for (const std::string_view frame : frames) {
    auto number = frame_numbers_.find(frame);
    if (number == frame_numbers_.end()) {
      frames_.emplace_back(frame);
      number =
          frame_numbers_.emplace(frames_.back(), static_cast<std::uint32_t>(frames_.size() - 1))
              .first;
    }
    sample.frames.push_back(number->second);
  }
  known->samples.push_back(std::move(sample));
  known->total += weight;
}

void Speedscope::write(io::Output& output, std::string_view name, std::string_view exporter) const {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  const auto put = [&](std::string_view value) {
    std::string shown;
    io::append_escaped(shown, value);
    writer.String(shown.data(), static_cast<rapidjson::SizeType>(shown.size()));
  };
  writer.StartObject();
  writer.Key("$schema");
  writer.String("https://www.speedscope.app/file-format-schema.json");
  writer.Key("shared");
  writer.StartObject();
  writer.Key("frames");
  writer.StartArray();
  for (const std::string& frame : frames_) {
    writer.StartObject();
    writer.Key("name");
    put(frame);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  writer.Key("profiles");
  writer.StartArray();
  for (const Profile& profile : profiles_) {
    writer.StartObject();
    writer.Key("type");
    writer.String("sampled");
    writer.Key("name");
    put(profile.name);
    writer.Key("unit");
    put(unit_);
    writer.Key("startValue");
    writer.Uint(0);
    writer.Key("endValue");
    writer.Uint64(profile.total);
    writer.Key("samples");
    writer.StartArray();
    for (const Sample& sample : profile.samples) {
      writer.StartArray();
      for (const std::uint32_t frame : sample.frames) writer.Uint(frame);
      writer.EndArray();
    }
    writer.EndArray();
    writer.Key("weights");
    writer.StartArray();
    for (const Sample& sample : profile.samples) writer.Uint64(sample.weight);
    writer.EndArray();
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("name");
  put(name);
  writer.Key("exporter");
  put(exporter);
  writer.EndObject();
  output.write({text.GetString(), text.GetSize()});
}

}  // namespace tracebraid::formats::flame
