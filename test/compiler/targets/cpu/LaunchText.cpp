// A launch as the text of a plan, and what the reference says about it.
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/plan/Plan.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <functional>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

//===- Text  ------------------------------------------------------------------------------------------------------===//

static std::string join(size_t count, const std::function<std::string(size_t)> &item) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + item(i);
  return text;
}

std::string test::makePlan(const LaunchText &launch) {
  std::string symbols = join(launch.Symbols, [](size_t i) { return "s" + std::to_string(i); });
  auto rawMap = [&](const std::string &dims) { return "()[" + symbols + "] -> (" + dims + ")"; };
  auto map = [&](const std::string &dims) { return "affine_map<" + rawMap(dims) + ">"; };
  auto isState = [](const Port &port) { return port.Type.starts_with("!lathe.state"); };
  auto element = [&](const Port &port) {
    if (isState(port))
      return port.Type;
    mlir::MLIRContext context;
    size_t start = port.Type.find('<') + 1, end = port.Type.size() - 1;
    std::string inner = port.Type.substr(start, end - start);
    size_t x = inner.find("!lathe") != std::string::npos ? inner.find("!lathe") : inner.rfind('x') + 1;
    return inner.substr(x);
  };
  auto port = [&](const std::string &name, const Port &p) {
    return "#plan.port<\"" + name + "\", \"tensor\", " + element(p) + ", " + rawMap(p.Dims) + ">";
  };
  std::vector<std::string> inputs, outputs, states, arguments, ins, outs;
  for (size_t i = 0; i < launch.Inputs.size(); ++i) {
    std::string name = "%p" + std::to_string(i);
    ins.push_back(name);
    (isState(launch.Inputs[i]) ? states : inputs).push_back(port("p" + std::to_string(i), launch.Inputs[i]));
    if (!isState(launch.Inputs[i]))
      arguments.push_back(name + ": !plan.buffer");
  }
  for (size_t i = 0; i < launch.Outputs.size(); ++i) {
    std::string name = "%q" + std::to_string(i);
    if (isState(launch.Outputs[i])) { // the state that came in
      for (size_t j = 0; j < launch.Inputs.size(); ++j)
        if (isState(launch.Inputs[j]))
          outs.push_back("%p" + std::to_string(j));
      continue;
    }
    outs.push_back(name);
    outputs.push_back(port("q" + std::to_string(i), launch.Outputs[i]));
    arguments.push_back(name + ": !plan.buffer");
  }
  for (size_t i = 0; i < launch.Inputs.size(); ++i)
    if (isState(launch.Inputs[i]))
      arguments.push_back("%p" + std::to_string(i) + ": !plan.buffer");
  auto list = [](const std::vector<std::string> &items) {
    return join(items.size(), [&](size_t i) { return items[i]; });
  };
  std::vector<Port> ports = launch.Inputs;
  ports.insert(ports.end(), launch.Outputs.begin(), launch.Outputs.end());
  return "plan.program @main \"tensor\" symbols [" +
         join(launch.Symbols, [](size_t i) { return "#lathe.symbol<\"s" + std::to_string(i) + "\", 0, 100000>"; }) +
         "] inputs [" + list(inputs) + "] outputs [" + list(outputs) + "] states [" + list(states) + "] {\n^bb0(" +
         list(arguments) + "):\n  plan.clone range [] arena " + map("0") +
         " {\n    plan.launch #lathe.kernel<\"test\", {}, \"test\"> ins(" + list(ins) + ") outs(" + list(outs) +
         ") shapes [" + join(ports.size(), [&](size_t i) { return map(ports[i].Dims); }) + "] {\n    ^bb0(" +
         join(launch.Inputs.size(), [&](size_t i) { return "%a" + std::to_string(i) + ": " + launch.Inputs[i].Type; }) +
         "):\n" + launch.Body + "\n    }\n  }\n}\n";
}

//===- The reference ----------------------------------------------------------------------------------------------===//

namespace {
/// The first launch of a plan, evaluated by the reference.
class ReferenceRunner {
public:
  explicit ReferenceRunner(const std::string &plan) {
    Context.loadDialect<LatheDialect, plan::PlanDialect>();
    Module = mlir::parseSourceString<mlir::ModuleOp>(plan, &Context);
    Module->walk([&](plan::LaunchOp launch) { Launch = launch; });
    Types = Launch.getPortTypes();
  }

