#ifndef LATHE_COMPILER_OUTPUTSTREAM_H
#define LATHE_COMPILER_OUTPUTSTREAM_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace lathe {

/// Replaces the file `path` as a whole by what `write` writes; "-" is standard output. Returns "", or what went wrong:
/// with the path, or as `write` says it.
std::string writeOutput(llvm::StringRef path, llvm::function_ref<std::string(llvm::raw_pwrite_stream &)> write);

} // namespace lathe

#endif // LATHE_COMPILER_OUTPUTSTREAM_H
