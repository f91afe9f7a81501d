#include "tools/lathe/TensorInputs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace lathe::tools {

namespace {

[[noreturn]] void refuse(const std::string &problem) { throw CommandFailure(LATHE_INVALID_ARGUMENT, problem); }

int64_t parseNumber(const std::string &text, const std::string &option) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    refuse(option + " has '" + text + "' where a number is needed");
  return value;
}

/// Splits NAME=VALUE.
std::pair<std::string, std::string> split(const std::string &option, const std::string &flag, const char *form) {
  size_t equals = option.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == option.size())
    refuse(flag + " '" + option + "' must be " + form);
  return {option.substr(0, equals), option.substr(equals + 1)};
}

/// Values of the entry's symbols, -1 where nothing has said one.
class Sizes {
public:
  Sizes(const Program &program, size_t entry) {
    for (size_t i = 0; const lathe_symbol_info *symbol = lathe_program_symbol(program.get(), entry, i); ++i)
      symbols.emplace(symbol->name, symbol);
  }

  void set(const std::string &name, int64_t size) {
    auto found = symbols.find(name);
    if (found == symbols.end()) {
      std::string known;
      for (auto &[each, info] : symbols)
        known += (known.empty() ? "'" : ", '") + each + "'";
      refuse("--dim names '" + name + "', but the sizes of this entry are " + (known.empty() ? "all fixed" : known));
    }
    if (size < found->second->min || size > found->second->max)
      refuse("--dim makes '" + name + "' " + std::to_string(size) + " but the model was compiled for " +
             std::to_string(found->second->min) + " to " + std::to_string(found->second->max));
    values[name] = size;
  }
  /// Takes what an array shows; wrong shapes are for the runtime to refuse.
  void learn(const lathe_value_info &value, const Array &array) {
    for (size_t i = 0; i != value.rank && array.shape.size() == value.rank; ++i)
      if (value.symbols[i])
        values.emplace(value.symbols[i], array.shape[i]);
  }
  int64_t get(const std::string &name) const {
    auto known = values.find(name);
    return known != values.end() ? known->second : std::max<int64_t>(symbols.at(name)->min, 1);
  }

private:
  std::map<std::string, const lathe_symbol_info *> symbols;
  std::map<std::string, int64_t> values;
};

/// Reads an input's file in the type that the model takes.
Array readInput(const std::string &path, const lathe_value_info *value) {
  Array array = readArray(path);
  if (value && value->type == LATHE_BF16 && array.type == LATHE_U16)
    array.type = LATHE_BF16; // NumPy's way to hold it
  if (value && value->type != array.type)
    refuse(path + ": has elements of " + typeName(array.type) + " but input '" + value->name + "' takes " +
           typeName(value->type) + "; convert it");
  return array;
}

using Ranges = std::map<std::string, std::pair<int64_t, int64_t>>;

Ranges parseRanges(const std::vector<std::string> &options) {
  Ranges ranges;
  for (const std::string &option : options) {
    auto [name, text] = split(option, "--range", "NAME=LOW..HIGH");
    size_t dots = text.find("..");
    if (dots == std::string::npos)
      refuse("--range '" + option + "' must be NAME=LOW..HIGH");
    int64_t low = parseNumber(text.substr(0, dots), "--range"), high = parseNumber(text.substr(dots + 2), "--range");
    if (high < low)
      refuse("--range '" + option + "' ends before it begins");
    ranges[name] = {low, high};
  }
  return ranges;
}

} // namespace

void addInputOptions(CLI::App &command, InputArguments &arguments, bool alwaysRandom) {
  std::string with = alwaysRandom ? "" : "with --random: ";
  auto add = [&](CLI::Option *option) { return option->allow_extra_args(false)->group("Tensors"); };
  add(command.add_option("--input", arguments.files, "NAME=FILE, .npy or ONNX's .pb, for each input"));
  add(command.add_option("--seed", arguments.seed,
                         "The same seed gives the same inputs (default: 0)" +
                             std::string(alwaysRandom ? ""
                                                      : " and the "
                                                        "same text (default: another one each time)")));
  add(command.add_option("--dim", arguments.dims,
                         "NAME=SIZE, " + with + "a size that may vary (default: the smallest)"));
  CLI::Option *range = add(command.add_option(
      "--range", arguments.ranges, "NAME=LOW..HIGH, " + with + "values of an integer input (default: 0..1)"));
  arguments.random = alwaysRandom;
  if (alwaysRandom)
    return;
  CLI::Option *random = command.add_flag("--random", arguments.random, "Make up the inputs that no file gives");
  random->group("Tensors");
  range->needs(random);
}

std::map<std::string, std::string> splitFiles(const std::vector<std::string> &options, const char *flag,
                                              const std::vector<std::string> &names) {
  std::map<std::string, std::string> result;
  for (const std::string &option : options) {
    size_t equals = option.find('=');
    if (equals == std::string::npos && names.size() != 1)
      refuse(std::string(flag) + " '" + option + "' must be NAME=FILE");
    std::string name = equals == std::string::npos ? names[0] : option.substr(0, equals);
    if (!result.emplace(name, option.substr(equals == std::string::npos ? 0 : equals + 1)).second)
      refuse(std::string(flag) + " names '" + name + "' twice");
  }
  return result;
}

std::map<std::string, Array> makeInputs(const InputArguments &arguments, const Program &program, size_t entry) {
  std::map<std::string, const lathe_value_info *> values;
  std::vector<std::string> names;
  for (size_t i = 0; const lathe_value_info *value = lathe_program_input(program.get(), entry, i); ++i) {
    values[value->name] = value;
    names.emplace_back(value->name);
  }
  Sizes sizes(program, entry);
  for (const std::string &option : arguments.dims) {
    auto [name, text] = split(option, "--dim", "NAME=SIZE");
    sizes.set(name, parseNumber(text, "--dim"));
  }
  std::map<std::string, Array> inputs;
  for (auto &[name, path] : splitFiles(arguments.files, "--input", names)) {
    auto value = values.find(name);
    Array &array = inputs[name] = readInput(path, value == values.end() ? nullptr : value->second);
    if (value != values.end())
      sizes.learn(*value->second, array);
  }
  if (!arguments.random)
    return inputs;
  Ranges ranges = parseRanges(arguments.ranges);
  for (auto &[name, range] : ranges)
    if (!values.count(name))
      refuse("--range names '" + name + "', which is no input");
  std::mt19937_64 engine(arguments.seed.value_or(0));
  for (const std::string &name : names) {
    if (inputs.count(name))
      continue;
    const lathe_value_info &value = *values[name];
    std::vector<int64_t> shape;
    for (size_t i = 0; i != value.rank; ++i)
      shape.push_back(value.symbols[i] ? sizes.get(value.symbols[i]) : value.shape[i]);
    auto range = ranges.find(name);
    auto [low, high] = range == ranges.end() ? std::pair<int64_t, int64_t>(0, 1) : range->second;
    inputs[name] = randomArray(value.type, shape, engine, low, high);
  }
  return inputs;
}

lathe_tensor describeTensor(const char *name, Array &array) {
  if (array.shape.size() > LATHE_MAX_RANK)
    refuse(std::string("input '") + name + "' has more than 8 dimensions");
  lathe_tensor tensor = {};
  tensor.name = name;
  tensor.data = array.bytes.data();
  tensor.bytes = array.bytes.size();
  tensor.type = array.type;
  tensor.rank = array.shape.size();
  std::copy(array.shape.begin(), array.shape.end(), tensor.shape);
  return tensor;
}

} // namespace lathe::tools
