#ifndef LATHE_DIALECTS_LATHE_LATHEINTERFACES_TD
#define LATHE_DIALECTS_LATHE_LATHEINTERFACES_TD

include "mlir/IR/OpBase.td"

def Lathe_ShapeOpInterface : OpInterface<"ShapeOpInterface"> {
  let cppNamespace = "::lathe";
  let description = [{
    Gives each dimension of each result as an expression over the operands' dimensions, which are themselves expressions
    over the symbols of the entry point. Dimensions of operands that are not tensors are empty lists.
  }];
  let methods = [InterfaceMethod<[{
      Fills `results` with one list of expressions per result. Fails when a dimension depends on data.
    }],
    "::llvm::LogicalResult", "inferResultDims",
    (ins "::llvm::ArrayRef<::lathe::DimList>":$operands, "::llvm::SmallVectorImpl<::lathe::DimList> &":$results)>];
}

def Lathe_ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::lathe";
  let description = [{
    The one reference meaning of an operation: plain loops with wide accumulation. Constant folding, `lathe-eval`,
    kernel tests and `--verify` all use it. The bodies are in `dialects/lathe/reference`.
  }];
  let methods = [InterfaceMethod<[{
      Computes the results from the operands. Fails with a diagnostic on the operation when the values are outside of
      what the operation defines (an index out of range, say).
    }],
    "::llvm::LogicalResult", "evaluate",
    (ins "::llvm::ArrayRef<::lathe::ReferenceValue>":$operands,
         "::llvm::SmallVectorImpl<::lathe::ReferenceValue> &":$results)>];
}

def Lathe_LoopOpInterface : OpInterface<"LoopOpInterface"> {
  let cppNamespace = "::lathe";
  let description = [{
    An operation that is written once, as a loop of `dialects/lathe/reference/loops`: the reference runs its native build,
    the CPU target its bitcode. It is a kernel of its own: nothing fuses with it.
  }];
  let methods = [
    InterfaceMethod<"Name of the loop in `Loops.def`; that of the operation unless it says otherwise.",
      "std::string", "getLoopName", (ins), "", [{ return $_op->getName().stripDialect().str(); }]>,
    InterfaceMethod<[{
        The operands as the loop numbers its inputs, null where an optional one is absent. Unless the operation says
        otherwise: all of them in order.
      }],
      "::llvm::SmallVector<::mlir::Value>", "getLoopInputs", (ins), "",
      [{ return ::llvm::SmallVector<::mlir::Value>($_op->getOperands()); }]>,
    InterfaceMethod<[{
        Appends the numbers that the loop takes beside its tensors, as expressions over the operands' dimensions.
      }],
      "void", "getLoopAttributes", (ins "::llvm::ArrayRef<::lathe::DimList>":$operands,
                                        "::llvm::SmallVectorImpl<::mlir::AffineExpr> &":$attributes)>,
  ];
}

def Lathe_DerivativeOpInterface : OpInterface<"DerivativeOpInterface"> {
  let cppNamespace = "::lathe";
  let description = [{
    The derivative rule of an operation, for differentiation ahead of time. An operation implements this interface or has
    the trait `NotDifferentiable`; the dialect's tests refuse one that has neither.
  }];
  let methods = [InterfaceMethod<[{
      Builds the vector-Jacobian product: given the gradients of the results, returns the gradient of each operand, null
      where it does not depend on the operand smoothly. The gradient of quantized blocks is one of their values. Fails where the rule is not written yet.
    }],
    "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "buildVectorJacobianProduct",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGradients),
    "", [{ return ::mlir::failure(); }]>];
}

def Lathe_NotDifferentiable : NativeOpTrait<"NotDifferentiable"> {
  let cppNamespace = "::lathe";
}

// The region of the operation is one kernel: f16 and bf16 values inside of it are never stored, so they stay f32.
def Lathe_KernelRegion : NativeOpTrait<"KernelRegion"> {
  let cppNamespace = "::lathe";
}

def Lathe_QuantizedTypeInterface : TypeInterface<"QuantizedTypeInterface"> {
  let cppNamespace = "::lathe";
  let description = [{
    An element type whose values are stored in blocks. Such elements exist between `lathe.weight` or `lathe.quantize` and
    the `lathe` operations that read them; the legality table of every phase refuses them elsewhere, because other
    dialects would slice through the middle of a block.
  }];
  let methods = [
    InterfaceMethod<"Rows and columns of one block.",
      "::std::array<int64_t, 2>", "getBlockShape", (ins)>,
    InterfaceMethod<"Bytes of one block, scales included.", "int64_t", "getBlockBytes", (ins)>,
    InterfaceMethod<[{
        Bytes of a row-major tensor of this shape; fails when the last two dimensions are not multiples of the block.
      }],
      "::llvm::FailureOr<int64_t>", "getByteSize", (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<"True when the slice starts and ends on block borders.",
      "bool", "isLegalSlice", (ins "::llvm::ArrayRef<int64_t>":$shape, "::llvm::ArrayRef<int64_t>":$offsets,
                               "::llvm::ArrayRef<int64_t>":$sizes)>,
    InterfaceMethod<"The unpacking reference: writes all values as f32, row-major.",
      "::llvm::LogicalResult", "unpack", (ins "::llvm::ArrayRef<int64_t>":$shape, "::llvm::ArrayRef<uint8_t>":$bytes,
                          "::llvm::MutableArrayRef<float>":$values)>,
    InterfaceMethod<"True when `pack` writes blocks of this type.", "bool", "canPack", (ins)>,
    InterfaceMethod<[{
        The packing reference: writes the blocks of values in row-major order, the nearest that the type's authority
        finds. Fails when the sizes do not fit, or when `canPack` is false.
      }],
      "::llvm::LogicalResult", "pack", (ins "::llvm::ArrayRef<int64_t>":$shape, "::llvm::ArrayRef<float>":$values,
                          "::llvm::MutableArrayRef<uint8_t>":$bytes)>,
  ];
}

#endif // LATHE_DIALECTS_LATHE_LATHEINTERFACES_TD
