// lathe-onnx-evaluate FOLDER...: for each folder, imports model.onnx, runs it on the reference evaluator with
// <input>.npy and writes <output>.result.npy. One process for many models, because starting LLVM takes longer than a
// model of one node.
#include "dialects/lathe/reference/Evaluator.h"
#include "frontends/onnx/OnnxImporter.h"
#include "tools/lathe/CommandFailure.h"
#include "tools/lathe/Npy.h"

#include "mlir/IR/MLIRContext.h"

using namespace lathe;

static bool fail(const std::string &message) {
  llvm::errs() << "lathe-onnx-evaluate: " << message << "\n";
  return false;
}

static std::string nameOf(mlir::Attribute name) { return mlir::cast<mlir::StringAttr>(name).str(); }

static bool evaluate(const std::string &folder) {
  mlir::MLIRContext context;
  auto module = importOnnx(context, folder + "/model.onnx");
  if (failed(module))
    return false;
  auto function = *(**module).getOps<mlir::func::FuncOp>().begin();
  llvm::SmallVector<ReferenceValue> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    tools::Array array = tools::readNpy(folder + "/" + nameOf(function.getArgAttr(i, NameAttrName)) + ".npy");
    auto type = mlir::cast<mlir::RankedTensorType>(function.getArgumentTypes()[i]);
    arguments.push_back(ReferenceValue::tensor(type.getElementType(), array.shape));
    if (arguments.back().getBytes().size() != array.bytes.size())
      return fail(folder + ": input " + std::to_string(i) + " has another element type than its file");
    llvm::copy(array.bytes, arguments.back().mutableBytes().begin());
  }
  Evaluator evaluator;
  auto results = evaluator.evaluateFunction(function, arguments);
  if (failed(results))
    return false;
  for (auto [i, result] : llvm::enumerate(*results)) {
    lathe_type type = result.getType().isF32() ? LATHE_F32 : LATHE_F16;
    llvm::ArrayRef<uint8_t> bytes = result.getBytes();
    tools::writeNpy(folder + "/" + nameOf(function.getResultAttr(i, NameAttrName)) + ".result.npy",
                    {type, result.getShape().vec(), {bytes.begin(), bytes.end()}});
  }
  return true;
}

int main(int argc, char **argv) {
  bool good = argc > 1;
  for (int i = 1; i < argc; ++i)
    try {
      good &= evaluate(argv[i]);
    } catch (const tools::CommandFailure &problem) {
      good = fail(problem.what());
    }
  return good ? 0 : 1;
}
