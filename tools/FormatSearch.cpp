#include "tools/FormatSearch.h"
#include "compiler/FormatChoice.h"
#include "compiler/FormatErrors.h"
#include "dialects/plan/Plan.h"
#include "passes/quantization/QuantizableWeights.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace lathe;
using namespace lathe::tools;

namespace {

/// All that is made of one weight, which gets one format.
struct OpenWeight {
  std::string name;
  std::vector<QuantizableValue> values;
  std::vector<std::string> formats;
  std::vector<FormatOption> options; ///< the first is to keep it
  size_t group = 0;
  int64_t count = 0; ///< of elements

  const FormatOption &getSmallest() const {
    return *llvm::min_element(options, [](const auto &a, const auto &b) { return a.bytes < b.bytes; });
  }
};

/// Weights that are quantized together to see what that costs.
struct Group {
  std::vector<size_t> weights;
  double sensitivity = 0; ///< loss for an error of 1
};

class FormatSearch {
public:
  FormatSearch(MLIRContext &context, const CompileOptions &options, int64_t limit, QuantizationCheck *check)
      : Context(context), Options(options), Limit(limit), Check(check), Cleaned(context, optionsUpTo("cleanup", {})) {}

  llvm::Expected<FoundFormats> run();

private:
  CompileOptions optionsUpTo(StringRef phase, std::vector<std::string> choices) const;
  llvm::Expected<int64_t> planBytes(ArrayRef<size_t> chosen) const;
  llvm::Error findOpenWeights();
  llvm::Error measureErrors();
  void formGroups();
  llvm::Error measureSensitivity(int64_t otherBytes);
  llvm::Error chooseFormats(int64_t smallest, int64_t other);
  int64_t sumBytes(ArrayRef<size_t> chosen) const;
  std::vector<std::string> listChoices(ArrayRef<size_t> chosen) const;
  FoundFormats describe() const;

  MLIRContext &Context;
  const CompileOptions &Options;
  int64_t Limit;
  QuantizationCheck *Check;
  Compilation Cleaned; ///< holds the operations of the weights
  std::vector<OpenWeight> Weights;
  std::vector<Group> Groups;
  std::vector<size_t> Chosen; ///< places of options
  int64_t Bytes = 0, WholeBytes = 0, SmallestBytes = 0;
};

} // namespace

static llvm::Error fail(const Twine &message) { return llvm::createStringError(message.str()); }

/// After diagnostics there is nothing left to say.
static llvm::Error failSilently() { return fail(""); }

/// The same compilation without what is said or written on the way.
CompileOptions FormatSearch::optionsUpTo(StringRef phase, std::vector<std::string> choices) const {
  CompileOptions result = Options;
  result.stopAfter = phase.str();
  result.pipeline.formatChoices = std::move(choices);
  result.remarks.clear();
  result.dumpPhases.clear();
  result.verify = false;
  result.note = [](StringRef) {};
  result.progress = [this](StringRef step) { Options.progress(("sizes: " + step).str()); };
  return result;
}

/// "blk.*.attn_q.weight" of "blk.12.attn_q.weight".
static std::string maskNumbers(StringRef name) {
  std::string masked;
  for (char c : name)
    if (!llvm::isDigit(c))
      masked += c;
    else if (masked.empty() || masked.back() != '*')
      masked += '*';
  return masked;
}

llvm::Error FormatSearch::findOpenWeights() {
  if (failed(Cleaned.run()))
    return failSilently();
  llvm::Expected<QuantizationRecipe> recipe = QuantizationRecipe::read(Options.pipeline.quantize);
  if (!recipe)
    return recipe.takeError();
  std::vector<QuantizableValue> values = findQuantizableValues(Cleaned.getModule());
  std::vector<QuantizableWeight> described;
  for (const QuantizableValue &value : values)
    described.push_back(value.describe());
  llvm::Expected<std::vector<ChosenFormat>> formats = recipe->choose(&Context, described);
  if (!formats)
    return formats.takeError();
  std::map<std::string, size_t> places;
  for (auto [value, weight, chosen] : llvm::zip_equal(values, described, *formats)) {
    if (chosen.candidates.empty())
      continue;
    auto [known, isNew] = places.try_emplace(weight.name, Weights.size());
    if (isNew)
      Weights.push_back({weight.name, {}, chosen.candidates, {{"keep"}}});
    OpenWeight &open = Weights[known->second];
    llvm::erase_if(open.formats, [&](const std::string &f) { return !llvm::is_contained(chosen.candidates, f); });
    open.values.push_back(value);
    open.count += ShapedType::getNumElements(weight.shape);
    open.options[0].bytes += *getTensorBytes(cast<RankedTensorType>(value.values.getType()));
  }
  if (!Weights.empty())
    return llvm::Error::success();
  return fail("--max-size chooses formats where the recipe says fit, but '" + Options.pipeline.quantize +
              "' says so of none of the " + Twine(values.size()) +
              " weights that products and gathers read and whose rows hold whole blocks; write fit behind a pattern, "
              "or leave --quantize out");
}

