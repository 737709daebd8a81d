#include "formats/record/syscall.h"

#include "formats/record/any_record.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Syscall)

}  // namespace tracebraid::formats::record
