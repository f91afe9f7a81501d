// Passes that ask what kernels of GPUs take. Each says what it needs, what it leaves and what it does not do.
#ifndef LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
#define LATHE_COMPILER_TARGETS_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseCloneRanges : Pass<"lathe-choose-clone-ranges", "::mlir::ModuleOp"> {
  let summary = "Choose how many tokens each clone of a model is for, by what GPUs are expected to take";
  let description = [{
    Needs: entry points at the end of phase `quantize`, whose products have the operands that kernels will read.

    Leaves: on each entry point that CloneByTokenCount cuts, `lathe.clone_ends`, the largest count of each clone but the last,
    and `lathe.clone_reasons`, a sentence for each clone. Counts are those of the entry's tokens or of its batch. For every
    count and every clone that it might be in, the kernels of products with weights are foreseen as the passes of `fuse` and
    the printer choose them for the clone's most rows, and their time is predicted from the description of each of `chips`;
    no GPU is asked. Clones end at powers of two. A clone more must make calls of some count, up to twice that count, 3 %
    faster, or all together as much, where those of the least count, as when one text is alone, are worth four times as much;
    there are at most 6. Remarks of category `fusion` say the same.

    Before: `func.func @forward(...) attributes {lathe.entry = "language_model", ...}`

    After:
    ```mlir
    func.func @forward(...) attributes {lathe.clone_ends = array<i64: 8, 64>, lathe.clone_reasons = ["1.5 us of products ...",
        ...], lathe.entry = "language_model", ...}
    ```

    Not done, with a missed remark: entry points with more bytes of weights in products of which nothing is predicted
    (convolutions, experts) than in others, or without products, which are cut where the options of CloneByTokenCount say.
    Without one: entry points that are cut already.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    ListOption<"chips", "chips", "std::string", "GPUs that the model is compiled for, as sm_90a; at least one">,
    Option<"batchInvariant", "batch-invariant", "bool", "false", "whether all counts have kernels that add in one order">,
    Option<"tf32", "tf32", "bool", "false", "whether products of f32 may round their operands to tf32">,
    Option<"texts", "texts", "bool", "true", "whether the token counts of models of texts are chosen">,
    Option<"tensors", "tensors", "bool", "true", "whether the batches of models of tensors are chosen">,
  ];
}

def UnpackBlocks : Pass<"lathe-unpack-blocks", "::mlir::func::FuncOp"> {
  let summary = "Take blocks apart before products of many rows where that is expected to be faster";
  let description = [{
    Needs: an entry point after PackProducts for CUDA and FormWeightPrograms.

    Leaves: products of 65 rows and more that read tiles of 16-bit values, which `lathe.unpack_tiles` makes of their blocks,
    in tiles or not, in each call: most kernels would else take the same blocks apart for each tile of rows. Those of
    Hopper read tiles of blocks once for up to 256 rows. There products of up to so many rows that read one left side stay
    as they are where that is predicted to be faster, for the most rows that they may have, on each of `chips`. Memory for the values of one
    product is enough, as each is read right behind where it is made. Remarks of category `fusion` say where, and what was
    predicted.

    Before:
    ```mlir
    %y = lathe.tile_matmul %x, %w : tensor<?x256xf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x40xf32>
    ```
    After:
    ```mlir
    %v = lathe.unpack_tiles %w : tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x4x64x64xf16>
    %y = lathe.tile_matmul %x, %v : tensor<?x256xf16>, tensor<1x4x64x64xf16> -> tensor<?x40xf32>
    ```

    Not done: products that may have fewer rows, among them logits, whose rows are those wanted; with a missed remark rows
    of less than 64 elements behind the last whole tile of blocks.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    ListOption<"chips", "chips", "std::string", "GPUs that the model is compiled for, as sm_90a; at least one">,
  ];
}

#endif // LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
