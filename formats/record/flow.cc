#include "formats/record/flow.h"

#include "formats/record/any_record.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Flow)
TRACEBRAID_MADE_ONCE(, Segment)

}  // namespace tracebraid::formats::record
