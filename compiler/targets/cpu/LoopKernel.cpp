// Kernels of operations with a LoopOpInterface: they describe the launch's buffers to the loop (loops/Tensor.h) and
// call it. The descriptions are constants where sizes are, so that inlining specializes the loop.
#include "compiler/targets/cpu/KernelEmitter.h"
#include "dialects/lathe/reference/LoopTensor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

namespace {
/// Layouts of loops/Tensor.h.
struct LoopTypes {
  explicit LoopTypes(llvm::LLVMContext &context) {
    auto *pointer = llvm::PointerType::get(context, 0);
    llvm::Type *i32 = llvm::Type::getInt32Ty(context), *i64 = llvm::Type::getInt64Ty(context);
    Tensor = llvm::StructType::get(context, {pointer, pointer, i32, i32});
    Call = llvm::StructType::get(context, {pointer, pointer, pointer, pointer, i64, i64});
  }
  llvm::StructType *Tensor, *Call;
};
static_assert(sizeof(loops::Tensor) == 24 && sizeof(loops::LoopCall) == 48, "LoopTypes mirrors loops/Tensor.h");

/// One tensor of the loop: a value of the body, and the buffer that holds it.
struct Port {
  Value Tensor; ///< null: absent
  int Buffer = -1;
};

class LoopEmitter {
public:
  LoopEmitter(const KernelBody &body, Operation *root, llvm::IRBuilderBase &builder, const KernelFrame &frame)
      : Body(body), Root(root), Builder(builder), Frame(frame), Types(builder.getContext()) {}

  LogicalResult collectPorts();
  /// The address of a LoopCall with everything but `math`, `begin` and `end`.
  llvm::Value *emitCall();
  void setField(llvm::Value *call, unsigned field, llvm::Value *value) {
    Builder.CreateStore(value, Builder.CreateStructGEP(Types.Call, call, field));
  }

private:
  llvm::Value *emitTensors(ArrayRef<Port> ports);
  llvm::Value *emitNumbers(ArrayRef<AffineExpr> numbers);

  const KernelBody &Body;
  Operation *Root;
  llvm::IRBuilderBase &Builder;
  const KernelFrame &Frame;
  LoopTypes Types;
  SmallVector<Port> Inputs, Outputs;
};
} // namespace

LogicalResult LoopEmitter::collectPorts() {
  Operation *op = Root;
  for (Value input : cast<LoopOpInterface>(op).getLoopInputs()) {
    BlockArgument argument = input ? KernelBody::findArgument(input) : BlockArgument();
    if (input && (!argument || getElementTypeOrSelf(argument.getType()) != getElementTypeOrSelf(input.getType())))
      return op->emitOpError() << "reads a value that is computed in the same launch, but a loop reads memory; end the "
                                  "fusion before this operation";
    Inputs.push_back({input, input ? int(argument.getArgNumber()) : -1});
    Type element = input ? getElementTypeOrSelf(input.getType()) : Type();
    if (input && !isa<SizesType>(element) && getLoopElement(element) == loops::Element::None)
      return op->emitOpError() << "reads elements of type " << element << ", for which the CPU has no kernel";
  }
  for (Value result : op->getResults()) {
    auto yielded = llvm::find(Body.getYield()->getOperands(), result);
    if (yielded == Body.getYield()->operand_end())
      return op->emitOpError() << "has a result that its launch does not store";
    Outputs.push_back({result, int(Body.getBlock().getNumArguments() + yielded.getIndex())});
    Type element = getElementTypeOrSelf(result.getType());
    if (getLoopElement(element) == loops::Element::None)
      return op->emitOpError() << "makes elements of type " << element << ", for which the CPU has no kernel";
  }
  return success();
}

