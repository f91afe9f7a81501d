#ifndef LATHE_TOOLS_LATHE_TENSORINPUTS_H
#define LATHE_TOOLS_LATHE_TENSORINPUTS_H

#include "tools/lathe/Arrays.h"
#include "tools/lathe/Handles.h"

#include <map>
#include <optional>

namespace lathe::tools {

/// Where the inputs of a tensor entry come from, as the command line says it.
struct InputArguments {
  std::vector<std::string> files;  ///< NAME=FILE
  std::vector<std::string> dims;   ///< NAME=SIZE
  std::vector<std::string> ranges; ///< NAME=LOW..HIGH
  bool random = false;
  std::optional<uint64_t> seed; ///< else 0
};

/// --input, --seed, --dim and --range; and --random, where a command does not make up inputs anyway.
void addInputOptions(CLI::App &command, InputArguments &arguments, bool alwaysRandom);

/// Splits each NAME=FILE. Without a name the only one of `names` is meant.
std::map<std::string, std::string> splitFiles(const std::vector<std::string> &options, const char *flag,
                                              const std::vector<std::string> &names);

/// Every input of the entry: from a file, else made up when that was asked for. Sizes come from --dim, then from the
/// files, else they are the smallest ones but 0. Throws CommandFailure; an input that is not there is left out, for the
/// runtime to name.
std::map<std::string, Array> makeInputs(const InputArguments &arguments, const Program &program, size_t entry);

/// The array as the runtime takes it; `name` and `array` must outlive the result.
lathe_tensor describeTensor(const char *name, Array &array);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TENSORINPUTS_H
