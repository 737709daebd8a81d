#include "formats/record/socket.h"

#include "formats/record/any_record.h"

namespace tracebraid::formats::record {

TRACEBRAID_MADE_ONCE(, Socket)

}  // namespace tracebraid::formats::record
