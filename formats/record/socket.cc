#include "formats/record/socket.h"

#include "formats/record/struct_info.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Socket)

}  // namespace tracebraid::formats::record
