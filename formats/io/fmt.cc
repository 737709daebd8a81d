// fmt's library, made from its headers: where it is installed as a shared library alone, every
// program would load it at its start. What else the code calls than fmt::format() is named here
// too.
#include <fmt/format.h>

namespace {
[[gnu::used]] std::string (*const kFormat)(fmt::string_view, fmt::format_args) = &fmt::vformat;
}  // namespace
