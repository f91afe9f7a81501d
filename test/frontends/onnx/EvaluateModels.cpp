// lathe-onnx-evaluate FOLDER...: for each folder, imports model.onnx, runs it on the reference evaluator with
// <input>.npy and writes <output>.result.npy. One process for many models, because starting LLVM takes longer than a
// model of one node.
#include "dialects/lathe/reference/Evaluator.h"
#include "frontends/onnx/OnnxImporter.h"
#include "tools/Npy.h"

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
  std::string error;
  llvm::SmallVector<ReferenceValue> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto array = readNpy(folder + "/" + nameOf(function.getArgAttr(i, NameAttrName)) + ".npy", error);
    if (!array)
      return fail(error);
    auto type = mlir::cast<mlir::RankedTensorType>(function.getArgumentTypes()[i]);
    arguments.push_back(ReferenceValue::tensor(type.getElementType(), array->Shape));
    if (arguments.back().getBytes().size() != array->Bytes.size())
      return fail(folder + ": input " + std::to_string(i) + " has another element type than its file");
    llvm::copy(array->Bytes, arguments.back().mutableBytes().begin());
  }
  Evaluator evaluator;
  auto results = evaluator.evaluateFunction(function, arguments);
  if (failed(results))
    return false;
  for (auto [i, result] : llvm::enumerate(*results)) {
    NpyArray array{"f" + std::to_string(getElementBytes(result.getType())), result.getShape().vec(),
                   result.getBytes().vec()};
    std::string path = folder + "/" + nameOf(function.getResultAttr(i, NameAttrName)) + ".result.npy";
    if (!writeNpy(path, array, error))
      return fail(error);
  }
  return true;
}

int main(int argc, char **argv) {
  bool good = argc > 1;
  for (int i = 1; i < argc; ++i)
    good &= evaluate(argv[i]);
  return good ? 0 : 1;
}
