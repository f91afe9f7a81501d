#include "frontends/gguf/RopeScaling.h"

#include <cmath>
#include <numbers>

using namespace lathe;

/// The pair that turns `turns` times within `context` tokens, as a real number (Peng et al., 2023, section 3.2).
static double findPair(const DecoderShape &shape, double context, double turns) {
  return shape.ropeDimensions * std::log(context / (turns * 2 * std::numbers::pi)) / (2 * std::log(shape.ropeBase));
}

/// Pairs that turn often keep their frequency, those that turn less than once have it divided by `factor`, and those in
/// between are mixed.
static std::vector<float> computeYarn(ModelReader &reader, const DecoderShape &shape, double factor) {
  double context = reader.getInteger("rope.scaling.original_context_length", shape.contextLength);
  double fast = reader.getNumber("rope.scaling.yarn_beta_fast", 32.0);
  double slow = reader.getNumber("rope.scaling.yarn_beta_slow", 1.0);
  reader.checkPositive("rope.scaling.original_context_length", context);
  reader.checkPositive("rope.scaling.yarn_beta_fast", fast);
  reader.checkPositive("rope.scaling.yarn_beta_slow", slow);
  if (reader.hasFailed())
    return {};
  double first = std::max(0.0, std::floor(findPair(shape, context, fast)));
  double last = std::min(shape.ropeDimensions - 1.0, std::ceil(findPair(shape, context, slow)));
  std::vector<float> factors;
  for (int64_t pair = 0; pair < shape.ropeDimensions / 2; ++pair) {
    double kept = 1 - std::clamp((pair - first) / std::max(0.001, last - first), 0.0, 1.0);
    factors.push_back(1 / (kept + (1 - kept) / factor));
  }
  return factors;
}

RopeScaling RopeScaling::read(ModelReader &reader, const DecoderShape &shape) {
  RopeScaling scaling;
  std::string type = reader.getString("rope.scaling.type", "");
  // What files said before there was a type.
  double factor = reader.getNumber("rope.scaling.factor", reader.getNumber("rope.scale_linear", 1.0));
  if (factor == 0) // how files say that there is none
    factor = 1;
  reader.checkPositive("rope.scaling.factor", factor);
  scaling.magnitude = reader.getNumber("rope.scaling.attn_factor", 1.0);
  reader.checkPositive("rope.scaling.attn_factor", scaling.magnitude);
  if (reader.hasFailed() || type == "none")
    return scaling;
  if (type == "yarn") {
    scaling.factors = computeYarn(reader, shape, factor);
    scaling.magnitude *= 1 + 0.1 * std::log(factor);
  } else if (type == "linear" || (type.empty() && factor != 1)) {
    scaling.factors.assign(shape.ropeDimensions / 2, factor);
  } else if (!type.empty() && type != "longrope") { // whose factors are tensors
    reader.emitError() << "metadata '" << reader.fullKey("rope.scaling.type") << "' is '" << type
                       << "', only 'none', 'linear', 'yarn' and 'longrope' are supported";
  }
  return scaling;
}
