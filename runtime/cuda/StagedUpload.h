#ifndef LATHE_RUNTIME_CUDA_STAGEDUPLOAD_H
#define LATHE_RUNTIME_CUDA_STAGEDUPLOAD_H

#include "runtime/cuda/CudaDevice.h"

namespace lathe::runtime::cuda {

/// Copies host memory to the device through two pinned buffers: while the device takes one, the next piece is read into
/// the other. A copy from a mapped file would otherwise be cut into small pieces by the driver, one after the other,
/// and wait for the disk in between. The context is current wherever one is made, used or destroyed.
class StagedUpload {
public:
  static constexpr size_t PieceBytes = size_t(4) << 20;

  /// Buffers for copies of up to `largest` bytes. Copies go to `stream`, which outlives this.
  StagedUpload(const Driver &driver, Stream stream, size_t largest);
  /// Waits for the stream.
  ~StagedUpload();
  StagedUpload(const StagedUpload &) = delete;
  StagedUpload &operator=(const StagedUpload &) = delete;

  /// `source` may change once this returns; the copy is over when the stream is.
  void copy(DeviceAddress target, const unsigned char *source, size_t bytes);

private:
  struct Buffer {
    void *memory = nullptr;
    Event taken = nullptr; ///< behind the last copy out of it
  };
  void release();

  const Driver &driver;
  Stream stream;
  size_t pieceBytes;
  Buffer buffers[2];
  unsigned next = 0;
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_STAGEDUPLOAD_H