llvm::Error FormatSearch::measureErrors() {
  std::vector<FormatTrial> trials;
  for (const OpenWeight &weight : Weights)
    for (const std::string &format : weight.formats)
      for (const QuantizableValue &value : weight.values)
        trials.push_back({value, format});
  auto progress = [&](size_t done) {
    Options.progress(llvm::formatv("formats, {0} of {1} measured", done, trials.size()).str());
  };
  auto errors = measureFormats(Context, trials, progress);
  if (failed(errors))
    return failSilently();
  const QuantizationError *next = errors->data();
  for (OpenWeight &weight : Weights)
    for (const std::string &format : weight.formats) {
      FormatOption option{format};
      double squaredErrors = 0, squaredValues = 0;
      for (const QuantizableValue &value : weight.values) {
        squaredErrors += next->squaredErrors;
        squaredValues += next->squaredValues;
        ++next;
        SmallVector<int64_t> shape = value.getShape();
        option.bytes += *findQuantizedType(&Context, format, shape).getByteSize(shape);
      }
      option.error = squaredValues > 0 ? squaredErrors / squaredValues : 0;
      weight.options.push_back(option);
    }
  return llvm::Error::success();
}

/// Weights whose names differ in numbers alone have one part; each third of them, in the order in which they are read,
/// is a group.
void FormatSearch::formGroups() {
  constexpr size_t Thirds = 3;
  llvm::MapVector<std::string, std::vector<size_t>, std::map<std::string, unsigned>> parts;
  for (auto [i, weight] : llvm::enumerate(Weights))
    parts[maskNumbers(weight.name)].push_back(i);
  for (auto &[name, members] : parts) {
    size_t groups = std::min(Thirds, members.size()), first = Groups.size();
    Groups.resize(first + groups);
    for (auto [i, member] : llvm::enumerate(members)) {
      Weights[member].group = first + i * groups / members.size();
      Groups[Weights[member].group].weights.push_back(member);
    }
  }
}

/// What a comparison tells apart: nats, or of outputs that are no rows of logits their squared relative errors.
static double getCost(const nlohmann::ordered_json &found) {
  if (auto divergence = found.find("divergence"); divergence != found.end())
    return divergence->is_number() ? divergence->get<double>() : INFINITY;
  double cost = 0;
  for (const auto &output : found["outputs"])
    cost += output["relative_error"].is_number() ? std::pow(output["relative_error"].get<double>(), 2) : INFINITY;
  return cost;
}

/// `otherBytes` are those of all that is not open.
llvm::Error FormatSearch::measureSensitivity(int64_t otherBytes) {
  int64_t count = 0;
  for (const OpenWeight &weight : Weights)
    count += weight.count;
  double bytesOfWeight = double(std::max<int64_t>(Limit - otherBytes, 0)) / double(count);
  for (auto [number, group] : llvm::enumerate(Groups)) {
    std::vector<size_t> chosen(Weights.size(), 0);
    double error = 0;
    for (size_t member : group.weights) {
      const OpenWeight &weight = Weights[member];
      size_t best = 0; // the finest of those that take no more than the average, else the smallest that loses something
      for (auto [i, option] : llvm::enumerate(weight.options)) {
        if (option.error == 0)
          continue;
        auto isWithin = [&](const FormatOption &o) { return double(o.bytes) <= bytesOfWeight * double(weight.count); };
        const FormatOption &known = weight.options[best];
        bool within = isWithin(option);
        if (best == 0 || (within && (!isWithin(known) || option.error < known.error)) ||
            (!within && !isWithin(known) && option.bytes < known.bytes))
          best = i;
      }
      chosen[member] = best;
      error += weight.options[best].error;
    }
    if (error == 0)
      continue;
    std::string step = llvm::formatv("sensitivity, {0} of {1}", number + 1, Groups.size());
    auto found = Check->compare("keep", listChoices(chosen), /*activations=*/"", step);
    if (!found)
      return found.takeError();
    double cost = getCost(*found);
    if (!std::isfinite(cost))
      return fail("--max-size: '" + Weights[group.weights.front()].name + "' alone as " +
                  Weights[group.weights.front()].options[chosen[group.weights.front()]].format +
                  " makes outputs infinite or nothing; keep it in the recipe");
    group.sensitivity = cost / error;
  }
  return llvm::Error::success();
}

std::vector<std::string> FormatSearch::listChoices(ArrayRef<size_t> chosen) const {
  std::vector<std::string> choices;
  for (auto [weight, place] : llvm::zip_equal(Weights, chosen))
    choices.push_back(weight.name + "=" + weight.options[place].format);
  return choices;
}

int64_t FormatSearch::sumBytes(ArrayRef<size_t> chosen) const {
  int64_t bytes = 0;
  for (auto [weight, place] : llvm::zip_equal(Weights, chosen))
    bytes += weight.options[place].bytes;
  return bytes;
}

/// Bytes of the artifact's weights.
llvm::Expected<int64_t> FormatSearch::planBytes(ArrayRef<size_t> chosen) const {
  Compilation planned(Context, optionsUpTo("plan", listChoices(chosen)));
  if (failed(planned.run()))
    return failSilently();
  int64_t end = 0;
  for (auto data : planned.getModule().getOps<plan::DataOp>())
    end = std::max<int64_t>(end, data.getOffset() + *getTensorBytes(cast<RankedTensorType>(data.getType())));
  return end;
}

