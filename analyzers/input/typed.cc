#include "analyzers/input/typed.h"

namespace tracebraid::analyzers {

template class Typed<formats::record::Call>;
template class Typed<formats::record::File>;
template class Typed<formats::record::Flow>;
template class Typed<formats::record::Process>;
template class Typed<formats::record::Segment>;
template class Typed<formats::record::Signal>;
template class Typed<formats::record::Switch>;
template class Typed<formats::record::Syscall>;

}  // namespace tracebraid::analyzers
