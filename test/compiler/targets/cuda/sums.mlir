// What ranks add up has a kernel of its own beside the launches, one for each type, which the runtime may start instead
// of calling NCCL. What they gather has none, and the next kernel waits for it as for any other.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s

// CHECK:      using Template = AllReduce<float, 4>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::PacketBytes == 8 && Template::MailboxBytes == 16 && Template::MailboxCopies == 2 && Template::MinBlocks >= 8);
// CHECK:      lathe_all_reduce_f32(const float *source, float *target, char *m0, char *m1, char *m2, char *m3, char *own, uint32_t *calls, const uint32_t *stop, int64_t packets, int64_t capacity, int64_t rank) {
// CHECK:        .Mailboxes = {m0, m1, m2, m3}, .Own = own
// CHECK-NOT:  AllReduce<float
// CHECK:      using Template = AllReduce<Half, 4>;
// CHECK:      {{^}}forward
// CHECK-NEXT:   all_reduce
// CHECK-NEXT:   lathe_elementwise_f32{{.*}}
// CHECK-NEXT:   all_reduce
// CHECK-NEXT:   all_reduce
// CHECK-NEXT:   all_gather
module attributes {lathe.grid = [{name = "tensor", size = 4 : i64}]} {
  func.func @forward(%x: tensor<?x64xf32> {lathe.name = "x", lathe.dims = ["n", 64]},
                     %h: tensor<?x64xf16> {lathe.name = "h", lathe.dims = ["n", 64]})
      -> (tensor<?x64xf32>, tensor<?x64xf16>, tensor<4x?x64xf32>)
      attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
    %0 = lathe.all_reduce %x along "tensor" : tensor<?x64xf32>
    %1 = lathe.exp %0 : tensor<?x64xf32>
    %2 = lathe.all_reduce %1 along "tensor" : tensor<?x64xf32>
    %3 = lathe.all_reduce %h along "tensor" : tensor<?x64xf16>
    %4 = lathe.all_gather %1 along "tensor" : tensor<?x64xf32> -> tensor<4x?x64xf32>
    return %2, %3, %4 : tensor<?x64xf32>, tensor<?x64xf16>, tensor<4x?x64xf32>
  }
}
