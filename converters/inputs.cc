#include "converters/inputs.h"

#include <algorithm>
#include <vector>

namespace tracebraid::converters {

#define TRACEBRAID_INPUT(folder) \
  namespace folder {             \
  extern const InputKind kInput; \
  }
#include "converters/inputs.list"
#undef TRACEBRAID_INPUT

namespace {

#define TRACEBRAID_INPUT(folder) &folder::kInput,
constexpr const InputKind* kKinds[] = {
#include "converters/inputs.list"
};
#undef TRACEBRAID_INPUT

}  // namespace

std::unique_ptr<formats::io::Rewound> flushing(std::unique_ptr<formats::io::Rewound> source,
                                               InputSink& sink) {
  return formats::io::with_hook(std::move(source), [&sink] { sink.flush(); });
}

std::span<const InputKind* const> input_kinds() {
  return kKinds;
}

const InputKind* recognize(std::string_view head) {
  const auto found =
      std::ranges::find_if(kKinds, [&](const InputKind* kind) { return kind->recognize(head); });
  return found == std::end(kKinds) ? nullptr : *found;
}

std::span<const formats::record::TypeInfo* const> known_types() {
  static const std::vector<const formats::record::TypeInfo*> kTypes = [] {
    std::vector<const formats::record::TypeInfo*> types;
    for (const InputKind* const kind : kKinds) {
      types.insert(types.end(), kind->types.begin(), kind->types.end());
    }
    return types;
  }();
  return kTypes;
}

std::string_view described_inputs() {
  static const std::string kText = [] {
    std::string text = "Files are told by their content, not by their names: ";
    for (const InputKind* const kind : kKinds) {
      if (kind == kKinds[std::size(kKinds) - 1]) text.append("and ");
      text.append(kind->plural);
      text.append(kind == kKinds[std::size(kKinds) - 1] ? "; " : ", ");
    }
    return text + "gzip and zstd are seen through; - or nothing is standard input.";
  }();
  return kText;
}

std::string no_known_input() {
  std::string text;
  for (const InputKind* const kind : kKinds) {
    text.append(text.empty() ? "neither " : ", nor ").append(kind->described);
  }
  return text;
}

}  // namespace tracebraid::converters
