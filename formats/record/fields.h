// The fields of a record type as one constant, each with its member's own type.
//
// Not a std::tuple: its constructors are checked for every pair of element and argument, which took
// three quarters of the time to compile an analyzer that knows the large records (114, 99 and 57
// fields; GCC 12).
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace tracebraid::formats::record {

// `Member` is bool, std::uint64_t (and narrower unsigned), std::int64_t, Time, Duration, Address,
// std::string_view, or std::optional of one of them; an empty string_view and an Address of size 0
// are missing values too.
template <typename Record, typename MemberType>
struct Field {
  using Member = MemberType;
  Member Record::*member;
  std::string_view name;
  std::string_view unit;  // "bytes", "packets", "port", "enum"; empty for times and for no unit
  std::string_view doc;   // one line, no full stop
};

// For clang before 17, which does not find it by itself.
template <typename Record, typename Member>
Field(Member Record::*, std::string_view, std::string_view, std::string_view)
    -> Field<Record, Member>;

namespace detail {

// A field with its place, so that fields of one type are bases of different types.
template <std::size_t Place, typename FieldType>
struct Placed {
  using Field = FieldType;
  Field field;
};

template <typename Places, typename... FieldTypes>
struct PlacedFields;

template <std::size_t... Places, typename... FieldTypes>
struct PlacedFields<std::index_sequence<Places...>, FieldTypes...> : Placed<Places, FieldTypes>... {
  constexpr explicit PlacedFields(const FieldTypes&... fields)
      : Placed<Places, FieldTypes>{fields}... {}

  static constexpr std::size_t kCount = sizeof...(FieldTypes);

  // Calls `use` with all fields at once.
  template <typename Use>
  constexpr decltype(auto) apply(Use use) const {
    return use(static_cast<const Placed<Places, FieldTypes>&>(*this).field...);
  }

  // Calls `use.operator()<P>()` for all at once, each P a Placed that the fields can be cast to.
  template <typename Use>
  static constexpr decltype(auto) apply_types(Use use) {
    return use.template operator()<Placed<Places, FieldTypes>...>();
  }
};

}  // namespace detail

template <typename... FieldTypes>
struct Fields : detail::PlacedFields<std::index_sequence_for<FieldTypes...>, FieldTypes...> {
  using detail::PlacedFields<std::index_sequence_for<FieldTypes...>, FieldTypes...>::PlacedFields;
};

template <typename... FieldTypes>
Fields(FieldTypes...) -> Fields<FieldTypes...>;

}  // namespace tracebraid::formats::record
