#include "formats/record/syscall.h"

#include "formats/record/struct_info.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Syscall)

}  // namespace tracebraid::formats::record