/// `other` bytes are taken beside those of options. What padding makes of a choice is known once it is planned: then
/// there is so much less room.
llvm::Error FormatSearch::chooseFormats(int64_t smallest, int64_t other) {
  std::vector<std::vector<FormatOption>> options;
  for (OpenWeight &weight : Weights) {
    for (FormatOption &option : weight.options)
      option.loss = option.error * (Check ? Groups[weight.group].sensitivity : double(weight.count));
    options.push_back(weight.options);
  }
  constexpr int Attempts = 8;
  std::vector<size_t> least = Chosen;
  for (int attempt = 0; attempt < Attempts; ++attempt) {
    std::optional<std::vector<size_t>> found = chooseWithin(options, Limit - other);
    if (!found)
      break;
    llvm::Expected<int64_t> bytes = planBytes(*found);
    if (!bytes)
      return bytes.takeError();
    if (*bytes <= Limit) {
      Chosen = *found;
      Bytes = *bytes;
      return llvm::Error::success();
    }
    other += *bytes - Limit;
  }
  Chosen = least;
  Bytes = smallest;
  return llvm::Error::success();
}

llvm::Expected<FoundFormats> FormatSearch::run() {
  if (llvm::Error error = findOpenWeights())
    return error;
  Chosen.assign(Weights.size(), 0);
  llvm::Expected<int64_t> whole = planBytes(Chosen);
  if (!whole)
    return whole.takeError();
  Bytes = WholeBytes = *whole;
  if (WholeBytes <= Limit)
    return describe();
  if (llvm::Error error = measureErrors())
    return error;
  for (auto [weight, place] : llvm::zip_equal(Weights, Chosen))
    place = &weight.getSmallest() - weight.options.data();
  llvm::Expected<int64_t> smallest = planBytes(Chosen);
  if (!smallest)
    return smallest.takeError();
  SmallestBytes = *smallest;
  if (SmallestBytes > Limit)
    return fail("--max-size is " + Twine(Limit) + " bytes but the weights take " + Twine(SmallestBytes) +
                " in the smallest formats of the recipe; allow so many, or name smaller formats (fit:FORMAT,...)");
  int64_t other = SmallestBytes - sumBytes(Chosen);
  if (Check) {
    formGroups();
    if (llvm::Error error = measureSensitivity(other))
      return error;
  }
  if (llvm::Error error = chooseFormats(SmallestBytes, other))
    return error;
  return describe();
}

/// Four digits, so that machines of other levels write the same.
static double roundDigits(double value) { return std::strtod(llvm::formatv("{0:e3}", value).str().c_str(), nullptr); }

/// Why a weight has its option: what the next better one would have saved, for how much.
static std::string giveReason(const OpenWeight &weight, const FormatOption &chosen) {
  const FormatOption *next = nullptr;
  auto gain = [&](const FormatOption &o) { return (chosen.loss - o.loss) / double(o.bytes - chosen.bytes); };
  for (const FormatOption &option : weight.options)
    if (option.loss < chosen.loss && option.bytes > chosen.bytes && (!next || gain(option) > gain(*next)))
      next = &option;
  if (!next)
    return "none of its formats loses less";
  return llvm::formatv("{0} would save {1:e2} for {2} bytes, {3:e2} a byte", next->format, chosen.loss - next->loss,
                       next->bytes - chosen.bytes, gain(*next));
}

FoundFormats FormatSearch::describe() const {
  FoundFormats found;
  found.choices = listChoices(Chosen);
  nlohmann::ordered_json &json = found.description;
  json = {{"limit", Limit}, {"bytes", Bytes}, {"bytes_before", WholeBytes}};
  auto list = nlohmann::ordered_json::array();
  if (WholeBytes <= Limit) {
    json["loss"] = "nothing: all weights fit as they are";
    json["weights"] = list;
    return found;
  }
  json["bytes_smallest"] = SmallestBytes;
  json["loss"] = Check ? "nats on " + Check->describeInputs() : "relative squared error times weights";
  for (auto [weight, place] : llvm::zip_equal(Weights, Chosen)) {
    const FormatOption &option = weight.options[place];
    nlohmann::ordered_json entry = {
        {"name", weight.name}, {"format", option.format}, {"bytes", option.bytes}, {"loss", roundDigits(option.loss)}};
    if (Check) {
      const Group &group = Groups[weight.group];
      entry["sensitivity"] = roundDigits(group.sensitivity);
      entry["measured_with"] = {Weights[group.weights.front()].name, Weights[group.weights.back()].name};
    }
    entry["reason"] = giveReason(weight, option);
    list.push_back(std::move(entry));
  }
  json["weights"] = std::move(list);
  return found;
}

llvm::Expected<FoundFormats> tools::findFormats(MLIRContext &context, const CompileOptions &options, int64_t limit,
                                                QuantizationCheck *check) {
  return FormatSearch(context, options, limit, check).run();
}
