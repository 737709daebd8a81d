// A visitor that has a function for each type of records that it knows:
//
//   class Sizes final : public ByType<Sizes, record::Flow, record::Segment> {
//    public:
//     void on(const record::Flow& flow);
//     void on(const record::Segment& segment);
//   };
//
// Records come as their structs, whatever they were read from (typed.h); of other types nothing is
// seen but what visit_other() is shown.
#pragma once

#include <vector>

#include "analyzers/input/typed.h"
#include "analyzers/input/visitor.h"
#include "formats/record/any_record.h"

namespace tracebraid::analyzers {

template <typename Visitor, typename... Records>
class ByType : public RecordVisitor, private Typed<Records>... {
 public:
  void visit(const formats::record::AnyRecord& any) override {
    const formats::record::TypeInfo* const type = &any.type();
    if (type != last_.type) last_ = find(*type);
    (this->*last_.take)(any);
  }

  // Who overrides it calls this one, too.
  void at_end() override {
    known_.clear();
    last_ = {};
    (Typed<Records>::forget_type(), ...);
  }

 protected:
  virtual void visit_other(const formats::record::AnyRecord& any) { (void)any; }

 private:
  using Take = void (ByType::*)(const formats::record::AnyRecord&);
  struct Known {
    const formats::record::TypeInfo* type = nullptr;
    Take take = nullptr;
  };

  template <typename Record>
  void take(const formats::record::AnyRecord& any) {
    static_cast<Visitor&>(*this).on(*Typed<Record>::get(any));
  }

  [[nodiscard]] Known find(const formats::record::TypeInfo& type) {
    for (const Known& each : known_) {
      if (each.type == &type) return each;
    }
    Known found{&type, &ByType::visit_other};
    ((type.name == Records::kType ? void(found.take = &ByType::template take<Records>) : void()),
     ...);
    return known_.emplace_back(found);
  }

  Known last_;
  std::vector<Known> known_;
};

}  // namespace tracebraid::analyzers
