#ifndef LATHE_DIALECTS_LATHE_LATHEOPS_TD
#define LATHE_DIALECTS_LATHE_LATHEOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/lathe/LatheAttrs.td"
include "dialects/lathe/LatheDialect.td"
include "dialects/lathe/LatheInterfaces.td"
include "dialects/lathe/LatheTypes.td"

class Lathe_Op<string mnemonic, list<Trait> traits = []> : Op<Lathe_Dialect, mnemonic, traits>;

// An operation that a model computes: it has shapes, a meaning and a place for its derivative.
class Lathe_ModelOp<string mnemonic, list<Trait> traits = []> : Lathe_Op<mnemonic, [Pure,
    DeclareOpInterfaceMethods<Lathe_ShapeOpInterface>,
    DeclareOpInterfaceMethods<Lathe_ReferenceOpInterface>] # traits>;

// The long tail: operations whose one source, in reference/loops, is both the reference and the CPU's kernel.
class Lathe_LoopOp<string mnemonic, list<Trait> traits = []> : Lathe_ModelOp<mnemonic, [
    DeclareOpInterfaceMethods<Lathe_LoopOpInterface, ["getLoopAttributes"]>] # traits> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::evaluate(::llvm::ArrayRef<::lathe::ReferenceValue> operands,
                                              ::llvm::SmallVectorImpl<::lathe::ReferenceValue> &results) {
      return ::lathe::evaluateLoop(*this, operands, results);
    }
  }];
}

def Lathe_SizesData : 1DTensorOf<[I64]>;
def Lathe_Sized : AnyTypeOf<[AnyRankedTensor, Lathe_SizesType]>; // read for its dimensions alone
def Lathe_FloatElement : AnyTypeOf<[F16, BF16, F32]>;
def Lathe_FloatTensor : RankedTensorOf<[F16, BF16, F32]>;
def Lathe_IndexTensor : RankedTensorOf<[I32, I64]>;
// Element types by what one can compute with them; i1 is bool. dialects/lathe/ScalarTypes.h has the same classes.
defvar Lathe_RealElements = [F16, BF16, F32, F64];
defvar Lathe_SignedIntegers = [I8, I16, I32, I64];
defvar Lathe_UnsignedIntegers = [UI8, UI16, UI32, UI64];
def Lathe_RealTensor : RankedTensorOf<Lathe_RealElements>;
def Lathe_SignedTensor : RankedTensorOf<Lathe_RealElements # Lathe_SignedIntegers>;
def Lathe_NumberTensor : RankedTensorOf<Lathe_RealElements # Lathe_SignedIntegers # Lathe_UnsignedIntegers>;
def Lathe_IntegerTensor : RankedTensorOf<Lathe_SignedIntegers # Lathe_UnsignedIntegers>;
def Lathe_CodeTensor : RankedTensorOf<[I8, UI8]>; // of quantized integers
def Lathe_BitsTensor : RankedTensorOf<Lathe_SignedIntegers # Lathe_UnsignedIntegers # [I1]>;
def Lathe_PlainTensor : RankedTensorOf<Lathe_RealElements # Lathe_SignedIntegers # Lathe_UnsignedIntegers # [I1]>;
def Lathe_BoolTensor : RankedTensorOf<[I1]>;
def Lathe_AnyTensor : RankedTensorOf<[AnyType]>;
def Lathe_QuantizedElement : Type<CPred<"::llvm::isa<::lathe::QuantizedTypeInterface>($_self)">, "quantized blocks">;
def Lathe_QuantizedTensor : RankedTensorOf<[Lathe_QuantizedElement]>;
// What products multiply: f8E4M3FN are codes, whose scales are multiplied with the sums.
def Lathe_ProductTensor : RankedTensorOf<[F8E4M3FN, F16, BF16, F32]>;
def Lathe_ProductWeightTensor : RankedTensorOf<[F8E4M3FN, F16, BF16, F32, Lathe_QuantizedElement]>;
def Lathe_PackedTensor : RankedTensorOf<[F8E4M3FN, Lathe_QuantizedElement]>;
def Lathe_WeightTensor : RankedTensorOf<[F16, BF16, F32, Lathe_QuantizedElement]>;
def Lathe_CastableTensor : RankedTensorOf<Lathe_RealElements # Lathe_SignedIntegers # Lathe_UnsignedIntegers #
                                          [I1, F8E4M3FN, Lathe_QuantizedElement]>;
def Lathe_CastTensor : RankedTensorOf<Lathe_RealElements # Lathe_SignedIntegers # Lathe_UnsignedIntegers #
                                      [I1, F8E4M3FN]>;
def Lathe_PagedState : Type<And<[CPred<"::llvm::isa<::lathe::StateType>($_self)">,
    CPred<"::llvm::cast<::lathe::StateType>($_self).getKind() == ::lathe::StateKind::Paged">]>, "paged state",
    "::lathe::StateType">;

// LATHE_CORE_ONLY, LATHE_LOOPS_ONLY and LATHE_COLLECTIVES_ONLY choose what C++ is generated for: most sources need know
// neither the long tail nor ranks.
#ifndef LATHE_COLLECTIVES_ONLY
#ifndef LATHE_LOOPS_ONLY
include "dialects/lathe/Structure.td"
include "dialects/lathe/Elementwise.td"
include "dialects/lathe/Linear.td"
include "dialects/lathe/Quantization.td"
include "dialects/lathe/Reductions.td"
include "dialects/lathe/Movement.td"
include "dialects/lathe/Attention.td"
include "dialects/lathe/ChannelsLast.td"
include "dialects/lathe/ControlFlow.td"
#endif
#ifndef LATHE_CORE_ONLY
include "dialects/lathe/LoopMovement.td"
include "dialects/lathe/LoopIndexing.td"
include "dialects/lathe/LoopSorting.td"
include "dialects/lathe/LoopWindows.td"
include "dialects/lathe/LoopInteger.td"
include "dialects/lathe/LoopRecurrent.td"
include "dialects/lathe/LoopRotation.td"
include "dialects/lathe/LoopSignal.td"
include "dialects/lathe/LoopPicture.td"
#endif
#endif // LATHE_COLLECTIVES_ONLY
#ifndef LATHE_CORE_ONLY
#ifndef LATHE_LOOPS_ONLY
include "dialects/lathe/Collectives.td"
#endif
#endif

#endif // LATHE_DIALECTS_LATHE_LATHEOPS_TD
