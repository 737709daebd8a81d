#include "formats/record/flow.h"

#include "formats/record/struct_info.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Flow)
TRACEBRAID_MADE_ONCE(, Segment)

}  // namespace tracebraid::formats::record