llvm::Value *LoopEmitter::emitNumbers(ArrayRef<AffineExpr> numbers) {
  llvm::Type *i64 = Builder.getInt64Ty();
  llvm::Value *array = Builder.CreateAlloca(llvm::ArrayType::get(i64, std::max<size_t>(numbers.size(), 1)));
  for (auto [i, number] : llvm::enumerate(numbers))
    Builder.CreateStore(Frame.emit(Builder, number), Builder.CreateConstInBoundsGEP1_64(i64, array, i));
  return array;
}

llvm::Value *LoopEmitter::emitTensors(ArrayRef<Port> ports) {
  llvm::Value *array = Builder.CreateAlloca(llvm::ArrayType::get(Types.Tensor, std::max<size_t>(ports.size(), 1)));
  for (auto [i, port] : llvm::enumerate(ports)) {
    llvm::Value *tensor = Builder.CreateConstInBoundsGEP1_64(Types.Tensor, array, i);
    auto element = loops::Element::None;
    ArrayRef<AffineExpr> dims;
    if (port.Tensor) {
      element = getLoopElement(getElementTypeOrSelf(port.Tensor.getType()));
      dims = Body.getDims(port.Tensor);
    }
    bool hasData = port.Tensor && !Frame.Buffers.empty();
    llvm::Value *null = llvm::ConstantPointerNull::get(Builder.getPtrTy());
    llvm::Value *fields[] = {hasData ? Frame.Buffers[port.Buffer] : null, emitNumbers(dims),
                             Builder.getInt32(dims.size()), Builder.getInt32(int32_t(element))};
    for (auto [f, field] : llvm::enumerate(fields))
      Builder.CreateStore(field, Builder.CreateStructGEP(Types.Tensor, tensor, f));
  }
  return array;
}

llvm::Value *LoopEmitter::emitCall() {
  SmallVector<DimList> dims;
  for (Value operand : Root->getOperands())
    dims.push_back(DimList(Body.getDims(operand)));
  SmallVector<AffineExpr> attributes;
  cast<LoopOpInterface>(Root).getLoopAttributes(dims, attributes);
  llvm::Value *call = Builder.CreateAlloca(Types.Call);
  setField(call, 1, emitTensors(Inputs));
  setField(call, 2, emitTensors(Outputs));
  setField(call, 3, emitNumbers(attributes));
  return call;
}

FailureOr<CpuKernelFunctions> cpu::emitLoopKernel(const KernelBody &body, Operation *root, TemplateLibrary &library,
                                                  StringRef name) {
  llvm::Module &module = library.getModule();
  std::string loop = "lathe_loop_" + cast<LoopOpInterface>(root).getLoopName();
  llvm::Function *run = library.get(loop), *tiles = library.get(loop + "_tiles");
  assert(run && tiles && "Loops.def has a line for each operation that is a loop");

  KernelShell shell(module, name);
  KernelFrame frame(shell.Builder, body, shell.Buffers, shell.Dims);
  LoopEmitter emitter(body, root, shell.Builder, frame);
  if (failed(emitter.collectPorts()))
    return failure();
  llvm::Value *call = emitter.emitCall();
  HostAbiTypes abi(module.getContext());
  emitter.setField(call, 0, abi.loadFunction(shell.Builder, shell.Call, HostFunction::Math));
  emitter.setField(call, 4, shell.Begin);
  emitter.setField(call, 5, shell.End);
  shell.Builder.CreateRet(shell.Builder.CreateCall(run, {call}));

  llvm::IRBuilder<> builder(module.getContext());
  llvm::Function *count =
      createInternalFunction(module, builder.getInt64Ty(), {builder.getPtrTy()}, (name + "_tiles").str());
  builder.SetInsertPoint(&count->getEntryBlock());
  KernelFrame sizes(builder, body, nullptr, count->getArg(0));
  LoopEmitter counter(body, root, builder, sizes);
  LogicalResult collected = counter.collectPorts();
  assert(succeeded(collected) && "the same ports were collected above");
  (void)collected;
  builder.CreateRet(builder.CreateCall(tiles, {counter.emitCall()}));
  return CpuKernelFunctions{shell.Function, count};
}
