// An artifact as an object file and a header, to be linked into somebody's program.
#ifndef LATHE_COMPILER_EMITOBJECT_H
#define LATHE_COMPILER_EMITOBJECT_H

#include "compiler/targets/HostImage.h"
#include "nlohmann/json.hpp"
#include "llvm/ADT/StringRef.h"

namespace lathe {

/// Writes `objectPath` with the artifact's bytes as read-only data, each host image as code, and the symbol
/// `<identifier>_program`. Returns "" or a message.
std::string writeObject(llvm::StringRef objectPath, llvm::StringRef identifier, llvm::StringRef artifact,
                        llvm::ArrayRef<HostImage> images);

/// The header that declares the symbol and says what the model takes and gives.
std::string describeHeader(llvm::StringRef identifier, const nlohmann::ordered_json &manifest);

/// `name` as a C identifier.
std::string toIdentifier(llvm::StringRef name);

} // namespace lathe

#endif // LATHE_COMPILER_EMITOBJECT_H