  size_t countInputs() { return Launch.getInputs().size(); }
  mlir::Type getType(size_t port) { return Types[port]; }
  std::vector<int64_t> getShape(size_t port, const std::vector<int64_t> &symbols) {
    std::vector<int64_t> shape;
    for (mlir::AffineExpr size : mlir::cast<mlir::AffineMapAttr>(Launch.getShapes()[port]).getValue().getResults())
      shape.push_back(evaluateSize(size, symbols));
    return shape;
  }

  /// Outputs of the call; its states are replaced by the new ones.
  std::vector<ReferenceValue> evaluate(ImageRunner::Call &call) {
    std::vector<ReferenceValue> arguments;
    size_t input = 0, state = 0;
    for (size_t i = 0; i < countInputs(); ++i) {
      const Bytes &bytes = mlir::isa<StateType>(Types[i]) ? call.States[state++] : call.Inputs[input++];
      mlir::Type element = mlir::isa<StateType>(Types[i]) ? Types[i] : mlir::getElementTypeOrSelf(Types[i]);
      arguments.push_back(ReferenceValue::borrowed(element, getShape(i, call.Symbols), bytes));
    }
    Evaluator evaluator;
    auto results = evaluator.evaluateBlock(Launch.getBody().front(), arguments);
    if (failed(results)) {
      ADD_FAILURE() << "the reference does not evaluate the launch";
      return {};
    }
    std::vector<ReferenceValue> outputs;
    state = 0;
    for (auto [i, value] : llvm::enumerate(*results)) {
      mlir::Type type = Types[countInputs() + i];
      if (mlir::isa<StateType>(type))
        call.States[state++].assign(value.getBytes().begin(), value.getBytes().end());
      else
        outputs.push_back(roundToStored(value, type));
    }
    return outputs;
  }

  mlir::MLIRContext Context;

private:
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  plan::LaunchOp Launch;
  llvm::SmallVector<mlir::Type> Types;
};
} // namespace

/// Adds the inputs that are left out, as random floats, and outputs full of rubbish.
static void completeCall(ReferenceRunner &reference, ImageRunner::Call &call, size_t outputs) {
  size_t tensors = 0;
  for (size_t i = 0; i < reference.countInputs(); ++i) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(reference.getType(i));
    if (!type || tensors++ < call.Inputs.size())
      continue;
    ReferenceValue value = ReferenceValue::tensor(type.getElementType(), reference.getShape(i, call.Symbols));
    std::vector<float> values = randomFloats(value.getNumElements(), uint32_t(i + 17));
    for (size_t j = 0; j < values.size(); ++j)
      value.setFloat(j, values[j]);
    call.Inputs.push_back(Bytes(value.getBytes().begin(), value.getBytes().end()));
  }
  for (size_t i = 0; i < outputs; ++i)
    if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(reference.getType(reference.countInputs() + i))) {
      size_t bytes = getElementBytes(type.getElementType());
      for (int64_t size : reference.getShape(reference.countInputs() + i, call.Symbols))
        bytes *= size;
      call.Outputs.push_back(Bytes(bytes, 0xAB));
    }
}

void test::checkAgainstReference(const LaunchText &launch, std::vector<ImageRunner::Call> calls, double tolerance) {
  std::string plan = makePlan(launch);
  ReferenceRunner reference(plan);
  ImageRunner runner(plan);
  for (ImageRunner::Call &call : calls) {
    completeCall(reference, call, launch.Outputs.size());
    std::vector<ImageRunner::Call> found = runner.run(call);
    std::vector<ReferenceValue> wanted = reference.evaluate(call);
    for (const ImageRunner::Call &result : found) {
      EXPECT_EQ(result.States, call.States) << plan;
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (!mlir::isa<mlir::FloatType>(wanted[i].getType())) {
          EXPECT_EQ(llvm::ArrayRef<uint8_t>(result.Outputs[i]), wanted[i].getBytes()) << plan;
          continue;
        }
        auto value = ReferenceValue::borrowed(wanted[i].getType(), wanted[i].getShape(), result.Outputs[i]);
        std::vector<double> values(value.getNumElements()), numbers(values.size());
        for (size_t j = 0; j < values.size(); ++j) {
          values[j] = value.getFloat(j);
          numbers[j] = wanted[i].getFloat(j);
        }
        expectNear(values, numbers, tolerance, plan);
      }
    }
  }
}

void test::checkAgainstReference(const LaunchText &launch, ImageRunner::Call call, double tolerance) {
  checkAgainstReference(launch, std::vector<ImageRunner::Call>{std::move(call)}, tolerance);
}
